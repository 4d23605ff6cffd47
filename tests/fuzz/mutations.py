"""Mutations: small changes of bytes, as accidents and attackers make them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

LONGEST: Final = 4096

WORDS: Final = [
    *(b"$dict", b"$int", b"$tuple", b"$enum", b"$dataclass", b"$datetime", b"$date", b"$time", b"$timedelta"),
    *(b"$decimal", b"$uuid", b"$", b"app:Point", b"app:Color", b"__class__", b"os:system", b"\\u0024", b"\\ud800"),
    *(b"null", b"true", b"NaN", b"1e999", b"-0", b"1" * 400, b"9" * 4400, b"[" * 120, b'{"a":' * 120, b"\xef\xbb\xbf"),
    *(b"json", b"msgpack", b"pickle", b";sig=", b";v=1", b";v=2", b"\n", b"\r\n", b";", b"=", b",", b":", b"\x00"),
    *(b"://", b"@", b"?", b"&", b"#", b"/", b"%00", b"%", b"[::1]", b"serializer=", b"pickle.unsafe=yes", b"65536"),
    *(
        b"\xc0",
        b"\xc1",
        b"\xc4\xff",
        b"\xca",
        b"\xcb\x7f\xf8",
        b"\xcf" + b"\xff" * 8,
        b"\xd6\xff",
        b"\xdd\xff\xff\xff\xff",
    ),
    *(b"\x90", b"\x80", b"\x91" * 120, b"\xde\xff\xff", b"\xdb\x00\x00\x00\x01", b"\xc7\x00\x05", b"\xed\xa0\x80"),
    *(
        b"0001-01-01T00:00:00",
        b"9999-12-31T23:59:60",
        b"[Europe/Berlin]",
        b"[fold=1]",
        b"+24:00",
        b"Infinity",
        b"1E+9999",
    ),
    *(b"cos\nsystem\n", b"cbuiltins\neval\n", b"\x93", b"R", b"\x81", b"b", b"(", b".", b"\x94", b"Q", b"\x82\x01"),
]


def mutated(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Return bytes with up to four changes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change(changed, others, rng)
    return bytes(changed[:LONGEST])


def _change(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    kind, place = rng.randrange(8), rng.randrange(len(data) + 1)
    if kind == 0 and place < len(data):
        data[place] ^= 1 << rng.randrange(8)
    elif kind == 1 and place < len(data):
        data[place] = rng.randrange(256)
    elif kind == 2:
        data[place:place] = rng.randbytes(rng.randrange(1, 5))
    elif kind == 3:
        del data[place : place + rng.randrange(1, 20)]
    elif kind == 4:
        data[place:place] = data[place : place + rng.randrange(1, 40)]
    elif kind == 5:
        data[place : place + rng.choice((0, 1, 5, 10))] = rng.choice(WORDS)
    elif kind == 6:
        other = rng.choice(others)
        data[place:] = other[rng.randrange(len(other) + 1) :]
    else:
        del data[place:]
