"""What all kinds of endpoints have in common: which settings and which secrets each takes, and where they belong."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, SecretStr, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from headgate.errors import JobFault, UserFault
from headgate.pipelines.endpoints.outside import Endpoint
from headgate.pipelines.kinds import Settings
from headgate.pipelines.mistakes import mistakes_in, told

INVALID = "INVALID_ENDPOINT"
SETTINGS, SECRETS = "settings", "secrets"
MAX_SECRET_CHARACTERS = 20_000

Secret = Annotated[SecretStr, StringConstraints(min_length=1, max_length=MAX_SECRET_CHARACTERS)]
"""What nobody may see again."""


class EndpointModel(Settings):
    """The settings and the secrets of one kind of endpoint, side by side.

    The names in `secret` have to be among the secrets; those in `either` may be there or among the settings.
    `synonyms` are other names that people use for a setting; case and underscores make no difference.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str]
    example: ClassVar[Mapping[str, Any]]
    secret: ClassVar[tuple[str, ...]] = ()
    either: ClassVar[tuple[str, ...]] = ()
    synonyms: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def named(cls, given: Mapping[str, Any], part: str) -> dict[str, Any]:
        """Call settings or secrets (`part` says which) by their own names.

        Raises UserFault (INVALID_ENDPOINT) where one comes twice.
        """
        names = {_plain(name): name for name in cls.names()}
        names |= {_plain(synonym): name for synonym, name in cls.synonyms.items()}
        named: dict[str, Any] = {}
        for key, value in given.items():
            name = names.get(_plain(key), key)
            if name in named:
                raise UserFault(INVALID, f"The setting {name} is given twice.", (part, key))
            named[name] = value
        return named

    @classmethod
    def names(cls) -> list[str]:
        """What the settings and secrets are called."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def check(cls, settings: Mapping[str, Any], secrets: Mapping[str, Any]) -> Self:
        """Read what was given, under its own names. Raises UserFault (INVALID_ENDPOINT), which shows no secret."""
        for path, message in cls._misplaced(settings, secrets):
            raise UserFault(INVALID, message, path)
        try:
            return cls.model_validate({**settings, **secrets})
        except ValidationError as error:
            faults = mistakes_in(error)
            message = f"An endpoint of kind {cls.kind} can't be set so: {told(faults)}."
            raise UserFault(INVALID, message, _path(faults[0], secrets)) from None

    @classmethod
    def fault(cls, name: str, what: str) -> UserFault:
        """The fault of a setting."""
        return UserFault(
            INVALID, f"An endpoint of kind {cls.kind} can't be set so: {name}: {what}.", (SETTINGS, name)
        )

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """Read an endpoint that was accepted before. Raises JobFault (INVALID_ENDPOINT)."""
        try:
            return cls.check(endpoint.settings, endpoint.secrets)
        except UserFault as fault:
            raise JobFault(INVALID, f"{endpoint.name}: {fault.message}", "CONFIG") from None

    @classmethod
    def _misplaced(
        cls, settings: Mapping[str, Any], secrets: Mapping[str, Any]
    ) -> Iterator[tuple[tuple[str, str], str]]:
        """Where something stands that belongs elsewhere, and what to say of it."""
        known = cls.names()
        for name in settings:
            if name in cls.secret:
                yield (SETTINGS, name), f"{name} is a secret: give it among the secrets, not the settings."
            if name in secrets:
                yield (SETTINGS, name), f"{name} is given among the settings and the secrets: leave out one."
        for name, value in secrets.items():
            if name in known and name not in (*cls.secret, *cls.either):
                yield (SECRETS, name), f"{name} is no secret: give it among the settings."
            elif name not in known:
                takes = ", ".join((*cls.secret, *cls.either)) or "none"
                message = f"An endpoint of kind {cls.kind} takes no such secret; it takes {takes}."
                yield (SECRETS, name), message
            elif not isinstance(value, str) or not value:
                yield (SECRETS, name), "A secret is a text that is not empty."


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def _path(fault: ErrorDetails, secrets: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a fault is, in the input of an endpoint."""
    where = tuple(map(str, fault["loc"]))
    return (SECRETS if where and where[0] in secrets else SETTINGS, *where)
