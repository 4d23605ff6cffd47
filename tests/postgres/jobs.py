"""Functions for workers to run."""

from __future__ import annotations

import os
import time
from pathlib import Path


def note(path: str, word: str) -> None:
    """Write a word at the end of a file."""
    with Path(path).open("a") as file:
        file.write(f"{word}\n")


def note_and_hang_once(path: str, word: str) -> None:
    """Write who runs it, and hang the first time."""
    first = not Path(path).exists()
    note(path, f"{word} {os.getpid()}")
    if first:
        time.sleep(600)
