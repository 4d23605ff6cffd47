"""The entries of maps in MessagePack: how many the bytes have, whatever a parser makes of them."""

from __future__ import annotations

from typing import Final

# By the first byte of a value: how many bytes of it follow, and which of them say how long it is.
_FIXED: Final = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_BYTES: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAYS: Final = {0xDC: 2, 0xDD: 4}
_MAPS: Final = {0xDE: 2, 0xDF: 4}
_HEADS: Final = {**_BYTES, **_ARRAYS, **_MAPS}


def count_entries(payload: bytes) -> int:
    """Count the entries of all maps in well-formed MessagePack without extensions."""
    # What is in an array or a map follows its head, so that all heads are met without looking at what holds what.
    count = place = 0
    while place < len(payload):
        code = payload[place]
        place += 1
        if 0x80 <= code <= 0x8F:
            count += code & 0x0F
        elif 0xA0 <= code <= 0xBF:
            place += code & 0x1F
        elif code in _HEADS:
            head = place + _HEADS[code]
            length = int.from_bytes(payload[place:head], "big")
            place = head + length if code in _BYTES else head
            count += length if code in _MAPS else 0
        else:
            place += _FIXED.get(code, 0)
    return count
