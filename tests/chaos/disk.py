"""A small disk that can be filled: a tmpfs where this process may mount one, else a limit on the size of files."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

SIZE = 32 * 1024 * 1024
"""Bytes: more than what the log of SQLite grows to before it starts anew."""


class Disk:
    """A folder whose room can be taken away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
        self.is_mounted = not subprocess.run(command, capture_output=True, check=False).returncode

    def fill(self, pids: Iterable[int]) -> None:
        """Take all room; where there is no disk of our own, from these processes only."""
        if not self.is_mounted:
            largest = max(path.stat().st_size for path in self._folder.iterdir())
            _limit(pids, largest)
            return
        # Never more than it was made with, should the mount be no more than a name here.
        for piece, most in ((1 << 16, SIZE >> 16), (1, 1 << 17)):
            with suppress(OSError), self._ballast.open("ab", buffering=0) as file:
                for _ in range(most):
                    file.write(bytes(piece))

    def free(self, pids: Iterable[int]) -> None:
        """Give it back."""
        if self.is_mounted:
            self._ballast.unlink()
        else:
            _limit(pids, resource.RLIM_INFINITY)

    def close(self) -> None:
        """Let go of the disk."""
        if self.is_mounted:
            # Lazily: children of a worker that was just killed may not be gone yet.
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)


def _limit(pids: Iterable[int], size: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))
