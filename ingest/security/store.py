"""The security folder: every secret of an installation, made at its first start and unlike any other's.

    authority/   ca.key, and the certificates that were issued or revoked; needed only to issue and revoke
    broker/      what Mosquitto reads: ca.crt server.crt server.key revoked.crl passwords acl mosquitto.conf
    accounts/    <account>/password, mosquitto_pub, mosquitto_sub, and where asked for client.crt and client.key
    database/    admin, ingest, grafana: the passwords of InfluxDB 1.x
    registry     where the estate is
    revoked      accounts that are out

Only hashes of the accounts' passwords are in `broker`, so what was handed to its device may be deleted here. The
folders are for their owner, `broker` also for its group, which may be Mosquitto's. The container stack's folder has the
same in other places (`layout`), and every function but `init` works on both.
"""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from devices.errors import ConfigurationError
from devices.model import Estate
from ingest.security import accounts as rules
from ingest.security import broker, certificates
from ingest.security.accounts import Account
from ingest.security.certificates import DAY, WARN_DAYS, Pair
from ingest.security.filing import lines, write, write_lines, write_new
from ingest.security.layout import ALL, GROUP, OWNER, Layout, installation, layout_of
from ingest.security.passwords import new_hash, new_password

LOOPBACK: Final = ("localhost", "127.0.0.1")
DATABASE_USERS: Final = ("admin", "ingest", "grafana")
_CLIENTS: Final = ("mosquitto_pub", "mosquitto_sub")
_LONGEST_NAME: Final = 64
"""Characters of a common name, X.520"""


class SecurityError(ConfigurationError):
    """A credential cannot be made or found; the text says what to do."""


def init(folder: Path, estate: Estate, now: int, *, registry: Path, hosts: Sequence[str] = ()) -> list[str]:
    """Make what is missing: authority, broker certificate, an account for each gateway and native device, rules.

    It may run as often as one likes: what is there stays, accounts that left the estate lose access, and the broker's
    certificate is renewed when it nears its end or `hosts` (by default those it has, at first the loopback) changed.

    Args:
        now: ns.

    Returns:
        The accounts that got a password.

    Raises:
        AccountError: the estate's names do not allow it.
    """
    wanted = rules.accounts(estate)
    at = installation(folder)
    with held(at):
        serve_tls(folder / "broker", folder / "authority", hosts, now, GROUP)
        if not (folder / "broker" / "revoked.crl").exists():
            _revocations(at, now)
        write(folder / "registry", f"{registry.resolve()}\n", OWNER)
        for name in DATABASE_USERS:
            write_new(folder / "database" / name, new_password(), OWNER)
        write(folder / "broker" / "mosquitto.conf", broker.installed(folder), GROUP)
        return apply(at, wanted)


def issue(folder: Path, estate: Estate, account: str) -> str:
    """A new password for an account, in place of any older one; a revoked account is admitted again.

    Raises:
        SecurityError: the estate has no such account.
    """
    at = layout_of(folder)
    wanted = _wanted(at, estate, account)
    with held(at):
        write_lines(at.state / "revoked", lines(at.state / "revoked") - {account})
        give(at, account)
        apply(at, wanted, renew=account)
        return password(folder, account)


def certify(folder: Path, estate: Estate, account: str, now: int) -> Path:
    """A new client certificate and key for an account, in place of any older one; where they are.

    Raises:
        SecurityError: the estate has no such account, or its name is too long for a certificate.
    """
    at = layout_of(folder)
    wanted = _wanted(at, estate, account)
    if not at.certificates:
        raise SecurityError("the container stack's broker takes passwords: `tolbooth init` makes one that takes both")
    if len(account) > _LONGEST_NAME:
        raise SecurityError(f"{account} is longer than the {_LONGEST_NAME} characters of a certificate: shorten its id")
    with held(at):
        authority = _signer(at.broker / "ca.crt", at.authority / "ca.key")
        pair = certificates.client_certificate(authority, account, now)
        _withdraw(at, account, now)
        write_lines(at.state / "revoked", lines(at.state / "revoked") - {account})
        place = at.account(account)
        write(place / "client.key", pair.key, OWNER)
        write(place / "client.crt", pair.certificate, OWNER)
        write(at.authority / "issued" / f"{account}.crt", pair.certificate, OWNER)
        apply(at, wanted)
    return place


