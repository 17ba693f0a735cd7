"""compose.yaml is what Compose takes, and holds together: nothing needs an engine to find that out."""

from ipaddress import ip_network
from typing import Any

import jsonschema
import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema

from headgate.settings import ENV_PREFIX, GIB, MIB, Settings
from tests.deploy.composefile import FILLED_IN, SECRETS, Missing, composed, example

OURS = ("server", "worker", "migrate", "bucket")
RUN_ONCE = ("migrate", "bucket")
IMAGES_OWN_CHECK = ("server",)
BESIDES_JOBS_BYTES = GIB // 2
SIZES = {"M": MIB, "G": GIB}


@pytest.fixture(scope="module")
def tree() -> dict[str, Any]:
    return composed(example() | FILLED_IN)


@pytest.fixture(scope="module")
def services(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tree["services"]
    return found


def settings_of(service: dict[str, Any]) -> Settings:
    named = {
        name.removeprefix(ENV_PREFIX).lower(): value
        for name, value in service["environment"].items()
        if name.startswith(ENV_PREFIX)
    }
    return Settings(_env_prefix="UNSET_", **named)


def test_it_follows_the_compose_specification(tree: dict[str, Any]) -> None:
    jsonschema.validate(tree, get_builtin_schema("vendor.compose-spec"))


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_starts_without_a_secret(name: str) -> None:
    with pytest.raises(Missing, match=name):
        composed(example() | FILLED_IN | {name: ""})


def test_the_example_brings_no_secret_of_its_own() -> None:
    assert {name: example()[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")


def test_only_the_proxy_is_published_and_only_to_this_machine(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert list(published) == ["proxy"]
    assert all(port.startswith("127.0.0.1:") for port in published["proxy"])


def test_what_servers_believe_of_a_requests_origin_can_come_from_the_proxy_alone(
    tree: dict[str, Any],
) -> None:
    services = tree["services"]
    shared = set(services["proxy"]["networks"]) & set(services["server"]["networks"])
    members = {name for name, service in services.items() if shared & set(service["networks"])}
    subnet = ip_network(tree["networks"]["edge"]["ipam"]["config"][0]["subnet"])

    assert (shared, members) == ({"edge"}, {"proxy", "server"})
    assert settings_of(services["server"]).trusted_proxies == (subnet,)


def test_what_keeps_data_has_no_way_out(tree: dict[str, Any]) -> None:
    internal = {name for name, network in tree["networks"].items() if network.get("internal")}

    assert all(set(tree["services"][name]["networks"]) <= internal for name in ("database", "queue", "store"))


@pytest.mark.parametrize("name", OURS)
def test_headgate_runs_with_settings_that_it_knows(services: dict[str, Any], name: str) -> None:
    settings = settings_of(services[name])

    assert settings.store_bucket == ("headgate", "store")
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == FILLED_IN["SECRET_KEY"]
    assert FILLED_IN["POSTGRES_PASSWORD"] in settings.resolved_database_url


@pytest.mark.parametrize("name", OURS)
def test_headgate_may_do_no_more_than_it_needs(services: dict[str, Any], name: str) -> None:
    service = services[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [volume["target"] for volume in service["volumes"]] == ["/var/lib/headgate"]


def test_every_service_comes_back_and_those_that_last_are_looked_after(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == ("on-failure:5" if name in RUN_ONCE else "unless-stopped"), name
        if name not in (*RUN_ONCE, *IMAGES_OWN_CHECK):
            assert service["healthcheck"], name


def test_every_image_has_a_version() -> None:
    images = {service["image"] for service in composed(example() | FILLED_IN)["services"].values()}

    assert all(":" in image and not image.endswith(":latest") for image in images)


def test_servers_and_workers_wait_for_the_tables_the_bucket_and_the_queue(services: dict[str, Any]) -> None:
    done, healthy = {"condition": "service_completed_successfully"}, {"condition": "service_healthy"}

    for name in ("server", "worker"):
        assert services[name]["depends_on"] == {"migrate": done, "bucket": done, "queue": healthy}
    assert services["migrate"]["depends_on"] == {"database": healthy}


def test_a_worker_has_room_for_its_jobs_and_time_to_hand_them_back(services: dict[str, Any]) -> None:
    worker = services["worker"]
    settings = settings_of(worker)
    needed = settings.workers * settings.child_memory_bytes + BESIDES_JOBS_BYTES

    assert in_bytes(worker["deploy"]["resources"]["limits"]["memory"]) >= needed
    assert int(worker["stop_grace_period"].removesuffix("s")) > settings.grace_seconds + 10


def test_every_service_that_lasts_has_limits(services: dict[str, Any]) -> None:
    lasting = {name: service for name, service in services.items() if name not in RUN_ONCE}

    assert all(
        service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"} for service in lasting.values()
    )


def test_the_proxys_file_is_where_it_is_looked_for(services: dict[str, Any]) -> None:
    source, target, mode = services["proxy"]["volumes"][0].split(":")

    assert (source, target, mode) == ("./deploy/caddy/Caddyfile", "/etc/caddy/Caddyfile", "ro")


def in_bytes(size: str) -> int:
    return int(size[:-1]) * SIZES[size[-1]]
