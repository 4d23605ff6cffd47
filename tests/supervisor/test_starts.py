"""Worker processes that can't start, and what they are started with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from alligator import Gator
from alligator_core.child_process import ChildProcess
from alligator_core.errors import OptionError
from alligator_core.supervisor import Supervisor
from tests.redis.servers import Server
from tests.waiting import free_port

from . import jobs
from .conftest import Marks, Supervise, Supervised, eventually, is_empty, on_sqlite

APP = """
import os
from alligator import Gator

if os.path.exists({flag!r}):
    raise RuntimeError("broken by a deploy")
gator = Gator({dsn!r}, plugins=[])
"""


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """While this file exists, the app fails at import."""
    return tmp_path / "broken"


@pytest.fixture
def app(tmp_path: Path, dsn: str, flag: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "app.py").write_text(APP.format(flag=str(flag), dsn=dsn))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep))
    return "app:gator"


@on_sqlite
def test_if_the_app_can_never_be_imported_the_supervisor_gives_up(supervise: Supervise, app: str, flag: Path) -> None:
    flag.touch()
    supervised = supervise(processes=1, target=app)
    assert supervised.exit_code() == 1
    assert supervised.text.count("RuntimeError: broken") == 5
    assert "in 5 tries: giving up" in supervised.text


@on_sqlite
def test_if_a_deploy_breaks_the_app_the_supervisor_tries_until_it_is_mended(
    supervise: Supervise, app: str, flag: Path, gator: Gator, marks: Marks
) -> None:
    supervised = supervise("--max-tasks", "1", processes=1, target=app)
    supervised.ready(1)
    flag.touch()
    gator.task(jobs.mark, str(marks), "before")
    eventually(lambda: supervised.text.count("RuntimeError: broken") > 6)
    assert supervised.process.poll() is None
    flag.unlink()
    gator.task(jobs.mark, str(marks), "after")
    eventually(lambda: "after" in marks.counted())
    assert supervised.stop() == 0


def test_processes_wait_for_a_backend_that_is_away(tmp_path: Path, marks: Marks) -> None:
    port = free_port()
    supervised = Supervised(f"redis://127.0.0.1:{port}/0", tmp_path / "log")
    try:
        eventually(lambda: supervised.text.count("trying again") >= 3)
        server = Server(tmp_path / "redis", "--save", "", port=port)
        gator = Gator(server.dsn, plugins=[])
        gator.task(jobs.mark, str(marks), "ran")
        eventually(lambda: is_empty(gator))
        assert supervised.stop() == 0
        gator.close()
        server.stop()
    finally:
        supervised.kill_all()
    assert marks.counted() == {"ran": 1}


def test_what_a_process_is_started_with_cannot_be_seen_from_outside(tmp_path: Path) -> None:
    child = ChildProcess(["worker", "redis://:s3cret@127.0.0.1:1/0"])
    try:
        eventually(lambda: b"alligator_core.child" in Path(f"/proc/{child.pid}/cmdline").read_bytes())
        for name in ("cmdline", "environ", "comm"):
            assert b"s3cret" not in Path(f"/proc/{child.pid}/{name}").read_bytes()
    finally:
        child.signal(9)
        eventually(lambda: child.exit_code() is not None)
        child.close()


@on_sqlite
def test_a_process_has_no_files_of_its_supervisor_and_passes_none_on(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    supervised = supervise()
    supervised.ready()
    gator.task(jobs.show_files, str(marks))
    eventually(lambda: is_empty(gator))
    (line,) = marks.counted()
    assert line == "0,1,2,3"


def test_a_backend_that_lives_in_one_process_is_refused() -> None:
    with pytest.raises(OptionError, match="processes=2: the locmem backend lives in one process") as caught:
        Supervisor(Gator("locmem://", plugins=[]), ["worker"], processes=2)
    assert caught.value.option == "processes"


@pytest.mark.parametrize("processes", [0, -1, 1.5, "2", True, None])
def test_a_nonsense_number_of_processes_is_refused(processes: int, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="processes="):
        Supervisor(Gator(f"sqlite:///{tmp_path}/queue.db", plugins=[]), ["worker"], processes=processes)


def test_modules_are_found_where_the_supervisor_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text("raise RuntimeError('found')")
    monkeypatch.syspath_prepend(tmp_path)
    assert str(tmp_path) in sys.path
    child = ChildProcess(["worker", "only_here:gator"])
    eventually(lambda: child.exit_code() is not None)
    assert child.exit_code() == 1
    child.close()


def test_a_process_that_cannot_be_started_leaves_no_files_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError):
        ChildProcess(["worker"])
    assert os.listdir("/proc/self/fd") == before
