"""What Mosquitto is told: who may connect, and how. Only the shipped settings are read, from the package."""

from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

TLS_VERSION: Final = "tlsv1.2"
"""The lowest that is accepted."""
MAX_CONNECTIONS: Final = 8_000
"""Of each listener for devices. Without a bound they take the files that the broker needs to save what it holds; ingest
has a listener that they leave free. The broker's limit of open files has to be above both together."""


class Listeners(NamedTuple):
    """Where the broker listens, as Mosquitto writes it: port, and address where it is not every one."""

    plain: str
    """without encryption, with a password: for this machine only"""
    tls: str
    """with a password"""
    certificates: str
    """with a client certificate in place of a password"""


INSTALLED: Final = Listeners("1883 127.0.0.1", "8883", "8884")


def installed(folder: Path) -> str:
    """A configuration for an installation: what is shipped, and who may connect. Where data lies it does not say."""
    shipped = (files("ingest") / "config" / "mosquitto.conf").read_text(encoding="utf-8")
    return shipped + protection(folder, INSTALLED)


def protection(folder: Path, listeners: Listeners) -> str:
    """Listeners, accounts and rules of a security folder; nobody is let in without a credential."""
    place = folder.resolve() / "broker"
    tls = [
        f"certfile {place / 'server.crt'}",
        f"keyfile {place / 'server.key'}",
        f"tls_version {TLS_VERSION}",
        f"max_connections {MAX_CONNECTIONS}",
    ]
    lines = [
        "",
        "# who may connect",
        "allow_anonymous false",
        f"password_file {place / 'passwords'}",
        f"acl_file {place / 'acl'}",
        "",
        f"listener {listeners.plain}",
        "",
        f"listener {listeners.tls}",
        *tls,
        "",
        f"listener {listeners.certificates}",
        *tls,
        f"cafile {place / 'ca.crt'}",
        f"crlfile {place / 'revoked.crl'}",
        "require_certificate true",
        "use_identity_as_username true",
    ]
    return "\n".join(lines) + "\n"
