"""What is in MessagePack: how many entries of maps, and parts in all, whatever a parser makes of the bytes."""

from __future__ import annotations

from typing import Final

# By the first byte of a value: how many bytes of it follow, and which of them say how long it is.
_FIXED: Final = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_BYTES: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAYS: Final = {0xDC: 2, 0xDD: 4}
_MAPS: Final = {0xDE: 2, 0xDF: 4}
_HEADS: Final = {**_BYTES, **_ARRAYS, **_MAPS}


_MAP_CODES: Final = bytes([*range(0x80, 0x90), *_MAPS])
_ARRAY_CODES: Final = bytes([*range(0x90, 0xA0), *_ARRAYS])


def count_entries(payload: bytes) -> int:
    """Count the entries of all maps in well-formed MessagePack without extensions."""
    entries, _ = _count(payload, len(payload))
    return entries


def has_more_parts(payload: bytes, most: int) -> bool:
    """Say whether there are more arrays, maps and entries of maps in it."""
    # Any byte may look like the first one of these: only if there are many, it takes a look at each value.
    if not any(code in payload for code in _MAPS):
        maps = len(payload) - len(payload.translate(None, _MAP_CODES))
        arrays = len(payload) - len(payload.translate(None, _ARRAY_CODES))
        if arrays + maps * 16 <= most:
            return False
    entries, containers = _count(payload, most)
    return entries + containers > most


def _count(payload: bytes, most: int) -> tuple[int, int]:
    # What is in an array or a map follows its head, so that all heads are met without looking at what holds what.
    entries = containers = place = 0
    while place < len(payload) and entries + containers <= most:
        code = payload[place]
        place += 1
        if code < 0x80 or code > 0xDF:
            continue
        if code < 0x90:
            entries += code & 0x0F
            containers += 1
        elif code < 0xA0:
            containers += 1
        elif code < 0xC0:
            place += code & 0x1F
        elif code in _HEADS:
            head = place + _HEADS[code]
            length = int.from_bytes(payload[place:head], "big")
            place = head + length if code in _BYTES else head
            entries += length if code in _MAPS else 0
            containers += code not in _BYTES
        else:
            place += _FIXED.get(code, 0)
    return entries, containers
