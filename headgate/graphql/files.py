"""Files that were received."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import deleted_files, files, profiles
from headgate.domain.incoming import IncomingFile
from headgate.domain.joblists import JobList, Owner
from headgate.domain.jobs import JobFilter
from headgate.domain.profiles import Profile
from headgate.errors import UserFault
from headgate.graphql.checks import Check
from headgate.graphql.columns import Column, RowPage
from headgate.graphql.context import Info
from headgate.graphql.dialects import Dialect, DialectInput, read_dialect
from headgate.graphql.enums import FileFormat, FileStatus, JobOrder, Role
from headgate.graphql.fields import mutation, query, resolved
from headgate.graphql.inputs import IDEMPOTENCY_KEY, given
from headgate.graphql.joblists import LazyJob, list_owned_jobs
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.payloads import DeletePayload, Payload, UserError
from headgate.graphql.profiles import (
    CORRELATIONS,
    STATISTICS,
    SUGGESTIONS,
    ColumnStatistics,
    CorrelatedColumns,
    Correlation,
    StatisticsColumns,
)
from headgate.graphql.scalars import BigInt
from headgate.graphql.users import User
from headgate.storage import tables


@strawberry.type(description="Why a file was refused.")
class FileFailure:
    code: str = strawberry.field(description="Upper-case and stable, for programs.")
    message: str = strawberry.field(description="What is wrong with the file, for people.")


@strawberry.type(description="A file that was received and stored; nothing of it is ingested by that.")
class File(Node, prefix="file"):
    name: str = strawberry.field(description="The name that it was sent under: shown, never used as a path.")
    status: FileStatus = strawberry.field(description="Whether it can be ingested.")
    format: FileFormat | None = strawberry.field(description="What it holds; null where that is not known.")
    dialect: Dialect | None = strawberry.field(description="How a text file is read; null for other formats.")
    byte_size: BigInt = strawberry.field(description="Its size in bytes.")
    sha256: str | None = strawberry.field(description="The SHA-256 of its content, in hexadecimal.")
    columns: list[Column] = strawberry.field(description="The columns that were found, in their order.")
    failure: FileFailure | None = strawberry.field(description="Why it was refused; null where it was not.")
    created_at: datetime = strawberry.field(description="When it arrived.")
    row: strawberry.Private[tables.File]

    @classmethod
    def from_row(cls, row: tables.File) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            name=row.name,
            status=row.status,
            format=FileFormat(row.format) if row.format else None,
            dialect=Dialect.from_json(row.dialect) if row.dialect else None,
            byte_size=BigInt(row.byte_size),
            sha256=row.sha256,
            columns=Column.list_from(row.columns),
            failure=_failure(row.failure),
            created_at=row.created_at,
            row=row,
        )

    @resolved("Who sent it.")
    async def created_by(self, info: Info) -> User | None:
        return await User.load(info, self.row.created_by_id)

    @resolved("Its first records, read anew each time that this is asked for.")
    async def preview(
        self,
        info: Info,
        first: Annotated[
            int | None,
            strawberry.argument(description="How many records at most: 1 to 200, and 20 by default."),
        ] = DEFAULT_FIRST,
    ) -> RowPage:
        services = info.context.services
        preview = await files.preview(services, self.row, first_or_default(first))
        return RowPage(
            columns=Column.list_from(preview.columns),
            records=JSON(preview.records),
            has_next_page=preview.has_next,
            end_cursor=None,
            count=_unknown,
        )

    @resolved(STATISTICS)
    async def statistics(self, info: Info, columns: StatisticsColumns = None) -> list[ColumnStatistics]:
        found = await profiles.of_file(info.context.services, self.row, Profile.STATISTICS, columns)
        return [ColumnStatistics.from_json(each) for each in found]

    @resolved(CORRELATIONS)
    async def correlations(self, info: Info, columns: CorrelatedColumns = None) -> list[Correlation]:
        found = await profiles.of_file(info.context.services, self.row, Profile.CORRELATIONS, columns)
        return [Correlation(**each) for each in found]

    @resolved(SUGGESTIONS)
    async def suggested_checks(self, info: Info) -> list[Check]:
        found = await profiles.of_file(info.context.services, self.row, Profile.SUGGESTIONS)
        return [Check.from_json(each) for each in found]

    @resolved("The jobs that read it, the newest first.")
    async def jobs(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[LazyJob]:
        wanted = JobList(Owner.FILE, JobFilter(), JobOrder.CREATED_AT_DESC, first_or_default(first))
        return await list_owned_jobs(info, wanted, self.id, after)


async def _unknown() -> None:
    """Count the records of a file that was only looked into."""


def _failure(failure: Mapping[str, Any] | None) -> FileFailure | None:
    return FileFailure(code=failure["code"], message=failure["message"]) if failure else None


@strawberry.input(description="Which files to list; all conditions must hold.")
class FileFilter:
    name_contains: str | None = strawberry.field(
        default=None, description="The name contains this text, in upper or lower case."
    )
    status: list[FileStatus] | None = strawberry.field(
        default=None, description="The status is one of these."
    )
    format: list[FileFormat] | None = strawberry.field(
        default=None, description="The format is one of these."
    )
    created_after: datetime | None = strawberry.field(
        default=None, description="It arrived after this moment."
    )


@strawberry.input(description="What is known of a file that is sent.")
class UploadInput:
    name: str | None = strawberry.field(
        default=None, description="What to call it, in place of the name that it is sent under."
    )
    format: FileFormat | None = strawberry.field(
        default=None, description="What it holds; detected from its content by default."
    )
    dialect: DialectInput | None = strawberry.field(
        default=None,
        description="How delimited text is written, as far as that is known; the rest is found in its content.",
    )
    sha256: str | None = strawberry.field(
        default=None,
        description="The SHA-256 of its content in hexadecimal: where it differs, the file is refused.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description=(
            f"{IDEMPOTENCY_KEY} The request is the file's content, its name, `format` and `dialect`; one that was "
            "refused may be sent again with the same key."
        ),
    )


@strawberry.type(description="What became of an upload.")
class UploadPayload(Payload):
    replayed: bool = strawberry.field(
        default=False,
        description="Whether an earlier request with the same idempotencyKey had sent it already: then `file` is that.",
    )
    file: File | None = strawberry.field(
        description="The file; with the status FAILED where its content was refused, null where nothing was kept."
    )


@strawberry.type
class FileQuery:
    @query(Role.VIEWER, "A file by its id; null where there is none.")
    async def file(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The file's id.")]
    ) -> File | None:
        row = await files.get(info.context.services, id)
        return File.from_row(row) if row else None

    @query(Role.VIEWER, "Files, the newest first.")
    async def files(
        self,
        info: Info,
        filter: Annotated[
            FileFilter | None, strawberry.argument(description="Which ones; all of them by default.")
        ] = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[File]:
        services = info.context.services
        wanted = files.FileFilter(**given(filter))
        page = await files.page(services, wanted, first_or_default(first), after)
        return connect(page, File.from_row, after=after, count=partial(files.total, services, wanted))


@strawberry.type
class FileMutation:
    @mutation(
        Role.OPERATOR,
        "Receives one file in a GraphQL multipart request, checks it and stores it; nothing is ingested yet.",
    )
    async def upload(
        self,
        info: Info,
        file: Annotated[IncomingFile, strawberry.argument(description="The file itself.")],
        input: Annotated[
            UploadInput | None, strawberry.argument(description="What is known of it; all may be left out.")
        ] = None,
    ) -> UploadPayload:
        context, known = info.context, given(input)
        key, dialect = known.pop("idempotency_key", None), read_dialect(known.pop("dialect", None))
        try:
            row = await files.receive(
                context.services, context.principal, file, key=key, dialect=dialect, **known
            )
        except files.UnusableFile as fault:
            return UploadPayload(file=File.from_row(fault.file), errors=[_shown(fault)])
        except UserFault as fault:
            return UploadPayload(file=None, errors=[_shown(fault)])
        return UploadPayload(file=File.from_row(row), replayed=not file.claimed)

    @mutation(
        Role.OPERATOR,
        (
            "Deletes the content of a file, whose status is EXPIRED from then on; refused as FILE_IN_USE while a job "
            "that has not ended reads it. What was ingested from it stays."
        ),
    )
    async def delete_file(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The file's id.")]
    ) -> DeletePayload:
        context = info.context
        try:
            deleted = await deleted_files.delete(context.services, context.principal, id)
        except UserFault as fault:
            return DeletePayload(errors=UserError.all_of(fault, at=()))
        return DeletePayload(deleted_id=strawberry.ID(deleted))


def _shown(fault: UserFault) -> UserError:
    """Show a fault of an upload, whose path begins at the file or at one of the input's fields."""
    return UserError.from_fault(fault, at=() if fault.path[:1] == ("file",) else ("input",))
