from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alligator_core.reload import watched_paths

pytestmark = pytest.mark.long

Start = Callable[..., "subprocess.Popen[str]"]

APP = """
import time
from alligator import Gator
gator = Gator("sqlite:///queue.db")
print("version {version}", flush=True)

def note(text):
    print(text, "{version}", flush=True)

def slow(seconds=1):
    print("slow starts", flush=True)
    time.sleep(seconds)
    print("slow ends", flush=True)
"""

SLOW_TO_IMPORT = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "watchfiles":
            time.sleep(2)
sys.meta_path.insert(0, Slow())
"""


def save(folder: Path, version: str) -> None:
    write(folder, APP.format(version=version))


def write(folder: Path, code: str) -> None:
    path = folder / "app.py"
    last = path.stat().st_mtime if path.exists() else 0.0
    draft = path.with_suffix(".new")
    draft.write_text(code)
    # Later by a second at least, which is what can be seen of a time by polling. And at once: it is one change.
    later = max(draft.stat().st_mtime, last + 2.0)
    os.utime(draft, (later, later))
    draft.replace(path)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def rest_of(process: subprocess.Popen[str]) -> str:
    # By the same reader, which may have read on already.
    assert process.stdout is not None
    rest = process.stdout.read()
    process.wait(30)
    return rest


def err_until(process: subprocess.Popen[str], end: str) -> str:
    assert process.stderr is not None
    said = ""
    while end not in said:
        came = process.stderr.readline()
        assert came, said
        said += came
    return said


@pytest.fixture(autouse=True)
def polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every file system reports what changes in it."""
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "yes")


@pytest.fixture
def reloading(start: Start, folder: Path) -> Callable[..., subprocess.Popen[str]]:
    pytest.importorskip("watchfiles")
    save(folder, "one")

    def reloading(*words: str) -> subprocess.Popen[str]:
        process = start("alligator", "worker", "app:gator", "--reload", *words)
        assert line(process) == "version one"
        err_until(process, "starts on")
        return process

    return reloading


def test_a_change_of_a_file_restarts_the_worker_between_two_tasks(reloading: Any, shell: Any, folder: Path) -> None:
    process = reloading()
    shell("alligator", "enqueue", "app:gator", "app:slow")
    assert line(process) == "slow starts"

    save(folder, "number two")

    assert [line(process), line(process)] == ["slow ends", "version number two"]
    shell("alligator", "enqueue", "app:gator", "app:note", "hello")
    assert line(process) == "hello number two"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_change_while_the_first_worker_still_starts_is_not_missed(start: Start, folder: Path) -> None:
    save(folder, "one")
    (folder / "sitecustomize.py").write_text(SLOW_TO_IMPORT)
    process = start("alligator", "worker", "app:gator", "--reload", environ={"PYTHONPATH": str(folder)})
    assert line(process) == "version one"

    save(folder, "number two")

    assert line(process) == "version number two"


def test_a_syntax_error_is_shown_and_waits_for_the_next_change(reloading: Any, folder: Path) -> None:
    process = reloading()

    write(folder, "def (:\n")

    assert "SyntaxError" in err_until(process, "waiting for a change")
    save(folder, "number two")
    assert line(process) == "version number two"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_running_task_end_and_nothing_is_left_behind(
    reloading: Any, shell: Any, number: signal.Signals
) -> None:
    process = reloading()
    shell("alligator", "enqueue", "app:gator", "app:slow")
    assert line(process) == "slow starts"

    process.send_signal(number)

    assert (rest_of(process), process.returncode) == ("slow ends\n", 0)
    assert (
        json.loads(shell("alligator", "stats", "app:gator", "--json")[1].partition("\n")[2])["queues"][0]["reserved"]
        == 0
    )


def test_a_second_signal_ends_it_at_once(reloading: Any, shell: Any) -> None:
    process = reloading()
    shell("alligator", "enqueue", "app:gator", "app:slow", "30")
    assert line(process) == "slow starts"

    process.send_signal(signal.SIGTERM)
    err_until(process, "was told to stop")
    process.send_signal(signal.SIGTERM)

    assert (rest_of(process), process.returncode) == ("", 0)


def test_a_worker_that_is_done_ends_the_watching_too(reloading: Any) -> None:
    process = reloading("--burst")

    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_watcher_that_is_killed_leaves_no_worker_behind(reloading: Any) -> None:
    process = reloading()

    process.kill()

    assert "stops after 0 tasks" in process.communicate(timeout=30)[1]


def test_other_files_than_pythons_change_nothing(reloading: Any, folder: Path) -> None:
    process = reloading()

    (folder / "notes.txt").write_text("x")
    (folder / "__pycache__").mkdir(exist_ok=True)
    (folder / "__pycache__" / "x.py").write_text("x")
    save(folder, "number two")

    assert "changed app.py\n" in err_until(process, "Restarting")


def test_without_watchfiles_the_error_says_what_to_install() -> None:
    code = "import sys\nsys.modules['watchfiles'] = None\nfrom alligator_core.cli import main\n"
    code += "main(['worker', 'locmem://', '--reload'])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert found.returncode == 2
    assert found.stderr == 'Error: --reload needs watchfiles: pip install "alligator-core[reload]".\n'


def test_what_is_watched_is_the_current_folder_and_the_package_of_the_app(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "here").mkdir()
    (folder / "here" / "near.py").touch()
    (folder / "there" / "far").mkdir(parents=True)
    (folder / "there" / "far" / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder / "there")
    monkeypatch.syspath_prepend(folder / "here")
    os.chdir(folder / "here")

    assert watched_paths("far.queues") == [folder / "here", folder / "there" / "far"]
    assert watched_paths("near") == watched_paths("") == watched_paths("nowhere.at_all") == [folder / "here"]
