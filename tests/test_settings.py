"""Settings come from the environment, explain themselves and keep their secrets."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from headgate.settings import Settings, describe

SECRET = "correct-horse-battery-staple-0123456789"
PASSWORD = "tr0ub4dor"
DATABASE_URL = f"postgresql://ada:{PASSWORD}@db.example.org:5432/headgate?sslmode=require"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in describe(Settings()):
        monkeypatch.delenv(row.variable, raising=False)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")


def test_defaults_lie_in_the_home() -> None:
    settings = Settings(home=Path("data"))
    assert settings.resolved_database_url == "sqlite:///data/headgate.db"
    assert settings.store_path == Path("data/store")


def test_the_server_listens_to_this_machine_only_unless_told() -> None:
    assert Settings().host == "127.0.0.1"


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_PORT", "9000")
    monkeypatch.setenv("HEADGATE_DATABASE_URL", DATABASE_URL)
    monkeypatch.setenv("HEADGATE_STORE_URL", "file:///srv/head%20gate")
    settings = Settings()
    assert settings.port == 9000
    assert settings.resolved_database_url == DATABASE_URL
    assert settings.store_path == Path("/srv/head gate")


@pytest.mark.parametrize(
    "written", ["10.1.0.0/16,fd00::/8", "10.1.0.0/16 fd00::/8", " 10.1.0.0/16 , fd00::/8, "]
)
def test_allowed_networks_are_written_with_commas_or_blanks(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("HEADGATE_ALLOWED_NETWORKS", written)
    settings = Settings()
    assert settings.allowed_networks == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    rows = {row.variable: row for row in describe(settings)}
    assert rows["HEADGATE_ALLOWED_NETWORKS"].value == "10.1.0.0/16, fd00::/8"


def test_no_network_is_allowed_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().allowed_networks == ()
    monkeypatch.setenv("HEADGATE_ALLOWED_NETWORKS", "")
    assert Settings().allowed_networks == ()


def test_local_folders_are_absolute_paths_with_colons_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().local_folders == ()
    monkeypatch.setenv("HEADGATE_LOCAL_FOLDERS", "/srv/in:/srv/my out:")
    settings = Settings()
    assert settings.local_folders == (Path("/srv/in"), Path("/srv/my out"))
    rows = {row.variable: row for row in describe(settings)}
    assert rows["HEADGATE_LOCAL_FOLDERS"].value == "/srv/in, /srv/my out"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOCAL_FOLDERS", "/srv/in:out"),
        ("PORT", "70000"),
        ("WORKERS", "0"),
        ("ERROR_RETENTION_DAYS", "-1"),
        ("MAX_UPLOAD_BYTES", "many"),
        ("LOG_FORMAT", "xml"),
        ("STORE_URL", "s3:///prefix"),
        ("STORE_URL", "/srv/store"),
        ("SECRET_KEY", "short-key"),
        ("ALLOWED_NETWORKS", "intranet"),
        ("ALLOWED_NETWORKS", "10.1.2.3/16"),
    ],
)
def test_a_wrong_value_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"HEADGATE_{variable}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert variable.lower() in str(refused.value)
    assert value not in str(refused.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_SECRET_KEY", SECRET)
    monkeypatch.setenv("HEADGATE_DATABASE_URL", DATABASE_URL)
    settings = Settings()
    shown = f"{settings!r} {settings} {describe(settings)}"
    assert SECRET not in shown
    assert PASSWORD not in shown


def test_description_shows_variable_meaning_default_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_PORT", "9000")
    monkeypatch.setenv("HEADGATE_DATABASE_URL", DATABASE_URL)
    rows = {row.variable: row for row in describe(Settings())}
    assert rows["HEADGATE_PORT"].default == "8000"
    assert rows["HEADGATE_PORT"].value == "9000"
    assert rows["HEADGATE_DATABASE_URL"].value == "postgresql://**********@db.example.org:5432/headgate"
    assert len(rows) == len(Settings.model_fields)


def test_an_outside_issuer_needs_an_audience_and_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_OIDC_ISSUER", "https://login.example.org")
    with pytest.raises(ValidationError, match="needed with HEADGATE_OIDC_ISSUER"):
        Settings()
    monkeypatch.setenv("HEADGATE_OIDC_AUDIENCE", "")
    with pytest.raises(ValidationError, match="needed with HEADGATE_OIDC_ISSUER"):
        Settings()
    monkeypatch.setenv("HEADGATE_OIDC_AUDIENCE", "headgate")
    assert Settings().oidc_audience == "headgate"
    for name in ("HEADGATE_OIDC_ISSUER", "HEADGATE_OIDC_JWKS_URL"):
        for url in (
            "http://login.example.org",
            "login.example.org",
            "ftp://localhost",
            "http://localhost.example.org",
        ):
            monkeypatch.setenv(name, url)
            with pytest.raises(ValidationError, match="https://"):
                Settings()
        monkeypatch.setenv(name, "http://127.0.0.1:8080/realm")
        assert Settings().oidc_issuer
