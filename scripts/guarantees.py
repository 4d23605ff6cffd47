"""Write the table of guarantees into the README, from runs of the conformance suite: `make guarantees`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alligator_core.testing import Guarantee, run_check, table

README = Path(__file__).resolve().parent.parent / "README.md"

# One DSN for each column; {folder} is an empty folder, in which a Redis listens.
BACKENDS = {
    "`locmem`": "locmem://",
    "`sqlite`": "sqlite:///{folder}/queue.db",
    "`redis`": "unix://{folder}/redis.sock?db=0",
}
PATIENCE = 20.0
"""Seconds for the Redis to start."""


def main() -> int:
    """Try every backend, then write the table; return the exit code, 1 if a guarantee is broken."""
    with tempfile.TemporaryDirectory() as folder, redis_in(Path(folder)):
        results = {name: tried(name, dsn.format(folder=folder)) for name, dsn in BACKENDS.items()}
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
    binary = shutil.which("redis-server") or shutil.which("redis-server", path="/usr/sbin:/usr/local/bin")
    if binary is None:
        sys.exit("This needs redis-server: apt-get install --no-install-recommends redis-server")
    socket = folder / "redis.sock"
    command = [binary, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while not socket.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


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
