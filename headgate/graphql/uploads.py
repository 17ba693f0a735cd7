"""Files that are sent in pieces: by tus to this server, or in parts past it."""

from datetime import datetime
from typing import Annotated

import strawberry

from headgate.domain import upload_endings, uploads
from headgate.domain.files import UnusableFile
from headgate.domain.upload_state import path_of
from headgate.domain.uploads import NewUpload, Started
from headgate.errors import UserFault
from headgate.graphql.context import Context, Info
from headgate.graphql.enums import FileFormat, Role
from headgate.graphql.fields import mutation
from headgate.graphql.files import File, UploadPayload
from headgate.graphql.inputs import IDEMPOTENCY_KEY, given
from headgate.graphql.payloads import DeletePayload, StartedPayload, UserError
from headgate.graphql.scalars import BigInt
from headgate.storage.pieces import SentPart


@strawberry.input(description="A file that is to come in pieces.")
class StartUploadInput:
    name: str = strawberry.field(description="What to call it: shown, never used as a path.")
    byte_size: BigInt = strawberry.field(description="Its size in bytes.")
    format: FileFormat | None = strawberry.field(
        default=None, description="What it holds; detected from its content by default."
    )
    sha256: str | None = strawberry.field(
        default=None,
        description="The SHA-256 of its content in hexadecimal: where it differs, the file is refused.",
    )
    direct: bool | None = strawberry.field(
        default=False,
        description="Answer URLs that take its parts past this server; only where files are kept on S3.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description=f"{IDEMPOTENCY_KEY} The request is all other fields."
    )


@strawberry.input(description="A part that was sent to one of the URLs of `StartUploadPayload.parts`.")
class UploadPartInput:
    number: int = strawberry.field(description="Its number there.")
    etag: str = strawberry.field(description="The header ETag of the answer to it.")


@strawberry.input(description="An upload of which all has been sent.")
class CompleteUploadInput:
    id: strawberry.ID = strawberry.field(description="The id of its file.")
    parts: list[UploadPartInput] | None = strawberry.field(
        default=None, description="All parts of a direct upload; nothing for another one."
    )


@strawberry.type(
    description="A URL that takes one part of a file, from whoever has it, until the upload expires."
)
class PresignedPart:
    number: int = strawberry.field(description="Counts from 1, in the order of the parts in the file.")
    url: str = strawberry.field(
        description="Send the part there as the body of a PUT, and keep the ETag answered."
    )


@strawberry.type(description="Where to send a file.")
class StartUploadPayload(StartedPayload):
    file: File | None = strawberry.field(
        default=None, description="The file, with the status RECEIVING until all of it has arrived."
    )
    url: str | None = strawberry.field(
        default=None,
        description=(
            "Takes tus 1.0 requests (HEAD, PATCH, DELETE) without another token, relative to the server's root; null "
            "for a direct upload, and for one that has ended."
        ),
    )
    part_size: BigInt | None = strawberry.field(
        default=None,
        description="The size in bytes of each part of a direct upload but the last, which has what is left.",
    )
    parts: list[PresignedPart] = strawberry.field(
        default_factory=list, description="Where the parts of a direct upload go; empty for another one."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="Until when it may take: then what has arrived is thrown away."
    )


@strawberry.type
class UploadMutation:
    @mutation(
        Role.OPERATOR,
        "Begins a file of any size that comes in pieces, and can be gone on with after a failure: by tus 1.0, or in "
        "parts to S3 itself. Clients of tus can begin one by themselves, at /uploads.",
    )
    async def start_upload(
        self,
        info: Info,
        input: Annotated[StartUploadInput, strawberry.argument(description="What is to come.")],
    ) -> StartUploadPayload:
        known = given(input)
        key = known.pop("idempotency_key", None)
        context = info.context
        try:
            started = await uploads.start(context.services, context.principal, NewUpload(**known), key=key)
            return await _shown(context, started)
        except UserFault as fault:
            return StartUploadPayload(errors=UserError.all_of(fault))

    @mutation(
        Role.OPERATOR,
        "Ends an upload of which all has arrived. One by tus ends by itself, with its last byte; a direct one has to "
        "be ended. Asked again this answers the file again.",
    )
    async def complete_upload(
        self,
        info: Info,
        input: Annotated[CompleteUploadInput, strawberry.argument(description="Which upload it is.")],
    ) -> UploadPayload:
        context = info.context
        parts = None if input.parts is None else [SentPart(each.number, each.etag) for each in input.parts]
        try:
            row = await upload_endings.finish(context.services, context.principal, input.id, parts)
        except UnusableFile as fault:
            return UploadPayload(file=File.from_row(fault.file), errors=[UserError.from_fault(fault)])
        except UserFault as fault:
            return UploadPayload(file=None, errors=[UserError.from_fault(fault)])
        return UploadPayload(file=File.from_row(row))

    @mutation(
        Role.OPERATOR,
        "Gives up an upload that is under way, and throws away what has arrived of it. Its sender may, and an "
        "administrator.",
    )
    async def abort_upload(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of its file.")],
    ) -> DeletePayload:
        try:
            await upload_endings.abort(info.context.services, info.context.principal, id)
        except UserFault as fault:
            return DeletePayload(errors=[UserError.from_fault(fault, at=())])
        return DeletePayload(deleted_id=id)


async def _shown(context: Context, started: Started) -> StartUploadPayload:
    """Tell where the pieces of an upload go, as long as it has not ended."""
    file, upload = File.from_row(started.file), started.upload
    if upload is None:
        return StartUploadPayload(file=file, replayed=started.replayed)
    parts = await uploads.presigned_parts(context.services, upload)
    return StartUploadPayload(
        file=file,
        url=None if upload.is_direct else _url(context, upload.file_id, upload.expires_at),
        part_size=BigInt(upload.part_bytes) if upload.is_direct and upload.part_bytes else None,
        parts=[PresignedPart(number=each.number, url=each.url) for each in parts],
        expires_at=upload.expires_at,
        replayed=started.replayed,
    )


def _url(context: Context, file_id: str, until: datetime) -> str:
    return context.links.upload(context.principal.user_id, path_of(file_id), until)
