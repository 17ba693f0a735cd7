"""Kinds of other packages are found beside those of this one, and one that can't be used harms none of the others."""

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest

from headgate.pipelines import sinks
from headgate.pipelines.kinds import find_kinds
from headgate.pipelines.sinks.registry import sink_kinds
from headgate.pipelines.sinks.sink import OutsideSink, Sink
from tests.packages import installed

GROUP = "headgate.test"
OWN = list(sink_kinds())
HEAD = """
from collections.abc import Callable
from pydantic import Field
from headgate.pipelines.kinds import Settings
from headgate.pipelines.sinks.sink import Delivered, OutsideSink, Sink
"""
SINK = '''
class {name}({base}):
    """Throws rows away."""

    kind = {kind!r}
    example = {example}
    {more}
'''
PART = """
class Part(Settings):
    ä: int
"""
WRITES = "def write(self, rows, delivery): return Delivered()"

Find = Callable[[str, Mapping[str, str]], list[str]]
_numbers = count()


def sink(
    name: str = "Away",
    *,
    base: str = "OutsideSink",
    kind: object = "away",
    example: str = "{}",
    more: str = WRITES,
) -> str:
    """The code of a sink."""
    return SINK.format(name=name, base=base, kind=kind, example=example, more=more)


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Find:
    """Find sinks while a package is installed, of one module with this code and with entry points to its classes."""

    def find(code: str, entries: Mapping[str, str]) -> list[str]:
        module = f"headgate_stray_{next(_numbers)}"
        folder = tmp_path / module
        installed(folder, module, {GROUP: {name: f"{module}:{value}" for name, value in entries.items()}})
        (folder / f"{module}.py").write_text(HEAD + code)
        monkeypatch.syspath_prepend(folder)
        return list(find_kinds(sinks, Sink, GROUP, brought=OutsideSink))

    return find


def test_a_kind_of_a_package_is_found_by_its_own_name(find: Find, caplog: pytest.LogCaptureFixture) -> None:
    assert find(sink(), {"whatever": "Away"}) == sorted([*OWN, "away"])
    assert caplog.messages == []


BAD = {
    "missing": (sink("Other"), "AttributeError"),
    "no package": ("import headgate_nowhere", "ModuleNotFoundError"),
    "broken": ("1 / 0", "ZeroDivisionError"),
    "no syntax": ("def", "SyntaxError"),
    "no class": ("Away = 5", "this is no OutsideSink"),
    "other base": (sink(base="Sink"), "this is no OutsideSink"),
    "abstract": (sink(more=""), "or one without methods that it needs"),
    "nameless": (sink().replace("kind = 'away'", ""), "AttributeError"),
    "no name": (sink(kind="no-name"), "'no-name' is no name of a kind"),
    "number": (sink(kind=5), "TypeError"),
    "bad example": (sink(example="{'a': 1}"), "Extra inputs are not permitted"),
    "no setting": (
        sink(more=f"a: int = Field(0, alias='a-b')\n    {WRITES}"),
        "'a-b' is no name of a setting",
    ),
    "no part": (PART + sink(more=f"part: Part | None = None\n    {WRITES}"), "'Ä' is no name of a setting"),
    "no schema": (sink(more=f"call: Callable = print\n    {WRITES}"), "PydanticInvalidForJsonSchema"),
    "taken": (sink(kind="dataset"), "there is a kind dataset already"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_kind_that_cannot_be_used_is_left_out_and_named_in_the_log(
    find: Find, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    code, why = BAD[name]
    assert find(code, {"stray": "Away"}) == OWN
    (told,) = caplog.messages
    assert "stray = headgate_stray_" in told
    assert GROUP in told
    assert why in told


def test_of_two_kinds_with_one_name_the_first_in_the_order_of_entry_points_is_taken(
    find: Find, caplog: pytest.LogCaptureFixture
) -> None:
    code = sink("First") + sink("Second") + sink("Third", kind="third")
    assert find(code, {"b": "Second", "a": "First", "c": "Third"}) == sorted([*OWN, "away", "third"])
    assert [told for told in caplog.messages if "b = " in told] == caplog.messages != []
