"""One system under measure: its environment, its producer and its workers, all in processes of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import processes

HERE = Path(__file__).parent


class PeerFailed(Exception):
    """A process of the system ended, or said what it should not."""


class Peer:
    """A system whose environment is ready."""

    def __init__(self, name: str, python: Path, environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._environment = dict(environment)
        self._command = [str(python), str(HERE / "host.py"), name]

    def producer(self) -> Producer:
        """Start a producer."""
        return Producer(self, self._start("produce", stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    def workers(self, count: int) -> Workers:
        """Start workers, one process each."""
        return Workers([self._start("work") for _ in range(count)])

    def first(self) -> float:
        """Return how many ms a new process takes from before the import until its first task is enqueued."""
        process = self._start("first", stdout=subprocess.PIPE)
        try:
            out, _ = process.communicate(timeout=30)
            return float(out)
        except (ValueError, subprocess.TimeoutExpired) as exc:
            raise PeerFailed(f"no first enqueue: {self.last_words()}") from exc
        finally:
            processes.end(process)

    def last_words(self) -> str:
        """Return the end of what the processes have logged."""
        return self.log.read_text(errors="replace")[-600:].strip() if self.log.exists() else ""

    def _start(self, role: str, **streams: Any) -> subprocess.Popen[bytes]:
        return processes.start([*self._command, role], self._environment, log=self.log, **streams)


class Producer:
    """A process that enqueues on request."""

    def __init__(self, peer: Peer, process: subprocess.Popen[bytes]) -> None:
        self._peer = peer
        self._process = process
        self.about = self._read()

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Have something done, and return the answer. Raises PeerFailed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as exc:
            raise PeerFailed(f"the producer is gone: {self._peer.last_words()}") from exc
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerFailed(f"the producer ended: {self._peer.last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, *_: object) -> None:
        processes.end(self._process)


class Workers:
    """Worker processes that end with the block."""

    def __init__(self, started: list[subprocess.Popen[bytes]]) -> None:
        self._processes = started

    def pss(self) -> float:
        """Return what all of them, and what they have started, take in MB."""
        roots = [process.pid for process in self._processes]
        return processes.pss([*roots, *(pid for root in roots for pid in processes.tree(root))])

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            processes.end(process)
