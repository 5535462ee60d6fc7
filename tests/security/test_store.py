"""The security folder: unique, closed to others, and the same however often it is made."""

import os
import stat
import subprocess
import time
from pathlib import Path

import pytest
from paho.mqtt.client import topic_matches_sub

from devices.registry import RegistryError, load
from ingest.security import certificates, expiring, store
from ingest.security.accounts import INGEST, AccountError, accounts, acl
from ingest.security.certificates import DAY
from ingest.security.store import SecurityError
from tests.bench.estate import COUNCIL, device, write_estate
from tests.security.conftest import DEVICES, account

NOW = 1_790_000_000_000_000_000
GATEWAY = f"{COUNCIL}.z2m-hall"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def secrets_of(folder: Path) -> set[bytes]:
    """Every password, and every private key."""
    names = ("accounts/*/password", "database/*", "authority/ca.key", "broker/server.key")
    return {path.read_bytes() for name in names for path in folder.glob(name)}


def test_100_starts_make_100_different_sets_of_secrets(tmp_path: Path) -> None:
    registry = write_estate(tmp_path / "estate", 2)
    estate, began = load(registry), time.process_time()
    found = []
    for number in range(100):
        store.init(tmp_path / str(number), estate, NOW, registry=registry)
        found.append(secrets_of(tmp_path / str(number)))
    assert time.process_time() - began < 20
    assert {len(one) for one in found} == {4 + 3 + 2}
    assert len(set[bytes]().union(*found)) == 100 * 9


def test_a_second_start_changes_nothing(tmp_path: Path, registry: Path) -> None:
    made = store.init(tmp_path / "s", load(registry), NOW, registry=registry)
    assert sorted(made) == sorted(["ingest", "operator", GATEWAY, *(account(index) for index in range(DEVICES))])
    before = contents(tmp_path / "s")
    assert store.init(tmp_path / "s", load(registry), NOW + DAY, registry=registry) == []
    assert contents(tmp_path / "s") == before


def test_a_handed_out_password_may_be_deleted(tmp_path: Path, registry: Path) -> None:
    store.init(tmp_path / "s", load(registry), NOW, registry=registry)
    before = (tmp_path / "s/broker/passwords").read_text()
    (tmp_path / "s/accounts" / account(0) / "password").unlink()
    assert store.init(tmp_path / "s", load(registry), NOW, registry=registry) == []
    assert (tmp_path / "s/broker/passwords").read_text() == before
    with pytest.raises(SecurityError, match=r"credential .* --rotate"):
        store.password(tmp_path / "s", account(0))


def test_only_the_owner_reads_what_is_secret_and_only_mosquittos_group_what_it_needs(
    tmp_path: Path, registry: Path
) -> None:
    estate, previous = load(registry), os.umask(0)
    try:
        store.init(tmp_path / "s", estate, NOW, registry=registry)
        store.certify(tmp_path / "s", estate, account(0), NOW)
    finally:
        os.umask(previous)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "s").rglob("*")}
    public = {"ca.crt", "server.crt"}
    for path, mode in modes.items():
        if path.is_dir():
            assert mode == (0o750 if path.name == "broker" else 0o700), path
        elif path.parent.name == "broker":
            assert mode == (0o644 if path.name in public else 0o640), path
        elif path.name != "lock":
            assert mode == 0o600, path
    for secret in secrets_of(tmp_path / "s"):
        holders = [path for path, mode in modes.items() if path.is_file() and secret in path.read_bytes()]
        assert holders
        assert all(not modes[path] & 0o037 for path in holders)


def test_a_device_that_left_the_estate_loses_access_and_a_new_one_gets_it(tmp_path: Path) -> None:
    before, after = write_estate(tmp_path / "a", 3), write_estate(tmp_path / "b", 2)
    store.init(tmp_path / "s", load(before), NOW, registry=before)
    assert store.init(tmp_path / "s", load(after), NOW, registry=after) == []
    for name in ("passwords", "acl"):
        text = (tmp_path / "s/broker" / name).read_text()
        assert device(1) in text
        assert device(2) not in text
    assert store.registry_of(tmp_path / "s") == after.resolve()


