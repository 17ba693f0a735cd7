"""The manifests are what Kubernetes takes, run with no rights, and agree with each other and with the settings."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from headgate.settings import ENV_PREFIX, GIB, MIB, Settings

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
OLDEST = "1.29"
"""The oldest Kubernetes that kustomization.yaml promises."""
SIZES = {"Mi": MIB, "Gi": GIB}
BESIDES_JOBS_BYTES = GIB // 2
HIDDEN_SETTINGS = {"HEADGATE_SECRET_KEY": "0" * 32}


def documents() -> Iterator[Any]:
    paths = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
    return chain.from_iterable(yaml.safe_load_all(path.read_text()) for path in paths)


RESOURCES = {f"{each['kind']}/{each['metadata']['name']}": each for each in documents()}
WORKLOADS = ("Deployment/headgate-server", "Deployment/headgate-worker")


def pod_of(name: str) -> Any:
    return RESOURCES[name]["spec"]["template"]["spec"]


def containers_of(name: str) -> list[Any]:
    pod = pod_of(name)
    return [*pod["initContainers"], *pod["containers"]]


@pytest.mark.parametrize("name", RESOURCES)
def test_each_resource_follows_the_schema_of_the_oldest_version(name: str) -> None:
    kubernetes_validate.validate(RESOURCES[name], OLDEST, strict=True)


def test_the_layout_names_every_file_but_the_secret() -> None:
    layout = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    files = {path.name for path in FOLDER.glob("*.yaml")}

    assert set(layout["resources"]) == files - {"kustomization.yaml", "secret.example.yaml"}
    assert {image["name"] for image in layout["images"]} == {
        container["image"] for name in WORKLOADS for container in containers_of(name)
    }


@pytest.mark.parametrize("name", WORKLOADS)
def test_pods_keep_to_the_restricted_standard(name: str) -> None:
    pod = pod_of(name)

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in containers_of(name):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("name", WORKLOADS)
def test_pods_write_where_the_image_does_and_run_as_its_user(name: str) -> None:
    dockerfile = (FOLDER.parents[1] / "Dockerfile").read_text()
    pod = pod_of(name)
    mounts = {mount["mountPath"] for container in containers_of(name) for mount in container["volumeMounts"]}

    assert mounts == {"/var/lib/headgate", "/tmp"}
    assert "HEADGATE_HOME=/var/lib/headgate" in dockerfile
    assert (
        f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}\n" in dockerfile
    )


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_tables_are_made_before_anything_else_runs(name: str) -> None:
    first, *_ = pod_of(name)["initContainers"]

    assert first["args"] == ["migrate"]
    assert first["envFrom"] == pod_of(name)["containers"][0]["envFrom"]


def test_the_settings_are_settings() -> None:
    settings = settings_given()

    assert settings.redis_url is not None
    assert settings.store_bucket is not None
    assert settings.resolved_database_url.startswith("postgresql://")


def settings_given() -> Settings:
    config, secret = RESOURCES["ConfigMap/headgate"]["data"], RESOURCES["Secret/headgate"]["stringData"]
    given = {**config, **secret, **HIDDEN_SETTINGS}
    named = {key.removeprefix(ENV_PREFIX).lower(): value for key, value in given.items() if ENV_PREFIX in key}
    return Settings(_env_prefix="UNSET_", **named)


def test_the_example_brings_no_secret() -> None:
    secret = RESOURCES["Secret/headgate"]["stringData"]

    assert secret["HEADGATE_SECRET_KEY"] == secret["AWS_SECRET_ACCESS_KEY"] == ""


def test_probes_ask_what_the_server_answers() -> None:
    (server,) = pod_of("Deployment/headgate-server")["containers"]
    asked = {name: server[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}

    assert server["ports"] == [{"name": "http", "containerPort": Settings.model_fields["port"].default}]
    assert {probe["port"] for probe in asked.values()} == {"http"}
    assert {name: probe["path"] for name, probe in asked.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }


def test_a_worker_has_room_for_its_jobs_and_time_to_hand_them_back() -> None:
    settings = settings_given()
    pod = pod_of("Deployment/headgate-worker")
    (worker,) = pod["containers"]
    needed = settings.workers * settings.child_memory_bytes + BESIDES_JOBS_BYTES

    assert in_bytes(worker["resources"]["limits"]["memory"]) >= needed
    assert pod["terminationGracePeriodSeconds"] > settings.grace_seconds + 10


def in_bytes(size: str) -> int:
    return int(size[:-2]) * SIZES[size[-2:]]


def test_what_selects_pods_finds_some() -> None:
    labels = [RESOURCES[name]["spec"]["template"]["metadata"]["labels"] for name in WORKLOADS]
    kinds = ("Service", "PodDisruptionBudget", "NetworkPolicy")
    selectors = [selector_of(each) for each in RESOURCES.values() if each["kind"] in kinds]
    nobody = {"app.kubernetes.io/component": "nobody"}

    assert len(selectors) == 6
    assert all(selector in labels for selector in selectors if selector != nobody)
    for name in WORKLOADS:
        assert RESOURCES[name]["spec"]["selector"]["matchLabels"] in labels


def selector_of(resource: Any) -> Any:
    spec = resource["spec"]
    found = spec.get("selector") or spec["podSelector"]
    return found.get("matchLabels", found)


def test_no_server_is_left_out_while_others_are_replaced() -> None:
    scaler = RESOURCES["HorizontalPodAutoscaler/headgate-server"]["spec"]

    for name in WORKLOADS:
        assert RESOURCES[name]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert scaler["minReplicas"] >= 2
    assert f"{scaler['scaleTargetRef']['kind']}/{scaler['scaleTargetRef']['name']}" == WORKLOADS[0]


def test_the_ingress_leads_to_the_servers_and_keeps_the_figures_inside() -> None:
    (rule,) = RESOURCES["Ingress/headgate"]["spec"]["rules"]
    paths = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}

    assert paths == {"/metrics": "headgate-nobody", "/": "headgate"}
    assert all(f"Service/{name}" in RESOURCES for name in paths.values())
