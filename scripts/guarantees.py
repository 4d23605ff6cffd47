"""Write the table of guarantees into the README, from runs of the conformance suite: `make guarantees`."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alligator_core.testing import Guarantee, run_check, table

README = Path(__file__).resolve().parent.parent / "README.md"

# One DSN for each column; {folder} is an empty folder, in which a Redis listens; a beanstalkd listens at {port}.
BACKENDS = {
    "`locmem`": "locmem://",
    "`sqlite`": "sqlite:///{folder}/queue.db",
    "`redis`": "unix://{folder}/redis.sock?db=0",
    # The suite's leases are shorter than beanstalkd can keep.
    "`beanstalk`": "beanstalk://127.0.0.1:{port}/?ttr=2",
}
PATIENCE = 20.0
"""Seconds for a server to start."""


def main() -> int:
    """Try every backend, then write the table; return the exit code, 1 if a guarantee is broken."""
    with tempfile.TemporaryDirectory() as folder, redis_in(Path(folder)), beanstalkd() as port:
        results = {name: tried(name, dsn.format(folder=folder, port=port)) for name, dsn in BACKENDS.items()}
    README.write_text(with_table(README.read_text(encoding="utf-8"), table(results)), encoding="utf-8")
    broken = [line for name, found in results.items() for each in found for line in failures(name, each)]
    print("", *broken, sep="\n")
    return int(bool(broken))


def tried(name: str, dsn: str) -> list[Guarantee]:
    """Return what the conformance suite says of a backend, and show how far it is."""
    return run_check(dsn, on_progress=lambda done, tests: print(f"\r{name} {done}/{tests}", end="", flush=True))


@contextmanager
def redis_in(folder: Path) -> Iterator[None]:
    """Run a Redis that listens on a socket in a folder: no port, so none that is taken."""
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    with running("redis-server", *options, until=path.exists):
        yield


@contextmanager
def beanstalkd() -> Iterator[int]:
    """Run a beanstalkd and give its port, which was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with running("beanstalkd", "-l", "127.0.0.1", "-p", str(port), until=lambda: accepts(port)):
        yield port


@contextmanager
def running(name: str, *options: str, until: Callable[[], bool]) -> Iterator[None]:
    """Run a server, wait until it is ready, and stop it in the end."""
    binary = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if binary is None:
        sys.exit(f"This needs {name}: apt-get install --no-install-recommends {name}")
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while not until():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{name} did not start.")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


def accepts(port: int) -> bool:
    """Say whether anything listens at a port of this host."""
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def with_table(text: str, rows: str) -> str:
    """Return the README's text with the rows between its markers."""
    new, count = re.subn(r"(<!-- guarantees -->\n).*?(<!-- /guarantees -->)", rf"\1\n{rows}\n\2", text, flags=re.DOTALL)
    if not count:
        raise LookupError(f"{README.name} has no place marked for the guarantees")
    return new


def failures(name: str, guarantee: Guarantee) -> list[str]:
    """Return a line for each test that failed."""
    return [f"{name}: {guarantee.sentence}: {failure}" for failure in guarantee.failures]


if __name__ == "__main__":
    sys.exit(main())
