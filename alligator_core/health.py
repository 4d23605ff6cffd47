"""The health file: a file whose age says whether a worker still gets on."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from .errors import OptionError

log = logging.getLogger("alligator.worker")

INTERVAL: Final = 1.0
"""Seconds between two touches at least."""


class Health:
    """Touches a file while a worker reserves tasks, or runs one and reaches its backend.

    A file that is made here is as old as can be until the first `note`: a worker that has only started is not healthy
    yet. Several processes may share a file; it then says that one of them gets on.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Make the file. Raises OptionError if it can't be made or written."""
        self.path = Path(path)
        self._next = 0.0
        self._failed = False
        try:
            if not self.path.is_file():
                self._make()
            with self.path.open("ab"):
                pass
        except OSError as exc:
            raise OptionError(
                f"health_file={str(path)!r}: it can't be written: {exc.strerror or exc}.", "health_file"
            ) from exc

    def note(self) -> None:
        """Say that all is well. Cheap: the file is touched at most once a second."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL
        try:
            self._touch()
        except OSError as exc:
            if not self._failed:
                log.error("The health file %s can't be touched: %s", self.path, exc)
            self._failed = True
        else:
            self._failed = False

    def _touch(self) -> None:
        try:
            os.utime(self.path)
        except FileNotFoundError:
            # Somebody tidied up: nobody is served by a worker that counts as dead from then on.
            self._make()
            os.utime(self.path)

    def _make(self) -> None:
        # Under its name only once its time is set, so that no probe takes the new file for a sign of life.
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with draft.open("xb"):
                os.utime(draft, (0, 0))
            os.replace(draft, self.path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()


def age_of(path: str | os.PathLike[str]) -> float | None:
    """Return how many seconds ago a health file was touched, endless for never; None if there is no such file.

    The distance counts: a time far in the future was written before the clock was set back.
    """
    try:
        touched = os.stat(path).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None
    return abs(time.time() - touched) if touched else float("inf")
