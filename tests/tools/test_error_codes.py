"""Codes of errors: each one that can be raised is explained, and none that can't."""

from pathlib import Path

from tools.reference.error_codes import Place, sightings
from tools.reference.errors import errors_page, meanings


def test_every_code_is_explained_and_no_other() -> None:
    raised = sightings().keys()
    assert sorted(raised - meanings().keys()) == [], "say in tools/reference/error_codes.yaml what these mean"
    assert sorted(meanings().keys() - raised) == [], "nothing raises these any more"


def test_explanations_are_sentences_in_the_order_of_the_alphabet() -> None:
    assert list(meanings()) == sorted(meanings())
    assert [code for code, text in meanings().items() if not text.endswith(".")] == []


def test_codes_are_found_however_they_are_raised(tmp_path: Path) -> None:
    source = tmp_path / "domain"
    source.mkdir()
    (source / "a.py").write_text(
        'LATER = "RAISED_BY_NAME"\n'
        'raise UserFault("SAID_AT_ONCE", "…")\n'
        'raise JobFault("ONE_OF_TWO" if cause else "THE_OTHER", "…", "DATA")\n'
        'raise UserFault(LATER, "…")\n'
        'raise Refusal(413, "REFUSED_HERE", "…")\n'
        'code = "ASSIGNED"\n'
        'answer = {"code": "IN_A_DICT"}\n'
        'class Busy(UserFault):\n  def __init__(self, code="BY_DEFAULT"):\n    super().__init__("ITS_OWN", "…")\n'
        'execute("COMMIT")\n'
    )
    found = sightings(tmp_path)
    assert found.keys() == {
        "ASSIGNED", "BY_DEFAULT", "IN_A_DICT", "ITS_OWN", "ONE_OF_TWO", "RAISED_BY_NAME", "REFUSED_HERE",
        "SAID_AT_ONCE", "THE_OTHER",
    }  # fmt: skip
    assert (found["ONE_OF_TWO"].places, found["ONE_OF_TWO"].categories) == ({Place.JOB}, {"DATA"})
    assert (found["REFUSED_HERE"].places, found["REFUSED_HERE"].statuses) == ({Place.REQUEST}, {413})


def test_the_page_shows_a_code_where_it_is_told() -> None:
    page = errors_page()
    requests, _, others = page.partition("## Answers")
    assert "| `BODY_TOO_LARGE` | 413 | The request has more bytes than" in requests
    rows, _, jobs = others.partition("## Jobs")
    assert "| `UNIQUE` | The values of these columns come a second time. |" in rows
    assert "| `URL_NOT_ALLOWED` | CONFIG | The address isn't public" in jobs
