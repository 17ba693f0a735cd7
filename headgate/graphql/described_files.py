"""Reading files anew."""

from typing import Annotated

import strawberry

from headgate.domain import described_files
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.dialects import DialectInput, read_dialect
from headgate.graphql.enums import FileFormat, Role
from headgate.graphql.fields import mutation
from headgate.graphql.files import File
from headgate.graphql.payloads import Payload, UserError


@strawberry.input(description="How a file is to be read; what is left out is found in its content again.")
class DescribeFileInput:
    format: FileFormat | None = strawberry.field(
        default=None, description="What it holds; detected from its content by default."
    )
    dialect: DialectInput | None = strawberry.field(
        default=None, description="How delimited text is written, as far as that is known."
    )


@strawberry.type(description="What became of a file.")
class FilePayload(Payload):
    file: File | None = strawberry.field(
        default=None, description="The file as it is now; null where it was refused."
    )


@strawberry.type
class DescribedFileMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Reads a file anew, once somebody knows better how it is written: its format, dialect and columns are "
            "found again, and its content stays. Where it can't be read in this way it stays as it was. Refused as "
            "FILE_IN_USE while a job that has not ended reads it."
        ),
    )
    async def describe_file(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The file's id.")],
        input: Annotated[DescribeFileInput, strawberry.argument(description="How to read it.")],
    ) -> FilePayload:
        context = info.context
        try:
            row = await described_files.describe_again(
                context.services,
                context.principal,
                id,
                format=input.format,
                dialect=read_dialect(input.dialect),
            )
        except UserFault as fault:
            at = () if fault.path == described_files.PATH else ("input",)
            return FilePayload(errors=UserError.all_of(fault, at=at))
        return FilePayload(file=File.from_row(row))
