"""The folder in which the worker processes of one supervisor put their numbers, and that outlasts each of them."""

from __future__ import annotations

import fcntl
import json
import logging
import mmap
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import crc32

from alligator_core import holder

from .layout import Key, Layout, Rows, add
from .tally import OTHER, Row

log = logging.getLogger("alligator.plugins.prometheus")

KEY: Final = 512
"""Bytes for the key of a row: two of them for its length."""
ROWS: Final = 32
"""Rows that a file grows by, at least."""
ENDING: Final = ".rows"
TRIES: Final = 100


class Past(NamedTuple):
    """What dead processes have counted, the files that are in that already, and how often it was written."""

    rows: Rows
    merged: list[str]
    version: int


class Shelf:
    """A folder with a file for each process, and one with the sums of those that have died.

    A file is memory that its process writes and others read, so nothing of it is lost when that is killed.
    """

    def __init__(self, layout: Layout, parent: int, max_series: int) -> None:
        """Open the folder that all processes with this parent share. Raises OSError.

        Of the dead it keeps `max_series` series apart, however many each of them had.
        """
        self._layout = layout
        self._max_series = max_series
        self._row = 8 * layout.width + KEY
        self._block = -(-ROWS * self._row // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        self._folder = _made(parent, crc32(repr(layout.bounds).encode()))
        self._name = (holder.this_process() or str(os.getpid())) + ENDING
        self._past = self._folder / "past.json"
        self._fd = os.open(self._folder / self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._blocks: list[mmap.mmap] = []
        self._used = self._block
        """Where the next row begins in the last block."""

    def new_row(self, key: Key) -> Row:
        """Return a row of this process's file. Raises OSError if there is no room for it."""
        if self._used + self._row > self._block:
            self._grow()
        begin, block = self._used, self._blocks[-1]
        self._used += self._row
        text = _encoded(key)
        # Its length last: a row without one is not read.
        block[begin + 8 * self._layout.width + 2 : begin + 8 * self._layout.width + 2 + len(text)] = text
        row = memoryview(block)[begin : begin + 8 * self._layout.width].cast("d")
        block[begin + 8 * self._layout.width : begin + 8 * self._layout.width + 2] = len(text).to_bytes(2, "big")
        return row

    def rows_of_others(self) -> Rows:
        """Add up what the other processes have counted, and those that have died."""
        for _ in range(TRIES):
            past = self._read_past()
            names = [name for name in self._names() if name != self._name and name not in past.merged]
            with suppress(FileNotFoundError):  # one that was merged meanwhile: again
                for name in names:
                    self._read(name, past.rows)
                if self._read_past().version == past.version:
                    return past.rows
        raise OSError(f"{self._folder} never stands still")

    def merge_the_dead(self) -> None:
        """Put what the dead have counted into one file, so that there are never more than there are processes."""
        with _locked(self._folder / "merging") as is_mine:
            if not is_mine:
                return  # somebody does it just now
            past = self._read_past()
            dead = [name for name in self._names() if holder.is_dead(name.removesuffix(ENDING))]
            died: Rows = {}
            for name in dead:
                if name not in past.merged:
                    self._read(name, died)
            for key, row in died.items():
                is_kept = key in past.rows or len(past.rows) < self._max_series
                add(past.rows, key if is_kept else (OTHER, OTHER), row)
            # From the moment that the new file is there, their own don't count any more, whatever happens next.
            self._write(Past(past.rows, dead, past.version + 1))
            for name in dead:
                (self._folder / name).unlink()

    def take_lead(self) -> bool:
        """Say whether it is this process that is to serve the numbers: until it ends, it is no other then."""
        self._lead = os.open(self._folder / "leading", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # By lockf, which forks don't inherit.
            fcntl.lockf(self._lead, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lead)
            return False
        return True

    def give_up_lead(self) -> None:
        """Let another process serve them."""
        os.close(self._lead)

    def _grow(self) -> None:
        size = os.fstat(self._fd).st_size
        # Really written: to touch what a full disk has no room for would end the process.
        os.pwrite(self._fd, bytes(self._block), size)
        self._blocks.append(mmap.mmap(self._fd, self._block, offset=size))
        self._used = 0

    def _names(self) -> list[str]:
        return sorted(name for name in os.listdir(self._folder) if name.endswith(ENDING))

    def _read(self, name: str, rows: Rows) -> None:
        data = memoryview((self._folder / name).read_bytes())
        width = 8 * self._layout.width
        for block in range(0, len(data) - self._block + 1, self._block):
            for begin in range(block, block + self._block - self._row + 1, self._row):
                length = int.from_bytes(data[begin + width : begin + width + 2], "big")
                if not length:
                    break
                text = bytes(data[begin + width + 2 : begin + width + 2 + length])
                add(rows, _decoded(text), data[begin : begin + width].cast("d"))

    def _read_past(self) -> Past:
        try:
            past: Any = json.loads(self._past.read_text())
        except FileNotFoundError:
            return Past({}, [], 0)
        return Past({(queue, task): row for queue, task, row in past["rows"]}, past["merged"], past["version"])

    def _write(self, past: Past) -> None:
        new = self._past.with_suffix(".new")
        rows = [[*key, row] for key, row in past.rows.items()]
        new.write_text(json.dumps({"version": past.version, "merged": past.merged, "rows": rows}))
        new.replace(self._past)


def _made(parent: int, layout: int) -> Path:
    # Of this user alone: what it holds is believed.
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(runtime if os.path.isdir(runtime) else tempfile.gettempdir()) / f"alligator-prometheus-{os.geteuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    facts = base.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise PermissionError(f"{base} must be a folder of this user's that nobody else may enter: remove it")
    _remove_old(base)
    folder = base / f"{holder.of(parent) or parent}-{layout:x}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _remove_old(base: Path) -> None:
    for folder in base.iterdir():
        if holder.is_dead(folder.name.rpartition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)


def _encoded(key: Key) -> bytes:
    text = json.dumps(key).encode()
    return text if len(text) <= KEY - 2 else json.dumps((OTHER, OTHER)).encode()


def _decoded(text: bytes) -> Key:
    queue, task = json.loads(text)
    return queue, task
