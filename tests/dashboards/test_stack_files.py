"""The files of the container stack and of Grafana's provisioning: of their models, and complete."""

import json
import re
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from jsonschema import Draft7Validator
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from dashboards.build import committed
from dashboards.preview.influx import Connection
from dashboards.push import FOLDER_TITLE, FOLDER_UID
from dashboards.sources import Source
from ingest.settings import load

ROOT = Path(__file__).parents[2]
PROVISIONING = ROOT / "dashboards/provisioning"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"secrets", "rights", "ingest", "history", "simulators"}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class JsonData(Strict):
    version: Literal["InfluxQL"]
    db_name: str
    http_mode: Literal["POST"]
    time_interval: str
    http_header_name1: Literal["Authorization"] | None = None


class SecureJsonData(Strict):
    password: str | None = None
    http_header_value1: str | None = None


class DataSource(Strict):
    name: str
    uid: str
    org_id: Literal[1]
    type: Literal["influxdb"]
    access: Literal["proxy"]
    url: str
    user: str | None = None
    editable: bool
    is_default: bool
    json_data: JsonData
    secure_json_data: SecureJsonData


class DataSources(Strict):
    api_version: Literal[1]
    prune: bool
    datasources: list[DataSource]


class Options(Strict):
    path: str


class Provider(Strict):
    name: str
    org_id: Literal[1]
    folder: str
    folder_uid: str
    type: Literal["file"]
    disable_deletion: bool
    allow_ui_updates: bool
    update_interval_seconds: int
    options: Options


class Providers(Strict):
    api_version: Literal[1]
    providers: list[Provider]