def revoke(folder: Path, estate: Estate, account: str, now: int) -> None:
    """Take an account's password, certificate and rights away; it stays out until `issue` or `certify`.

    Raises:
        SecurityError: the estate has no such account; or it has a certificate, and the authority's key is not here to
            revoke that. Password and rights are gone then, and the same again with the key does the rest.
    """
    at = layout_of(folder)
    wanted = _wanted(at, estate, account)
    with held(at):
        write_lines(at.state / "revoked", lines(at.state / "revoked") | {account})
        at.password(account).unlink(missing_ok=True)
        for name in ("client.key", "client.crt", *_CLIENTS):
            (at.account(account) / name).unlink(missing_ok=True)
        apply(at, wanted)
        _withdraw(at, account, now)


def password(folder: Path, account: str) -> str:
    """The password of an account, as long as it is kept here.

    Raises:
        SecurityError: it is not.
    """
    return _password(layout_of(folder), account)


def _password(at: Layout, account: str) -> str:
    return _secret(at.password(account), f"tolbooth devices credential {account} --rotate")


def login(folder: Path, account: str) -> tuple[str, str] | None:
    """User name and password of an account; None where its password is not kept here."""
    try:
        return account, password(folder, account)
    except SecurityError:
        return None


def put(path: Path, secret: str) -> None:
    """Write a secret that only its owner reads, in place of what was there."""
    write(path, secret, OWNER)


def hand_out(path: Path, secret: str) -> None:
    """Write a secret to a new file that only its owner reads; raises `SecurityError` if it cannot be."""
    if path.exists():
        raise SecurityError(f"{path} exists: name a file that does not")
    try:
        write(path, f"{secret}\n", OWNER)
    except OSError as error:
        raise SecurityError(f"{path} cannot be written: {error.strerror}") from error


def database_password(folder: Path, user: str) -> str:
    """The password of a user of the database: one of `DATABASE_USERS`.

    Raises:
        SecurityError: there is none yet.
    """
    return _secret(folder / "database" / user, "tolbooth init")


def database_passwords(folder: Path) -> dict[str, str]:
    """The passwords of all `DATABASE_USERS`; raises `SecurityError` if one is missing."""
    return {user: database_password(folder, user) for user in DATABASE_USERS}


def registry_of(folder: Path) -> Path:
    """Where the estate of this folder is.

    Raises:
        SecurityError: the folder is none that `init` made.
    """
    return Path(_secret(layout_of(folder).state / "registry", "tolbooth init"))


def find(estate: Estate, name: str) -> str:
    """The account of a device or gateway named by its id, with or without its council.

    Raises:
        SecurityError: there is none, or several councils have one.
    """
    known = [account.name for account in rules.accounts(estate)]
    if name in known:
        return name
    found = [one for one in known if one.endswith(f".{name}")]
    if len(found) > 1:
        raise SecurityError(f"several councils have a {name}: write {' or '.join(found)}")
    if not found:
        raise SecurityError(
            f"no gateway, source or device with a connection of its own is called {name}: it is an id of the registry; "
            "a device behind a gateway has none, its gateway has"
        )
    return found[0]


def apply(at: Layout, wanted: Sequence[Account], renew: str = "") -> list[str]:
    """Write the broker's passwords and rules for the accounts that are wanted and not revoked.

    Args:
        renew: an account whose hash is made anew.

    Returns:
        The accounts that got a password.
    """
    revoked = lines(at.state / "revoked")
    active = [one for one in wanted if one.name not in revoked]
    path = at.broker / "passwords"
    hashes = dict(line.split(":", 1) for line in lines(path))
    hashes.pop(renew, None)
    given = []
    for account in active:
        lost = bool(at.places) and not at.password(account.name).exists()  # the stack's own containers need theirs
        if lost or account.name not in hashes:
            if not at.password(account.name).exists():
                give(at, account.name)
                given.append(account.name)
            hashes[account.name] = new_hash(_password(at, account.name))
    write(path, "".join(f"{one.name}:{hashes[one.name]}\n" for one in active), at.mode)
    local = at.broker / "acl.local"
    own = f"\n# acl.local\n{local.read_text(encoding='utf-8')}" if local.exists() else ""
    write(at.broker / "acl", rules.acl(active) + own, at.mode)
    return given


