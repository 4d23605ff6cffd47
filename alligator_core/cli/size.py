"""Sizes of memory as they are typed: 500MB, 1.5 GiB, 268435456."""

from __future__ import annotations

import re
from typing import Final

import click

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.ASCII | re.IGNORECASE)


def size(text: str) -> int:
    """Read a number of bytes: k, M, G and T count by 1,000, Ki, Mi, Gi and Ti by 1,024. Raises a usage error."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or (found[3] and not found[2]):
        raise click.BadParameter(f"{text!r} is no size: write 500MB, 1.5GiB or a number of bytes.")
    factor = (1024 if found[3] else 1000) ** " kmgt".index(found[2].lower() or " ")
    number = int(float(found[1]) * factor)
    if not number:
        raise click.BadParameter(f"{text!r} is no size: it must be more than 0 bytes.")
    return number
