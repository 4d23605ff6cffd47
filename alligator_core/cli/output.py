"""What commands print: tables and fields for people, one JSON document for programs, progress for the patient."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timezone
from math import isfinite

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def print_json(document: Mapping[str, object]) -> None:
    """Print a JSON document; what JSON can't hold is shown by its repr."""
    click.echo(json.dumps(_plain(document), indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns: numbers to the right, and on a terminal no line longer than that is wide."""
    cells = [list(columns), *([printable(str(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    to_the_right = [bool(rows) and isinstance(cell, int) for cell in (rows[0] if rows else columns)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in cells:
        aligned = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, to_the_right, strict=True)
        )
        line = "  ".join(aligned).rstrip()
        click.echo(line if room is None or len(line) <= room else line[: room - 1] + "…")


def print_fields(fields: Mapping[str, object]) -> None:
    """Print one name and value per line; lists get a line per element, and None none at all."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        for line in value if isinstance(value, list) else [] if value is None else [value]:
            click.echo(f"{name.replace('_', ' ').ljust(width)}  {printable(str(line))}")


def printable(text: str) -> str:
    """Return a text of one line that can't steer a terminal: what isn't printable is shown escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines that can't steer a terminal."""
    return "\n".join(map(printable, text.expandtabs(4).split("\n")))


def some(ids: Sequence[str]) -> str:
    """Return some ids as part of a sentence: all of a few, the first ten of many."""
    return ", ".join(ids[:10]) + (f" and {len(ids) - 10:,} more" if len(ids) > 10 else "")


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def moment(epoch: float) -> str:
    """Return the time of some epoch seconds in UTC, to the second."""
    try:
        return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return repr(epoch)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, if that is a terminal. What is yielded is called with how much is done, and of how much."""
    bar = click.progressbar(length=1, label=label, file=sys.stderr) if sys.stderr.isatty() else None

    def show(done: int, total: int) -> None:
        if bar is not None:
            bar.length = total
            bar.update(done - bar.pos)

    with bar or nullcontext():
        yield show


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else repr(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or type(value) in (bool, int, str):
        return value
    return value if type(value) is float and isfinite(value) else repr(value)
