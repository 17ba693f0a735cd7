"""Commands that ask a server: what they print, and how they end."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from typer.testing import Result

from headgate.cli.exits import Exit
from headgate.sample.loading import FOLDER
from tests.acceptance.processes import Headgate
from tests.cli.conftest import Run

LOANS = str(FOLDER / "loans.csv")
PEOPLE = "name,age\nAnn,34\nBen,4x\n"
CHECKS = "checks:\n  - numeric: {columns: [age]}\n"


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return str(path)


@pytest.fixture
def checks(tmp_path: Path) -> str:
    path = tmp_path / "checks.yaml"
    path.write_text(CHECKS)
    return str(path)


@pytest.fixture
def strict_spec(tmp_path: Path) -> str:
    path = tmp_path / "strict.json"
    path.write_text(json.dumps({"acceptance": {"onInvalid": "REJECT_ALL"}}))
    return str(path)


def new_name() -> str:
    return f"cli_{uuid4().hex}"


def line_of(result: Result) -> str:
    """The one line on stdout."""
    assert result.exit_code == Exit.DONE, result.stderr
    [line] = result.stdout.splitlines()
    return line


def known(result: Result) -> dict[str, str]:
    """What is printed about one thing, for scripts."""
    return dict(line.split("\t") for line in result.stdout.splitlines())


def test_a_file_is_uploaded_and_told_of(ask: Run) -> None:
    told = known(ask("upload", LOANS))
    assert (told["name"], told["format"]) == ("loans.csv", "CSV")
    assert told["columns"].startswith("customer_id STRING, name STRING, age INTEGER")


def test_what_stands_in_standard_input_is_uploaded_too(ask: Run) -> None:
    told = json.loads(ask("upload", "-", "--name", "people.csv", "--json", given=PEOPLE).stdout)
    assert (told["name"], told["byteSize"]) == ("people.csv", len(PEOPLE))


def test_an_ingest_answers_the_id_of_its_job_and_the_same_one_for_the_same_key(ask: Run) -> None:
    name = new_name()
    ids = {line_of(ask("ingest", LOANS, "-d", name, "--idempotency-key", name)) for _ in range(2)}
    assert len(ids) == 1
    assert ids.pop().startswith("job_")


def test_an_uploaded_file_is_ingested_by_its_id(ask: Run) -> None:
    file_id = known(ask("upload", LOANS))["id"]
    job = known(ask("ingest", file_id, "-d", new_name(), "--wait"))
    assert (job["status"], job["read"], job["accepted"], job["rejected"]) == ("PARTIAL", "15", "14", "1")


def test_rejected_rows_end_an_ingest_with_3_where_that_is_asked_for(ask: Run) -> None:
    assert ask("ingest", LOANS, "-d", new_name(), "--wait").exit_code == Exit.DONE
    assert ask("ingest", LOANS, "-d", new_name(), "--strict").exit_code == Exit.INVALID


def test_a_failed_job_ends_the_command_with_1(ask: Run, strict_spec: str) -> None:
    result = ask("ingest", LOANS, "-d", new_name(), "--spec", strict_spec, "--wait", "--json")
    assert result.exit_code == Exit.FAILED
    assert json.loads(result.stdout)["status"] == "FAILED"
    assert result.stderr.startswith("headgate: Job job_")


def test_rows_are_put_in_the_place_of_others_with_the_same_key(ask: Run) -> None:
    name = new_name()
    for _ in range(2):
        job = ask("ingest", LOANS, "-d", name, "--mode", "upsert", "--key", "customer_id", "--wait")
        assert job.exit_code == Exit.DONE, job.stderr
    assert known(ask("datasets", "show", name))["rows"] == "14"


def test_valid_data_ends_validate_with_0_and_other_with_3(ask: Run, people: str, checks: str) -> None:
    name = new_name()
    assert ask("ingest", people, "-d", name, "--wait").exit_code == Exit.DONE
    assert ask("validate", people).exit_code == Exit.DONE
    for data in ([people], ["--dataset", name]):
        result = ask("validate", *data, "--spec", checks)
        assert (result.exit_code, known(result)["rejected"]) == (Exit.INVALID, "1")


def test_errors_are_printed_and_saved(ask: Run, tmp_path: Path) -> None:
    job_id = known(ask("ingest", LOANS, "-d", new_name(), "--wait"))["id"]
    row, line, _, value, code, *_ = line_of(ask("errors", job_id)).split("\t")
    assert (row, line, code) == ("8", "9", "STRUCTURE")
    assert value.startswith("00082,Piotr")
    [error] = json.loads(ask("errors", job_id, "--json").stdout)
    assert error["row"] == 8
    assert ask("errors", job_id, "--csv", str(tmp_path / "errors.csv")).stdout == ""
    assert (tmp_path / "errors.csv").read_text().startswith("row,line,column,value,code")


def test_rejected_rows_are_saved_corrected_and_sent_again(ask: Run, people: str, tmp_path: Path) -> None:
    spec, rows = tmp_path / "spec.yaml", tmp_path / "rows.csv"
    spec.write_text(CHECKS)
    job_id = known(ask("ingest", people, "-d", new_name(), "--spec", str(spec), "--wait"))["id"]
    assert ask("errors", job_id, "--csv", str(rows), "--rows").exit_code == Exit.DONE
    rows.write_text(rows.read_text().replace("4x", "45"))
    assert known(ask("jobs", "correct", job_id, str(rows), "--wait"))["accepted"] == "1"
    assert known(ask("jobs", "show", job_id))["status"] == "SUCCEEDED"


def test_jobs_are_listed_watched_and_retried(ask: Run) -> None:
    name = new_name()
    job_id = known(ask("ingest", LOANS, "-d", name, "--wait"))["id"]
    assert line_of(ask("jobs", "list", "-d", name, "--status", "partial")).startswith(
        f"{job_id}\tINGEST\tPARTIAL"
    )
    events = [json.loads(line) for line in ask("jobs", "watch", job_id, "--json").stdout.splitlines()]
    assert (events[0]["status"], events[-1]["status"]) == ("QUEUED", "PARTIAL")
    assert known(ask("jobs", "retry", job_id, "--failed-rows", "--wait"))["rejected"] == "1"
    refused = ask("jobs", "cancel", job_id)
    assert (refused.exit_code, refused.stdout) == (Exit.USAGE, "")


def test_a_job_that_is_not_waited_for_any_longer_goes_on(ask: Run) -> None:
    result = ask("ingest", LOANS, "-d", new_name(), "--timeout", "0")
    assert result.exit_code == Exit.TIMED_OUT
    assert "it goes on" in result.stderr


def test_a_pipeline_is_applied_shown_and_run(ask: Run, tmp_path: Path) -> None:
    name, path = new_name(), tmp_path / "pipeline.yaml"
    path.write_text(f"name: {name}\n{CHECKS}sinks:\n  - dataset: {{name: {name}}}\n")
    for _ in range(2):
        assert line_of(ask("pipelines", "apply", str(path))).split("\t")[:2] == [name, "1"]
    path.write_text(ask("pipelines", "show", name).stdout)
    assert line_of(ask("pipelines", "apply", str(path))).split("\t")[1] == "1"
    assert known(ask("pipelines", "run", name, "-", "--wait", given=PEOPLE))["accepted"] == "1"
    assert name in [row["name"] for row in json.loads(ask("pipelines", "list", "--json").stdout)]


def test_a_dataset_is_exported_to_standard_output_and_to_a_file(ask: Run, tmp_path: Path) -> None:
    name, path = new_name(), tmp_path / "rows.ndjson"
    assert ask("ingest", LOANS, "-d", name, "--wait").exit_code == Exit.DONE
    assert ask("datasets", "export", name, "-c", "name").stdout.splitlines()[:2] == ["name", "Amara Okafor"]
    assert ask("datasets", "export", name, "-o", str(path)).stdout == ""
    assert json.loads(path.read_text().splitlines()[0])["customer_id"] == "00017"
    assert name in ask("datasets", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("ingest", "nowhere.csv", "-d", "x"), Exit.USAGE),
        (("ingest", LOANS), Exit.USAGE),
        (("ingest", LOANS, "--pipeline", "nowhere"), Exit.USAGE),
        (("validate",), Exit.USAGE),
        (("datasets", "show", "nowhere"), Exit.USAGE),
        (("jobs", "show", "job_00000000000000000000000000"), Exit.USAGE),
        (("jobs", "list", "--url", "not a URL"), Exit.USAGE),
        (("jobs", "list", "--token", "none"), Exit.UNAUTHENTICATED),
        (("jobs", "list", "--token", ""), Exit.UNAUTHENTICATED),
    ],
)
def test_what_cannot_be_done_ends_with_its_own_code_and_one_line(
    ask: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: Exit
) -> None:
    if "--token" in arguments:
        monkeypatch.delenv("HEADGATE_TOKEN")
    result = ask(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("headgate: ")
    assert "Traceback" not in result.stderr


def test_a_role_that_may_not_ends_with_4(ask: Run, shared_headgate: Headgate) -> None:
    token = shared_headgate.token("VIEWER")
    result = ask("ingest", LOANS, "-d", new_name(), "--token", token)
    assert result.exit_code == Exit.UNAUTHENTICATED
    assert token not in result.stderr


def test_a_server_that_is_none_of_headgate_ends_with_5(ask: Run) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        result = ask("jobs", "list", "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert result.exit_code == Exit.UNREACHABLE
    assert "is the URL right?" in result.stderr
