"""Keys as text: 32 bytes in base64, several with commas between them."""

from __future__ import annotations

from base64 import b64decode
from typing import Final

VARIABLE: Final = "ALLIGATOR_ENCRYPTION_KEYS"
LENGTH: Final = 32
ADVICE: Final = (
    "Make one: python -c 'import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())'"
)


def read_keys(text: str) -> list[bytes]:
    """Read keys in either alphabet of base64. Raises ValueError, which shows nothing of them."""
    return [_read_key(each.strip()) for each in text.split(",")]


def _read_key(text: str) -> bytes:
    try:
        key = b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        key = b""
    if len(key) != LENGTH:
        # Without the error before it: that one may quote the text.
        raise ValueError(f"each key must be {LENGTH} bytes in base64. {ADVICE}") from None
    return key
