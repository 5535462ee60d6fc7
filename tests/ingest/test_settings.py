"""Settings: where they come from, what overrides what, and that each mistake names its place and its mend."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr, TypeAdapter

from ingest.settings import Settings, SettingsError, load

REGISTRY = {"TOLBOOTH_REGISTRY": "estate"}


def write(folder: Path, text: str) -> Path:
    path = folder / "tolbooth.toml"
    path.write_text(text)
    return path


def mistakes(path: Path | None, environment: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(path, environment)
    return str(caught.value).splitlines()


def test_a_file_and_what_it_leaves_out(tmp_path: Path) -> None:
    found = load(write(tmp_path, 'registry = "estate"\n[mqtt]\nhost = "broker"\nport = 8883\ntls = true\n'), {})
    assert (found.registry, found.mqtt.host, found.mqtt.port, found.mqtt.tls) == (Path("estate"), "broker", 8_883, True)
    assert (found.mqtt.keep_alive, found.influx.url, found.window.past_days) == (30, "http://127.0.0.1:8086", 30)


def test_the_environment_alone_suffices_and_overrides_the_file(tmp_path: Path) -> None:
    environment = {**REGISTRY, "TOLBOOTH_MQTT__PORT": "1884", "TOLBOOTH_INFLUX__GZIP": "true", "HOME": "/"}
    assert load(None, environment).mqtt.port == 1_884
    found = load(write(tmp_path, 'registry = "a"\n[mqtt]\nport = 1\nhost = "b"\n'), environment)
    assert (found.registry, found.mqtt.port, found.mqtt.host, found.influx.gzip) == (Path("estate"), 1_884, "b", True)


def test_a_secret_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret-value\n")
    found = load(None, {**REGISTRY, "TOLBOOTH_MQTT__PASSWORD_FILE": str(tmp_path / "secret")})
    assert found.mqtt.password.get_secret_value() == "s3cret-value"
    assert "s3cret-value" not in f"{found!r} {found} {found.model_dump_json()}"


def test_a_setting_whose_own_name_ends_in_file_is_a_path() -> None:
    assert load(None, {**REGISTRY, "TOLBOOTH_MQTT__CA_FILE": "ca.pem"}).mqtt.ca_file == Path("ca.pem")


def test_every_mistake_is_reported_at_once_with_its_place(tmp_path: Path) -> None:
    path = write(
        tmp_path, 'registry = "x"\nregistri = "y"\n[mqtt]\nhots = "a"\nport = 0\n[journal]\nmax_bytes = "big"\n'
    )
    found = mistakes(path, {"TOLBOOTH_MQTT__PROT": "1", "TOLBOOTH_NOTHING": ""})
    assert found == [
        "TOLBOOTH_MQTT__PROT: no such setting; did you mean mqtt.port?",
        "TOLBOOTH_NOTHING: no such setting",
        f"{path}: mqtt.port: Input should be greater than or equal to 1",
        f"{path}: mqtt.hots: no such setting; did you mean mqtt.host?",
        f"{path}: journal.max_bytes: Input should be a valid integer, unable to parse string as an integer",
        f"{path}: registri: no such setting; did you mean registry?",
    ]


def test_a_missing_setting_says_where_it_may_stand() -> None:
    (found,) = mistakes(None, {})
    assert found == "settings: registry is missing: set it in the file, or TOLBOOTH_REGISTRY in the environment"


@pytest.mark.parametrize(
    ("text", "words"),
    [("[mqtt", "not TOML: "), ("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "not TOML: ")],
)
def test_a_file_that_is_no_toml(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    assert mistakes(path, REGISTRY)[0].startswith(f"{path}: {words}")


def test_a_file_of_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "tolbooth.toml"
    path.write_bytes(b"\xff\xfe\0")
    assert mistakes(path, REGISTRY)[0].startswith(f"{path}: not TOML: ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert mistakes(path, REGISTRY) == [f"{path}: cannot be read: No such file or directory"]


def test_a_secret_s_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    for name in ("none", "binary"):
        (found,) = mistakes(None, {**REGISTRY, "TOLBOOTH_INFLUX__TOKEN_FILE": str(tmp_path / name)})
        assert found.startswith("TOLBOOTH_INFLUX__TOKEN_FILE: ")
        assert "cannot be read" in found


def test_a_value_where_a_table_is_due(tmp_path: Path) -> None:
    found = mistakes(write(tmp_path, 'mqtt = "broker"\n'), {**REGISTRY, "TOLBOOTH_MQTT__HOST": "b"})
    assert "TOLBOOTH_MQTT__HOST: mqtt is no table in the file: write [mqtt]" in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INFLUX__DATABASE", 'x"; DROP DATABASE y'),
        ("MQTT__PORT", "65536"),
        ("MQTT__KEEP_ALIVE", "1"),
        ("MQTT__RECEIVE_MAXIMUM", "0"),
        ("WINDOW__PAST_DAYS", "-1"),
        ("JOURNAL__MAX_BYTES", "1"),
        ("MQTT__CLIENT_ID", ""),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(name: str, value: str) -> None:
    (found,) = mistakes(None, {**REGISTRY, f"TOLBOOTH_{name}": value})
    assert found.startswith(f"settings: {name.lower().replace('__', '.')}: ")


def test_every_setting_can_be_set_by_its_variable() -> None:
    defaults = Settings(registry=Path("estate"))
    samples = {bool: "true", int: "70000", float: "7.5", Path: "x.pem", str: "other", SecretStr: "secret"}
    for table in ("mqtt", "influx", "journal", "quarantine", "window", "canary", "limits", "health"):
        for name, field in type(getattr(defaults, table)).model_fields.items():
            (kind,) = [kind for kind in (field.annotation, *get_args(field.annotation)) if kind in samples]
            text = "3000" if name in {"port", "keep_alive"} else samples[kind]
            text = {"max_bytes": str(2**21), "max_packet_bytes": str(2**21), "receive_maximum": "9"}.get(name, text)
            found = load(None, {**REGISTRY, f"TOLBOOTH_{table}__{name}".upper(): text})
            assert getattr(getattr(found, table), name) == TypeAdapter(kind).validate_python(text)