def test_the_authoritys_key_may_be_kept_elsewhere(tmp_path: Path, registry: Path) -> None:
    folder, estate = tmp_path / "s", load(registry)
    store.init(folder, estate, NOW, registry=registry)
    store.certify(folder, estate, account(0), NOW)
    authority = (folder / "broker/ca.crt").read_bytes()
    (folder / "authority/ca.key").rename(tmp_path / "ca.key")
    assert store.init(folder, estate, NOW, registry=registry) == []
    store.revoke(folder, estate, account(1), NOW)
    for needs in (
        lambda: store.init(folder, estate, NOW + 390 * DAY, registry=registry),
        lambda: store.certify(folder, estate, account(2), NOW),
        lambda: store.revoke(folder, estate, account(0), NOW),
    ):
        with pytest.raises(SecurityError, match="bring it back"):
            needs()
    for name in ("passwords", "acl"):
        assert account(0) not in (folder / "broker" / name).read_text()
    assert not _revoked(folder)
    (tmp_path / "ca.key").rename(folder / "authority/ca.key")
    store.revoke(folder, estate, account(0), NOW)
    assert _revoked(folder) == 1
    assert store.init(folder, estate, NOW + 390 * DAY, registry=registry) == []
    assert (folder / "broker/ca.crt").read_bytes() == authority


