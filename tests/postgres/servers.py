"""A real PostgreSQL for the tests, on a port and in a folder of its own."""

from __future__ import annotations

import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.beanstalk.servers import PATIENCE, until
from tests.waiting import free_port
from tests.watching import Watcher

PASSWORD: Final = "open:sesame/@"
"""Of the role `locked`; all others need none."""

FAST: Final = {"fsync": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs. Raises RuntimeError that says how to get them."""
    found = glob.glob("/usr/lib/postgresql/*/bin/postgres") + glob.glob("/opt/homebrew/opt/postgresql@*/bin/postgres")
    on_path = shutil.which("postgres")
    if found:
        return Path(max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", path)])).parent
    if on_path:
        return Path(on_path).parent
    raise RuntimeError("PostgreSQL is not installed. On Debian: apt-get install --no-install-recommends postgresql")


def _account() -> dict[str, Any]:
    """Return as whom the server runs: it refuses to as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("There is neither a user postgres nor nobody to run PostgreSQL as.")


class Server:
    """One PostgreSQL server, without sync to disk unless `settings` say otherwise. `settings` are its configuration."""

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self._account = _account()
        # Not in a folder of pytest's, where another user may not look.
        self.folder = Path(tempfile.mkdtemp(prefix="alligator-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None
        self._settings = {**FAST, **settings}
        if self._account:
            os.chown(self.folder, self._account["user"], self._account["group"])
        self._make()
        self.start()
        self.execute(f"CREATE ROLE locked LOGIN PASSWORD '{PASSWORD}'")

    @property
    def data(self) -> Path:
        """The folder of its data."""
        return self.folder / "data"

    @property
    def dsn(self) -> str:
        """Its DSN, for a user that may do everything."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str = "postgres", user: str = "alligator", password: str = "") -> str:
        """Return a DSN of it."""
        credentials = f"{user}:{password}" if password else user
        return f"postgres://{credentials}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection[Any]:
        """Connect, to look behind the scenes."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="alligator", dbname=database, gssencmode="disable", **options
        )

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows."""
        with self.connect(database, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self, **settings: str) -> None:
        """Start it, and wait until it answers."""
        given = {**self._settings, **settings}
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [binaries() / "postgres", "-D", self.data, "-p", str(self.port), *options],
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            **self._account,
        )
        log.close()
        self._watcher = Watcher(self._process.pid)
        until(self._answers)

    def stop(self) -> None:
        """End it in good order; connections are cut."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash does, with all its processes."""
        children = self._children()
        self._end(signal.SIGKILL)
        # Its children hold the memory that the next start wants, until they notice.
        until(lambda: not any(os.path.exists(f"/proc/{child}") for child in children))

    def restart(self) -> None:
        """Stop it, and start it again, on the same port with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Leave nothing behind."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """Return what it has logged."""
        return (self.folder / "log").read_text(errors="replace")

    def _make(self) -> None:
        options = ["--username=alligator", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [binaries() / "initdb", "-D", self.data, *options],
            check=True,
            capture_output=True,
            cwd="/",
            timeout=PATIENCE,
            **self._account,
        )
        rules = self.data / "pg_hba.conf"
        rules.write_text(
            "host all locked 127.0.0.1/32 scram-sha-256\nhost all banned 127.0.0.1/32 reject\n"
            "host all all 127.0.0.1/32 trust\n"
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(
                "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 200\n"
                "shared_buffers = 32MB\ndynamic_shared_memory_type = mmap\nlogging_collector = off\n"
            )

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None

    def _children(self) -> list[str]:
        assert self._process is not None
        pid = self._process.pid
        with suppress(OSError):
            return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return []

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL didn't start:\n{self.log()}")
        try:
            self.connect(connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True
