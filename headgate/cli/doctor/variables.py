"""Environment variables: those that no setting has, and settings that contradict each other."""

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from headgate.cli.doctor.findings import Finding, fine, problem, warning
from headgate.settings import ENV_PREFIX, Settings

CLIENT = frozenset({"HEADGATE_URL", "HEADGATE_TOKEN"})
TESTS = "HEADGATE_TEST_"
OF_KUBERNETES = re.compile(r"HEADGATE_(SERVICE_(HOST|PORT.*)|PORT_\d+_.*)")
"""What Kubernetes sets for a service that is called `headgate`, together with a HEADGATE_PORT that is no port."""
KNOWN = frozenset(f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields) | CLIENT
FEWEST_LETTERS = 12
"""Random keys have more different ones; sentences and repeated words may not."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def unknown_variables(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Find variables that look like settings and are none."""
    names = sorted(name for name in environment if name.upper().startswith(ENV_PREFIX))
    found = [name for name in names if name.upper() not in KNOWN and not name.upper().startswith(TESTS)]
    yield from (_unknown(name) for name in found if not OF_KUBERNETES.fullmatch(name))
    if any(map(OF_KUBERNETES.fullmatch, found)):
        yield warning(
            "settings",
            "Kubernetes sets variables for a service that is called headgate, HEADGATE_PORT among them.",
            "Set `enableServiceLinks: false` for the pods, or call the service something else.",
        )
    if not found:
        yield fine("settings", f"{len(names)} variables are set, and each is a setting.")


def _unknown(name: str) -> Finding:
    near = get_close_matches(name.upper(), KNOWN, n=1)
    if near:
        return problem("settings", f"{name} is no setting.", f"Did you mean {near[0]}?")
    return warning(
        "settings", f"{name} is no setting.", "Remove it; `headgate settings` lists those that there are."
    )


def contradictions(settings: Settings) -> Iterator[Finding]:
    """Find settings that have no effect, or can't be meant, beside others."""
    if settings.oidc_issuer is None and (settings.oidc_audience or settings.oidc_jwks_url):
        yield _idle("HEADGATE_OIDC_AUDIENCE and _JWKS_URL", "HEADGATE_OIDC_ISSUER is not set")
    if settings.s3_endpoint_url and settings.store_bucket is None:
        yield _idle("HEADGATE_S3_ENDPOINT_URL", "HEADGATE_STORE_URL names no s3:// bucket")
    if settings.old_secret_keys and settings.secret_key is None:
        yield warning(
            "settings",
            "HEADGATE_OLD_SECRET_KEYS is set, and HEADGATE_SECRET_KEY is not: the key of the home is the current one.",
            "Set both, or neither.",
        )
    if settings.append_batch_bytes > settings.append_backlog_bytes:
        yield problem(
            "settings",
            "A batch of appended records can't fill up: fewer bytes may wait than it needs.",
            "Set HEADGATE_APPEND_BACKLOG_BYTES to several times HEADGATE_APPEND_BATCH_BYTES.",
        )
    if settings.max_stream_bytes > settings.append_backlog_bytes:
        yield problem(
            "settings",
            "The largest requests to /streams can never be taken: fewer bytes may wait for a dataset.",
            "Set HEADGATE_APPEND_BACKLOG_BYTES to several times HEADGATE_MAX_STREAM_BYTES.",
        )
    yield from _exposed(settings)


def secret_key(settings: Settings) -> Iterator[Finding]:
    """Look at the key that is set, which somebody may have made up."""
    if settings.secret_key is None:
        return
    if len(set(settings.secret_key.get_secret_value())) < FEWEST_LETTERS:
        yield warning(
            "secret key",
            "HEADGATE_SECRET_KEY has few different characters, and may be guessed.",
            'Make one: python -c "import secrets; print(secrets.token_urlsafe(48))"',
        )
    else:
        yield fine("secret key", "It is set.")


def _idle(names: str, why: str) -> Finding:
    return warning("settings", f"{names}: no effect, as {why}.", "Set the other one too, or remove this.")


def _exposed(settings: Settings) -> Iterator[Finding]:
    if settings.host not in LOOPBACK and not settings.production:
        yield warning(
            "settings",
            f"It listens on {settings.host}, for other machines too, and is not set up for production.",
            "Set HEADGATE_PRODUCTION=true, and put a proxy with TLS in front.",
        )
