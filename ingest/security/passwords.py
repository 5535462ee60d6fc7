"""Passwords: made at random, and kept by the broker only as a hash."""

import base64
import hashlib
import secrets
from typing import Final

ROUNDS: Final = 101
"""Of PBKDF2, as Mosquitto's own tool. The passwords are random, so rounds add little, and each connection pays."""
_BYTES: Final = 16


def new_password() -> str:
    """128 random bits as hexadecimal digits: no quoting anywhere, short enough for the forms of small devices."""
    return secrets.token_hex(_BYTES)


def password_hash(password: str, salt: bytes, rounds: int = ROUNDS) -> str:
    """A password as `mosquitto_passwd` writes it: PBKDF2 with SHA-512, type 7."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def new_hash(password: str) -> str:
    """`password_hash` with a salt of its own."""
    return password_hash(password, secrets.token_bytes(12))
