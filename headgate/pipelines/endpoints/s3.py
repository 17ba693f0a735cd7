"""The endpoint S3."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from headgate.pipelines.endpoints.called import without_user
from headgate.pipelines.endpoints.model import EndpointModel, Secret


class S3Endpoint(EndpointModel):
    """A bucket of Amazon S3, or of a store that speaks its language."""

    kind: ClassVar[str] = "S3"
    example: ClassVar[Mapping[str, Any]] = {"bucket": "exports", "region": "eu-central-1", "prefix": "daily/"}
    secret: ClassVar[tuple[str, ...]] = ("secretAccessKey", "sessionToken")
    either: ClassVar[tuple[str, ...]] = ("accessKeyId",)
    synonyms: ClassVar[Mapping[str, str]] = {
        "endpoint": "endpointUrl",
        "url": "endpointUrl",
        "regionName": "region",
        "accessKey": "accessKeyId",
        "awsAccessKeyId": "accessKeyId",
        "secretKey": "secretAccessKey",
        "awsSecretAccessKey": "secretAccessKey",
        "awsSessionToken": "sessionToken",
    }

    bucket: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{1,61}[A-Za-z0-9]$", description="The name of the bucket."
    )
    endpoint_url: Annotated[str, AfterValidator(without_user)] | None = Field(
        default=None, description="The URL of the store; Amazon's by default."
    )
    region: str = Field(
        default="us-east-1", pattern=r"^[A-Za-z0-9\-]+$", max_length=100, description="Where the bucket is."
    )
    prefix: str = Field(
        default="", max_length=1_000, description="What the keys of all objects begin with that may be used."
    )
    access_key_id: Secret | None = Field(
        default=None, description="Whose key signs requests; they are not signed where it is left out."
    )
    secret_access_key: Secret | None = Field(default=None, description="The key that signs requests.")
    session_token: Secret | None = Field(default=None, description="The token of keys that last for a while.")

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("accessKeyId and secretAccessKey go together")
        return self