def _revoked(folder: Path) -> int:
    """How many certificates the broker's list names, as OpenSSL reads it."""
    command = ["openssl", "crl", "-text", "-noout", "-in", str(folder / "broker/revoked.crl")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.count("Serial Number:")


def test_rules_of_the_operator_stay(tmp_path: Path, registry: Path) -> None:
    store.init(tmp_path / "s", load(registry), NOW, registry=registry)
    (tmp_path / "s/broker/acl.local").write_text(f"user {GATEWAY}\ntopic write homeassistant/#\n")
    store.init(tmp_path / "s", load(registry), NOW, registry=registry)
    assert "topic write homeassistant/#" in (tmp_path / "s/broker/acl").read_text()


def test_certificates_are_what_openssl_calls_sound(tmp_path: Path, registry: Path) -> None:
    folder, estate, now = tmp_path / "s", load(registry), time.time_ns()
    store.init(folder, estate, now, registry=registry, hosts=["broker.example.org", "192.0.2.7", "::1"])
    store.certify(folder, estate, account(0), now)

    def verify(certificate: Path, *more: str) -> int:
        authority = ("-x509_strict", "-CAfile", str(folder / "broker/ca.crt"))
        command = ("openssl", "verify", *authority, *more, str(certificate))
        return subprocess.run(command, capture_output=True, check=False).returncode

    server, client = folder / "broker/server.crt", folder / "accounts" / account(0) / "client.crt"
    assert verify(server, "-purpose", "sslserver", "-verify_hostname", "broker.example.org") == 0
    assert verify(server, "-purpose", "sslserver", "-verify_ip", "192.0.2.7") == 0
    assert verify(server, "-verify_hostname", "other.example.org") != 0
    assert verify(server, "-purpose", "sslclient") != 0
    assert verify(client, "-purpose", "sslclient") == 0
    assert verify(client, "-purpose", "sslserver") != 0
    revoked = ("-crl_check", "-CRLfile", str(folder / "broker/revoked.crl"))
    copy = tmp_path / "old.crt"
    copy.write_bytes(client.read_bytes())
    assert verify(copy, *revoked) == 0
    store.certify(folder, estate, account(0), now)
    assert verify(copy, *revoked) != 0
    assert verify(client, *revoked) == 0
    assert not list(folder.glob("accounts/*/*.partial"))


def test_certificates_that_end_soon_are_told(tmp_path: Path, registry: Path) -> None:
    folder, estate = tmp_path / "s", load(registry)
    store.init(folder, estate, NOW, registry=registry)
    store.certify(folder, estate, account(0), NOW)
    assert expiring(folder, NOW) == []
    assert [one.name for one in expiring(folder, NOW + 368 * DAY)] == ["broker"]
    assert [one.name for one in expiring(folder, NOW + 800 * DAY)] == ["broker", account(0)]
    assert [one.name for one in expiring(folder, NOW + 3_651 * DAY)] == ["broker", account(0), "authority"]
    store.revoke(folder, estate, account(0), NOW)
    assert [one.name for one in expiring(folder, NOW + 800 * DAY)] == ["broker"]
    store.init(folder, estate, NOW + 368 * DAY, registry=registry)
    assert expiring(folder, NOW + 368 * DAY) == []
    assert expiring(tmp_path / "none", NOW) == []


def test_the_brokers_names_stay_until_others_are_given(tmp_path: Path, registry: Path) -> None:
    folder, estate = tmp_path / "s", load(registry)

    def names(*hosts: str) -> list[str]:
        store.init(folder, estate, NOW, registry=registry, hosts=hosts)
        return certificates.hosts_of((folder / "broker/server.crt").read_bytes())

    assert names() == ["localhost", "127.0.0.1"]
    assert names("b.example.org", "192.0.2.7") == ["b.example.org", "192.0.2.7"]
    assert names() == ["b.example.org", "192.0.2.7"]


def test_a_name_is_found_with_or_without_its_council(tmp_path: Path, registry: Path) -> None:
    estate = load(registry)
    assert store.find(estate, device(3)) == store.find(estate, account(3)) == account(3)
    assert store.find(estate, "z2m-hall") == GATEWAY
    assert store.find(estate, "ingest") == "ingest"
    with pytest.raises(SecurityError, match="device with a connection of its own is called lamp"):
        store.find(estate, "lamp")
    other = load(_renamed(tmp_path, registry))
    both = type(estate)({**estate.councils, **other.councils})
    with pytest.raises(SecurityError, match=f"write {account(3)} or sim-other.{device(3)}"):
        store.find(both, device(3))
    with pytest.raises(SecurityError, match="the registry has no nobody"):
        store.issue(tmp_path / "s", estate, "nobody")


def test_two_councils_never_share_a_right(tmp_path: Path, registry: Path) -> None:
    estate, other = load(registry), load(_renamed(tmp_path, registry))
    found = {one.name: one for one in accounts(type(estate)({**estate.councils, **other.councils}))}
    assert len(found) == 2 + 2 * (DEVICES + 1)
    for name, one in found.items():
        for mine, theirs in ((COUNCIL, "sim-other"), ("sim-other", COUNCIL)):
            if name.startswith(f"{mine}."):
                assert not any(f"/{theirs}/" in topic for topic in (*one.read, *one.write))


def test_a_device_named_as_a_source_is_an_error(tmp_path: Path) -> None:
    registry = write_estate(tmp_path / "estate", 1)
    council = registry / COUNCIL / "council.yaml"
    source = f"{{id: {device(0)}, format: zigbee2mqtt, topic: zigbee2mqtt/x}}"
    council.write_text(f"{council.read_text()}sources:\n  - {source}\n")
    with pytest.raises(AccountError, match="both a source and a device"):
        accounts(load(registry))


@pytest.mark.parametrize("topic", ["tolbooth", "tolbooth/v1", f"tolbooth/v1/{COUNCIL}"])
def test_a_gateway_over_the_native_topics_is_an_error(tmp_path: Path, topic: str) -> None:
    registry = write_estate(tmp_path / "estate", 1)
    council = registry / COUNCIL / "council.yaml"
    council.write_text(f"{council.read_text()}sources:\n  - {{id: z2m, format: zigbee2mqtt, topic: {topic}}}\n")
    with pytest.raises(AccountError, match=f"covers tolbooth/v1/{COUNCIL} of"):
        accounts(load(registry))


def test_a_gateway_over_another_councils_is_an_error(tmp_path: Path, registry: Path) -> None:
    estate, other = load(registry), load(_renamed(tmp_path, registry, other="zigbee2mqtt/sim-hall/"))
    with pytest.raises(AccountError, match=f"z2m-hall of {COUNCIL}: its topic zigbee2mqtt/sim-hall covers"):
        accounts(type(estate)({**estate.councils, **other.councils}))


def test_an_address_that_is_a_wildcard_opens_nothing(tmp_path: Path) -> None:
    registry = write_estate(tmp_path / "estate", 1)
    table = registry / COUNCIL / "devices.csv"
    table.write_text(table.read_text().replace("id,kind", "id,address,kind").replace(device(0), f"{device(0)},+"))
    with pytest.raises(RegistryError, match="is no level of a native topic"):
        accounts(load(registry))


@pytest.mark.parametrize(
    ("source", "address", "may", "may_not"),
    [
        ("format: shelly2, topic: wifi", "plug-1", ["wifi/plug-1/status/switch:0"], ["wifi/plug-2/status/switch:0"]),
        (
            "format: shelly2, topic: wifi",
            "hall/plug-1",
            ["wifi/hall/plug-1/events/rpc"],
            ["wifi/hall/plug-2/events/rpc"],
        ),
        ("format: shelly1, topic: shellies", "ht-1", ["shellies/ht-1/sensor/temperature"], ["shellies/ht-2/online"]),
        ("format: tasmota, topic: hall", "p1", ["hall/tele/p1/SENSOR", "hall/stat/p1/POWER"], ["hall/tele/p2/SENSOR"]),
        ("format: esphome, topic: esp", "node", ["esp/node/sensor/co2/state", "esp/node/status"], ["esp/other/status"]),
        ("format: homie, topic: homie", "bee", ["homie/bee/$state", "homie/5/bee/air/co2"], ["homie/wasp/air/co2"]),
    ],
)
def test_a_device_on_wifi_may_write_what_is_its_own(
    tmp_path: Path, source: str, address: str, may: list[str], may_not: list[str]
) -> None:
    """Topics as the makers document them."""
    registry = write_estate(tmp_path / "estate", 1)
    _give_source(registry, source, address)
    found = {one.name: one for one in accounts(load(registry))}
    assert f"{COUNCIL}.wifi" not in found
    mine = found[account(0)]
    assert mine.read == ()
    for topic in may:
        assert any(topic_matches_sub(one, topic) for one in mine.write), topic
    for topic in (*may_not, f"tolbooth/v1/{COUNCIL}/sim-hall/{device(0)}/readings"):
        assert not any(topic_matches_sub(one, topic) for one in mine.write), topic


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("format: sparkplug, topic: spBv1.0", {"spBv1.0/+/NCMD/+"}),
        ("format: sparkplug, topic: spBv1.0/moray", {"spBv1.0/moray/NCMD/+"}),
        ("format: zigbee2mqtt, topic: zigbee2mqtt", set()),
        ("format: chirpstack, topic: application/1", set()),
    ],
)
def test_ingest_writes_about_itself_and_asks_for_births(tmp_path: Path, source: str, wanted: set[str]) -> None:
    registry = write_estate(tmp_path / "estate", 1)
    _give_source(registry, source, "g/n")
    (ingest,) = (one for one in accounts(load(registry)) if one.name == INGEST)
    assert set(ingest.write) == {f"tolbooth/v1/{COUNCIL}/_ingest/#"} | wanted
    assert not wanted & set(ingest.read)


