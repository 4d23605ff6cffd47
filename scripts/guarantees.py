"""Write the table of guarantees into the README, from runs of the conformance suite: `make guarantees`."""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from alligator_core.testing import Guarantee, run_check, table
from tests.amqp import servers as amqp
from tests.beanstalk import servers as beanstalk
from tests.postgres.servers import Server as PostgresServer
from tests.redis import servers as redis
from tests.sqs.servers import Ministack

README = Path(__file__).resolve().parent.parent / "README.md"

BACKENDS = ("locmem", "sqlite", "redis", "beanstalk", "sqs", "postgres", "amqp")


def main() -> int:
    """Try every backend, then write the table; return the exit code, 1 if a guarantee is broken."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        results = {f"`{name}`": tried(name, dsn_of(name, Path(folder), servers)) for name in BACKENDS}
    README.write_text(with_table(README.read_text(encoding="utf-8"), table(results)), encoding="utf-8")
    broken = [line for name, found in results.items() for each in found for line in failures(name, each)]
    print("", *broken, sep="\n")
    return int(bool(broken))


def dsn_of(name: str, folder: Path, servers: ExitStack) -> str:
    """Return the DSN of a backend, whose server runs until the end where it has one."""
    if name == "locmem":
        return "locmem://"
    if name == "sqlite":
        return f"sqlite:///{folder}/queue.db"
    if name == "sqs":
        return servers.enter_context(closing(Ministack())).dsn()
    if name == "postgres":
        return servers.enter_context(closing(PostgresServer())).dsn
    server = {"redis": redis, "beanstalk": beanstalk, "amqp": amqp}[name].Server(folder / name)
    servers.callback(server.kill)
    return server.dsn


def tried(name: str, dsn: str) -> list[Guarantee]:
    """Return what the conformance suite says of a backend, and show how far it is."""
    return run_check(dsn, on_progress=lambda done, tests: print(f"\r{name} {done}/{tests}", end="", flush=True))


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