def parsed(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def mounts(service: str) -> list[tuple[str, str, bool]]:
    """Source, target and whether it is read-only, of each mount."""
    listed = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", one).split(":") for one in SERVICES[service].get("volumes", [])]
    return [(parts[0], parts[1], parts[2:] == ["ro"]) for parts in listed]


def sources(generation: str) -> list[DataSource]:
    return DataSources.model_validate(parsed(PROVISIONING / f"datasources/{generation}/telemetry.yaml")).datasources


@pytest.mark.parametrize("generation", ["influxdb1", "influxdb2"])
def test_the_data_sources_are_those_that_the_boards_name(generation: str) -> None:
    assert [source.uid for source in sources(generation)] == list(Source)
    assert [source.is_default for source in sources(generation)] == [True, False]
    connection = Connection("", "${INFLUX_DATABASE}")
    for source in sources(generation):
        assert source.json_data.db_name == connection.database_of(Source(source.uid))
        by_header = source.json_data.http_header_name1 is not None
        assert by_header == (generation == "influxdb2") == (source.secure_json_data.http_header_value1 is not None)
        assert (
            (source.user is not None) == (generation == "influxdb1") == (source.secure_json_data.password is not None)
        )
        secret = source.secure_json_data.password or source.secure_json_data.http_header_value1 or ""
        assert re.fullmatch(r"\$__file\{/run/secrets/[a-z-]+\}", secret), "secrets come from files"


def test_boards_are_provided_in_the_folder_that_push_uses() -> None:
    (provider,) = Providers.model_validate(parsed(PROVISIONING / "dashboards/tolbooth.yaml")).providers
    assert (provider.folder, provider.folder_uid) == (FOLDER_TITLE, FOLDER_UID)


HARDENED = {
    "GF_SECURITY_COOKIE_SECURE": "true",
    "GF_SECURITY_ALLOW_EMBEDDING": "false",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
    "GF_AUTH_ANONYMOUS_ENABLED": "false",
    "GF_USERS_ALLOW_SIGN_UP": "false",
    "GF_USERS_ALLOW_ORG_CREATE": "false",
    "GF_USERS_AUTO_ASSIGN_ORG_ROLE": "Viewer",
    "GF_USERS_VIEWERS_CAN_EDIT": "false",
    "GF_SNAPSHOTS_ENABLED": "false",
    "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
    "GF_PUBLIC_DASHBOARDS_ENABLED": "false",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
}
"""Names as in Grafana's own defaults.ini: section, then key."""
ENCRYPTED = {
    "GF_SERVER_PROTOCOL": "https",
    "GF_SERVER_CERT_FILE": "/run/secrets/server.crt",
    "GF_SERVER_CERT_KEY": "/run/secrets/server.key",
    "GF_SECURITY_STRICT_TRANSPORT_SECURITY": "true",
}


def interpolated(text: str, bind: str) -> str:
    """What compose makes of `${BIND:+…}` and `${BIND:-…}`."""
    text = re.sub(r"\$\{BIND:\+([^}]*)\}", r"\1" if bind else "", text)
    return re.sub(r"\$\{BIND:-([^}]*)\}", bind or r"\1", text)


def test_grafana_is_hardened() -> None:
    """S10."""
    environment: dict[str, str] = SERVICES["grafana"]["environment"]
    assert HARDENED.items() <= environment.items()
    for secret in ("GF_SECURITY_ADMIN_PASSWORD", "GF_SECURITY_SECRET_KEY"):
        assert secret not in environment
        assert environment[f"{secret}__FILE"].startswith("/run/secrets/"), "not the default that everybody knows"
    (provider,) = Providers.model_validate(parsed(PROVISIONING / "dashboards/tolbooth.yaml")).providers
    assert not provider.allow_ui_updates
    for generation in ("influxdb1", "influxdb2"):
        assert not any(source.editable for source in sources(generation))


@pytest.mark.parametrize("bind", ["", "0.0.0.0"])
def test_grafana_speaks_tls_as_soon_as_others_reach_it(bind: str) -> None:
    """S10: and what others reach without TLS is nothing."""
    service = SERVICES["grafana"]
    found = {name: interpolated(service["environment"][name], bind) for name in ENCRYPTED}
    assert found == (ENCRYPTED if bind else dict.fromkeys(ENCRYPTED, ""))
    (port,) = service["ports"]
    assert interpolated(port, bind) == f"{bind or '127.0.0.1'}:3000:3000"
    check = interpolated(service["healthcheck"]["test"][-1], bind)
    assert check.startswith("https://" if bind else "http://")


def test_grafana_finds_every_folder_that_it_reads() -> None:
    for name in ("datasources", "dashboards", "plugins", "alerting"):
        assert (PROVISIONING / name).is_dir()
    targets = {target for _, target, _ in mounts("grafana")}
    assert {
        f"/etc/grafana/provisioning/{name}" for name in ("datasources", "dashboards", "plugins", "alerting")
    } <= targets


def test_grafana_has_the_environment_that_its_files_expand() -> None:
    environment = SERVICES["grafana"]["environment"]
    files = [*(PROVISIONING / "datasources/influxdb2").glob("*.yaml"), PROVISIONING / "dashboards/tolbooth.yaml"]
    for path in files:
        for name in re.findall(r"\$\{?([A-Z]\w+)", path.read_text(encoding="utf-8")):
            assert name in environment, f"{path.name} expands {name}"
    boards = {target: source for source, target, _ in mounts("grafana")}[environment["BOARDS_FOLDER"]]
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (ROOT / boards / home.name).exists()
    assert home.stem in {board["uid"] for board in committed()}


def test_the_compose_file_is_of_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec/compose-spec.json").read_text(encoding="utf-8"))
    problems = [f"{list(one.absolute_path)}: {one.message}" for one in Draft7Validator(schema).iter_errors(COMPOSE)]
    assert problems == []


def test_every_mounted_file_exists_and_cannot_be_written() -> None:
    for service in SERVICES:
        for source, _, read_only in mounts(service):
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{service} mounts {source}"
                assert read_only, f"{service} could write {source}"
            else:
                assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    if name in OURS:
        assert "user" not in service, "the image's own user"
    else:
        assert not service["user"].startswith("0"), "not as root"
        assert re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+", service["image"]), "pinned to a release"
    for port in service.get("ports", []):
        assert port.startswith(("${BIND:-127.0.0.1}:", "127.0.0.1:")), "for this machine, unless BIND says otherwise"
        assert port.endswith((":8883", ":8086", ":3000")) or port.startswith("127.0.0.1:"), "no MQTT in plain beyond it"


def test_services_start_in_an_order_that_holds() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for the health of {other}"
            else:
                assert SERVICES[other]["restart"] == "no", f"{name} waits for the end of {other}"


def test_only_its_own_secrets_reach_a_service() -> None:
    seen = {name: {source for source, _, _ in mounts(name) if source.startswith("secrets-")} for name in SERVICES}
    assert seen["mosquitto"] == {"secrets-mosquitto"}
    assert seen["influxdb"] == {"secrets-influxdb"}
    assert seen["ingest"] == seen["history"] == {"secrets-ingest"}
    assert seen["simulators"] == {"secrets-accounts"}
    assert seen["grafana"] == {"secrets-grafana"}
    writers = {name for name in SERVICES for source, _, ro in mounts(name) if source.startswith("secrets-") and not ro}
    assert writers == {"secrets", "rights"}


@pytest.mark.parametrize("name", ["ingest", "history", "simulators"])
def test_the_settings_in_the_environment_are_known(name: str, tmp_path: Path) -> None:
    environment = dict(SERVICES[name]["environment"])
    for key, value in environment.items():
        if key.endswith("_FILE"):
            (tmp_path / Path(value).name).write_text("secret", encoding="utf-8")
            environment[key] = str(tmp_path / Path(value).name)
    settings = load(None, environment)
    assert settings.registry == Path("/estate")
    assert name == "simulators" or settings.influx.token.get_secret_value() == "secret"
    assert name == "history" or settings.mqtt.host == "mosquitto"


def test_no_secret_is_in_the_repository() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for line in text.splitlines():
        key, _, value = line.strip().partition(": ")
        named = re.search("(?i)password|token|secret", key)
        assert not named or key.endswith("FILE") or not value or " " in value, line
