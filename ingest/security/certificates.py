"""Certificates: an authority of the installation's own, the broker's certificate, and client certificates.

Keys are P-256: a handshake is cheap for small devices, and every TLS stack knows the curve. Times are ns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devices.timestamps import SECOND

DAY: Final = 86_400 * SECOND
AUTHORITY_DAYS: Final = 3_650
SERVER_DAYS: Final = 397
CLIENT_DAYS: Final = 825
WARN_DAYS: Final = 30
_SLACK: Final = 300 * SECOND
"""A certificate is valid from so long ago, for clocks that are behind."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pair(…)"


@dataclass(frozen=True, slots=True)
class Expiring:
    """A certificate that ends soon, or has ended."""

    name: str
    """who it speaks for"""
    file: Path
    expires: int
    """ns"""


def new_authority(now: int) -> Pair:
    """A self-signed authority that signs nothing but end certificates."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Tolbooth authority")
    builder = _begin(name, name, key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    return Pair(_pem(builder.sign(key, hashes.SHA256())), _private(key))


def server_certificate(authority: Pair, hosts: Sequence[str], now: int) -> Pair:
    """The broker's certificate for these host names and addresses."""
    names = x509.SubjectAlternativeName([_host(host) for host in hosts])
    return _end_certificate(authority, hosts[0], ExtendedKeyUsageOID.SERVER_AUTH, SERVER_DAYS, now, names)


def client_certificate(authority: Pair, account: str, now: int) -> Pair:
    """A certificate whose common name is the account; Mosquitto takes it as the user name."""
    return _end_certificate(authority, account, ExtendedKeyUsageOID.CLIENT_AUTH, CLIENT_DAYS, now, None)


def revocations(authority: Pair, revoked: Iterable[bytes], now: int) -> bytes:
    """The list of revoked certificates (PEM), valid as long as an authority is.

    A shorter life would shut every client out on the day that nobody renewed it.
    """
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
    builder = builder.last_update(_moment(now - _SLACK)).next_update(_moment(now + AUTHORITY_DAYS * DAY))
    for pem in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial(pem)).revocation_date(_moment(now))
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(_load_key(authority.key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def expiry(pem: bytes) -> int:
    """When a certificate ends, ns."""
    return int(x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()) * SECOND


def serial(pem: bytes) -> int:
    """A certificate's number, unlike any other's."""
    return x509.load_pem_x509_certificate(pem).serial_number


def hosts_of(pem: bytes) -> list[str]:
    """The host names and addresses that a server certificate is for."""
    extensions = x509.load_pem_x509_certificate(pem).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def expiring(folder: Path, now: int) -> list[Expiring]:
    """Certificates of a security folder that end within `WARN_DAYS` of `now` (ns), or have ended; soonest first.

    Certificates that were revoked or replaced are not among them.
    """
    named = {path: path.stem for path in (folder / "authority" / "issued").glob("*.crt")}
    named |= {folder / "broker" / "ca.crt": "authority", folder / "broker" / "server.crt": "broker"}
    found = [Expiring(name, path, expiry(path.read_bytes())) for path, name in named.items() if path.exists()]
    return sorted((one for one in found if one.expires - now < WARN_DAYS * DAY), key=lambda one: one.expires)


def _end_certificate(
    authority: Pair, name: str, use: x509.ObjectIdentifier, days: int, now: int, names: x509.ExtensionType | None
) -> Pair:
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    signer = _load_key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _begin(_name(name), issuer.subject, key.public_key(), now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(signed_by, critical=False)
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return Pair(_pem(builder.sign(signer, hashes.SHA256())), _private(key))


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: int, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(_moment(now - _SLACK)).not_valid_after(_moment(now + days * DAY))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // SECOND, UTC)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is none that Tolbooth made")
    return key