def test_a_wildcard_as_an_address_is_an_error(tmp_path: Path) -> None:
    registry = write_estate(tmp_path / "estate", 1)
    _give_source(registry, "format: shelly2, topic: wifi", "+")
    with pytest.raises(AccountError, match="has a wildcard"):
        accounts(load(registry))


def _give_source(registry: Path, source: str, address: str) -> None:
    """Make the first device one of another source."""
    council, table = registry / COUNCIL / "council.yaml", registry / COUNCIL / "devices.csv"
    council.write_text(f"{council.read_text()}sources:\n  - {{id: wifi, {source}}}\n")
    lines = table.read_text().replace("id,kind", "id,source,address,kind")
    table.write_text(lines.replace(f"{device(0)},", f"{device(0)},wifi,{address},"))


def test_discovery_outside_its_base_topic_may_be_written_but_not_read(tmp_path: Path) -> None:
    registry = write_estate(tmp_path / "estate", 1)
    _give_source(registry, "format: esphome, topic: esp/hall", "node")
    rules = acl(accounts(load(registry))).split(f"user {account(0)}\n")[1].split("\nuser ")[0].splitlines()
    assert "topic write homeassistant/+/+/config" in rules
    assert not any("read" in rule and "homeassistant" in rule for rule in rules)


def _renamed(tmp_path: Path, registry: Path, other: str = "zigbee2mqtt/other/") -> Path:
    """The same estate under another council's name."""
    target = tmp_path / "other" / "sim-other"
    for path in (registry / COUNCIL).rglob("*.*"):
        copy = target / path.relative_to(registry / COUNCIL)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text().replace(COUNCIL, "sim-other").replace("zigbee2mqtt/", other))
    return tmp_path / "other"
