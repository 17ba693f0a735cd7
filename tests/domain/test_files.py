"""A file is kept with what it is, or refused with a reason."""

from pathlib import Path
from typing import Any

import pytest

from headgate.domain import files
from headgate.domain.files import FileFilter, UnusableFile
from headgate.domain.incoming import IncomingFile
from headgate.domain.permissions import Principal
from headgate.domain.ports import TaskFault
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import FileStatus, Role, utc_now


async def test_a_received_file_is_ready_with_its_format_and_columns(
    services: Services, operator: Principal, arrive: Any
) -> None:
    incoming = await arrive(b"a\n1\n", "sales.csv")

    file = await files.receive(services, operator, incoming)

    assert incoming.claimed
    assert await files.get(services, file.id) == file
    assert (file.status, file.format, file.name) == (FileStatus.READY, FileFormat.CSV, "sales.csv")
    assert file.columns[0]["name"] == "a"
    assert await services.store.exists(file.storage_key or "")


async def test_the_inspector_finds_the_bytes_and_an_empty_folder(
    services: Services, operator: Principal, arrive: Any, inspector: Any
) -> None:
    file = await files.receive(services, operator, await arrive(), format=FileFormat.TSV)

    [task] = inspector.tasks
    assert task["format"] == FileFormat.TSV
    assert task["object"] == services.store.location(f"files/{file.id}").to_json()
    assert not Path(task["scratch"]).exists()  # noqa: ASYNC240


async def test_a_file_that_the_engine_refuses_leaves_a_failed_row_and_is_not_claimed(
    services: Services, operator: Principal, arrive: Any, inspector: Any
) -> None:
    inspector.answer = TaskFault("EMPTY_FILE", "The file is empty.", "DATA")
    incoming = await arrive(b"")

    with pytest.raises(UnusableFile, match="EMPTY_FILE") as refusal:
        await files.receive(services, operator, incoming)

    kept = await files.get(services, refusal.value.file.id)
    assert kept is not None
    assert (kept.status, kept.storage_key) == (FileStatus.FAILED, None)
    assert kept.failure == {"code": "EMPTY_FILE", "message": "The file is empty."}
    assert not incoming.claimed


async def test_a_file_whose_sha256_differs_is_refused(
    services: Services, operator: Principal, arrive: Any
) -> None:
    with pytest.raises(UnusableFile, match="CHECKSUM_MISMATCH"):
        await files.receive(services, operator, await arrive(), sha256="0" * 64)


async def test_a_file_is_taken_with_its_sha256_in_capitals(
    services: Services, operator: Principal, arrive: Any
) -> None:
    incoming = await arrive()
    await files.receive(services, operator, incoming, sha256=incoming.sha256.upper())
    assert incoming.claimed


async def test_a_malformed_sha256_leaves_nothing(
    services: Services, operator: Principal, arrive: Any
) -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
        await files.receive(services, operator, await arrive(), sha256="12")
    assert await files.total(services, FileFilter()) == 0


async def test_a_file_that_is_too_large_leaves_nothing_and_names_the_limit(
    services: Services, operator: Principal
) -> None:
    incoming = IncomingFile("big.csv", f"files/{new_id('file')}", 2000, "", b"", too_large=True)
    with pytest.raises(UserFault, match=f"FILE_TOO_LARGE: .*{services.max_upload_bytes}"):
        await files.receive(services, operator, incoming)
    assert await files.total(services, FileFilter()) == 0


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/cron.d/x", "../../etc/cron.d/x"),
        ("a\0b\n.csv", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}.csv"),
        ("\ud800.csv", "\N{REPLACEMENT CHARACTER}.csv"),
        ("x" * 300, "x" * 255),
        ("  ", "unnamed"),
        ("größe 表.csv", "größe 表.csv"),
    ],
)
async def test_any_name_can_be_stored_and_shown(
    services: Services, operator: Principal, arrive: Any, sent: str, shown: str
) -> None:
    file = await files.receive(services, operator, await arrive(name=sent))
    assert (await files.get(services, file.id)).name == shown  # type: ignore[union-attr]


async def test_a_viewer_may_not_send_files(services: Services, arrive: Any) -> None:
    viewer = Principal(new_id("user"), Role.VIEWER, utc_now())
    with pytest.raises(UserFault, match="FORBIDDEN"):
        await files.receive(services, viewer, await arrive())


async def test_files_are_paged_newest_first_and_filtered(
    services: Services, operator: Principal, arrive: Any
) -> None:
    sent = [await files.receive(services, operator, await arrive(name=f"{n}_%.csv")) for n in "abc"]

    page = await files.page(services, FileFilter(), 2, None)
    named = await files.page(services, FileFilter(name_contains="B_%"), 20, None)
    odd = await files.page(services, FileFilter(name_contains="\0"), 20, None)

    assert [file.id for file in page.items] == [sent[2].id, sent[1].id]
    assert page.has_next
    assert [file.id for file in named.items] == [sent[1].id]
    assert odd.items == []


async def test_a_preview_holds_records_and_whether_more_follow(
    services: Services, operator: Principal, arrive: Any
) -> None:
    file = await files.receive(services, operator, await arrive())
    preview = await files.preview(services, file, 20)
    assert (preview.records, preview.has_next) == ([{"a": 1}], True)


async def test_a_file_that_failed_has_no_preview(
    services: Services, operator: Principal, arrive: Any, inspector: Any
) -> None:
    inspector.answer = TaskFault("UNREADABLE_FILE", "Not readable.", "DATA")
    with pytest.raises(UnusableFile) as refusal:
        await files.receive(services, operator, await arrive())
    with pytest.raises(UserFault, match="FILE_NOT_READY"):
        await files.preview(services, refusal.value.file, 20)