def give(at: Layout, account: str) -> None:
    """Make a new password, and for a device's what makes Mosquitto's own clients use it without an argument."""
    secret = new_password()
    place = at.places.get(account)
    if place is not None:
        write(at.root / place.file, secret, place.mode)
        return
    write(at.password(account), secret, OWNER)
    for name in _CLIENTS:
        write(at.account(account) / name, f"--username {account}\n--pw {secret}\n", OWNER)


def _wanted(at: Layout, estate: Estate, account: str) -> list[Account]:
    """All accounts; `SecurityError` where `account` is none of the estate's."""
    wanted = rules.accounts(estate)
    if account not in {one.name for one in wanted}:
        raise SecurityError(f"the registry has no {account}: add it there first")
    return [*wanted, *at.more]


def serve_tls(broker: Path, authority: Path, hosts: Sequence[str], now: int, mode: int) -> None:
    """Make the authority where there is none, and the broker's certificate where it is missing or ends soon, or `hosts`
    changed. Only then is the authority's key needed, which may be kept elsewhere.

    Args:
        broker: folder of ca.crt, server.crt and server.key.
        authority: folder of ca.key.
        hosts: empty for those that the certificate has, at first the loopback.
        mode: of server.key.

    Raises:
        SecurityError: the key is needed and not here.
    """
    certificate, key = broker / "server.crt", broker / "server.key"
    if certificate.exists() and key.exists():
        known = certificate.read_bytes()
        hosts = hosts or certificates.hosts_of(known)
        if set(hosts) == set(certificates.hosts_of(known)) and certificates.expiry(known) - now > WARN_DAYS * DAY:
            return
    pair = _authority(broker / "ca.crt", authority / "ca.key", now)
    made = certificates.server_certificate(pair, hosts or LOOPBACK, now)
    write(key, made.key, mode)
    write(certificate, made.certificate, ALL)


def _authority(certificate: Path, key: Path, now: int) -> Pair:
    if certificate.exists():
        return _signer(certificate, key)
    pair = certificates.new_authority(now)
    write(key, pair.key, OWNER)
    write(certificate, pair.certificate, ALL)
    return pair


def _signer(certificate: Path, key: Path) -> Pair:
    try:
        return Pair(certificate.read_bytes(), key.read_bytes())
    except OSError as error:
        raise SecurityError(
            f"{key} cannot be read ({error.strerror}), and signs what this needs: bring it back; in a folder without "
            "ca.crt `tolbooth init` makes it"
        ) from error


def _withdraw(at: Layout, account: str, now: int) -> None:
    """Revoke an account's certificate, if it has one."""
    issued = at.authority / "issued" / f"{account}.crt"
    if not issued.exists():
        return
    pem = issued.read_bytes()
    write(at.authority / "revoked" / f"{certificates.serial(pem):x}.crt", pem, OWNER)
    _revocations(at, now)
    issued.unlink()


def _revocations(at: Layout, now: int) -> None:
    authority = _signer(at.broker / "ca.crt", at.authority / "ca.key")
    revoked = [path.read_bytes() for path in sorted((at.authority / "revoked").glob("*.crt"))]
    write(at.broker / "revoked.crl", certificates.revocations(authority, revoked, now), at.mode)


@contextmanager
def held(at: Layout) -> Iterator[None]:
    """The folder, made if need be, for one process at a time."""
    for place, mode in at.folders:
        if not place.exists():
            place.mkdir(parents=True, mode=mode)
            place.chmod(mode)
    with (at.state / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _secret(path: Path, remedy: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SecurityError(f"{path} cannot be read ({error.strerror}): `{remedy}` makes it") from error
