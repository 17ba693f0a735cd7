"""`headgate schema`: what has changed, and who breaks."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headgate.cli.main import app
from headgate.graphql.schema_changes import Change, Severity, changes_between

RELEASES = Path(__file__).parent.parent.parent / "releases"
OLD = "type Query { a(x: Int): Int! b: E } enum E { A B }"
SAFE = "type Query { a(x: Int): Int! b: E c: Int } enum E { A B }"
DANGEROUS = "type Query { a(x: Int): Int! b: E } enum E { A B C }"
DEPRECATED = """
type Query { a(x: Int @deprecated(reason: "It did nothing.")): Int! b: E @deprecated(reason: "Use a.") }
enum E { A B @deprecated(reason: "Use A.") }
"""
BREAKING = "type Query { a(x: Int!): Int b: E } enum E { A B }"
GONE = "Query.a changed type from Int! to Int."


def diff(tmp_path: Path, new: str, *options: str) -> Result:
    old_file, new_file = tmp_path / "old.graphql", tmp_path / "new.graphql"
    old_file.write_text(OLD)
    new_file.write_text(new)
    return CliRunner().invoke(app, ["schema", "diff", str(old_file), str(new_file), *options])


@pytest.mark.parametrize(
    "new", [OLD, SAFE, DANGEROUS, DEPRECATED], ids=["same", "safe", "dangerous", "deprecated"]
)
def test_changes_that_break_nobody_pass(tmp_path: Path, new: str) -> None:
    assert diff(tmp_path, new).exit_code == 0


def test_what_breaks_clients_fails_and_is_named_first(tmp_path: Path) -> None:
    result = diff(tmp_path, BREAKING)
    assert result.exit_code == 1
    assert [line.partition("\t")[0] for line in result.stdout.splitlines()] == ["BREAKING", "BREAKING"]
    assert GONE in result.stderr


def test_declared_changes_pass_and_declarations_of_nothing_fail(tmp_path: Path) -> None:
    declared = tmp_path / "declared.txt"
    meant = [change.description for change in changes_between(OLD, BREAKING)]
    declared.write_text("# on purpose\n" + "\n".join(meant))
    assert diff(tmp_path, BREAKING, "--declared", str(declared)).exit_code == 0
    result = diff(tmp_path, SAFE, "--declared", str(declared))
    assert (result.exit_code, GONE in result.stderr) == (1, True)


def test_deprecations_are_shown_with_their_reasons(tmp_path: Path) -> None:
    shown = json.loads(diff(tmp_path, DEPRECATED, "--json").stdout)
    assert {each["description"] for each in shown if each["severity"] == "DEPRECATED"} == {
        "Query.a(x:) is deprecated: It did nothing.",
        "Query.b is deprecated: Use a.",
        "E.B is deprecated: Use A.",
    }


def test_a_new_value_of_an_enum_is_dangerous_and_a_new_field_safe() -> None:
    assert changes_between(OLD, DANGEROUS) == [Change(Severity.DANGEROUS, "Enum value E.C was added.")]
    assert changes_between(OLD, SAFE) == [Change(Severity.SAFE, "Field Query.c was added.")]


def test_what_is_no_schema_is_refused_in_one_line(tmp_path: Path) -> None:
    result = diff(tmp_path, "type Query {")
    assert (result.exit_code, result.stderr.startswith("headgate: This is no GraphQL schema")) == (2, True)


def test_exactly_one_release_is_the_last_one() -> None:
    [release] = [each for each in RELEASES.iterdir() if each.is_dir()]
    assert {each.name for each in release.iterdir()} == {"commit", "revision", "schema.graphql"}
