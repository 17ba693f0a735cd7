"""The catalog over GraphQL."""

from tests.graphql.conftest import Ask

CATALOG = """
{
  catalog {
    checks { name summary settings example needs }
    sources { name } steps { name } sinks { name } templates { name }
  }
}
"""


async def test_every_kind_is_told_with_its_settings_and_an_example(ask: Ask) -> None:
    found = (await ask(CATALOG))["catalog"]
    checks = {entry["name"]: entry for entry in found["checks"]}
    assert checks["required"]["settings"]["properties"]["allowBlank"]["type"] == "boolean"
    assert checks["required"]["example"]["checks"] == [{"required": {"columns": ["email"]}}]
    assert checks["required"]["needs"] is None
    assert checks["reference"]["needs"] == "The example needs a dataset campaigns."
    assert {"sources", "steps", "sinks", "templates"} < found.keys()
