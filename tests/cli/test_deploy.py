"""examples/deploy: their commands are ones that `alligator` has, and leave a worker the time that it was promised."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from alligator_core.cli import main
from alligator_core.supervisor import LEAVING
from tests.workspace.repository import ROOT

DEPLOY = ROOT / "examples" / "deploy"
DIRECTIVES = {
    "Unit": {"Description", "Wants", "After"},
    "Service": {
        "User",
        "WorkingDirectory",
        "EnvironmentFile",
        "ExecStart",
        "KillMode",
        "TimeoutStopSec",
        "Restart",
        "RestartSec",
    },
    "Install": {"WantedBy"},
}
FILES = {
    "alligator-worker.service": r"TimeoutStopSec=(\d+)",
    "supervisord.conf": r"stopwaitsecs=(\d+)",
    "kubernetes.yaml": r"terminationGracePeriodSeconds: (\d+)",
}


def commands(name: str) -> Iterator[list[str]]:
    """Yield what is run by a file, from behind `alligator` on."""
    text = (DEPLOY / name).read_text()
    for line in re.findall(r"^(?:ExecStart|command)=\S*/alligator (.*)", text, re.MULTILINE):
        yield shlex.split(line)
    for line in re.findall(r"^ +command: (\[.*\])$", text, re.MULTILINE):
        command, *words = json.loads(line)
        assert command == "alligator"
        yield words


@pytest.mark.parametrize("name", FILES)
def test_each_command_is_one_that_there_is(name: str) -> None:
    found = list(commands(name))

    assert found
    for command, *words in found:
        made = main.commands[command].make_context(command, list(words))
        assert made.command.name == command


@pytest.mark.parametrize("name", FILES)
def test_a_worker_is_left_the_time_to_finish_and_to_give_back(name: str) -> None:
    (given,) = re.findall(FILES[name], (DEPLOY / name).read_text())
    command, *words = next(commands(name))

    grace = main.commands[command].make_context(command, words).params["grace"]

    assert int(given) > grace + LEAVING


def test_the_probe_of_kubernetes_tells_a_worker_that_lives(
    start: Callable[..., subprocess.Popen[str]], shell: Any, folder: Path
) -> None:
    def here(words: list[str]) -> list[str]:
        return [word.replace("/run/alligator", str(folder)) for word in words]

    (folder / "shop").mkdir()
    (folder / "shop" / "queues.py").write_text("from alligator import Gator\ngator = Gator.from_env()\n")
    worker, startup, liveness = commands("kubernetes.yaml")
    assert shell("alligator", *here(startup))[0] == 1

    process = start("alligator", *here(worker), environ={"ALLIGATOR_CONN": "sqlite:///queue.db"})

    while shell("alligator", *here(startup))[0]:
        assert process.poll() is None
    assert shell("alligator", *here(liveness))[0] == 0
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert {"time", "level", "worker"} <= json.loads(err.splitlines()[0]).keys()


def test_systemd_takes_the_unit(folder: Path) -> None:
    unit = (DEPLOY / "alligator-worker.service").read_text()
    read = ConfigParser(interpolation=None, strict=True)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(unit)
    assert {name: set(section) for name, section in read.items() if section} == DIRECTIVES
    assert float(read["Service"]["TimeoutStopSec"]) > 30 + 5

    # Where systemd is, which in a container it isn't, it is the better judge.
    if analyze := shutil.which("systemd-analyze"):
        (folder / "alligator-worker.service").write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit))
        done = subprocess.run([analyze, "verify", folder / "alligator-worker.service"], capture_output=True, text=True)
        # It has a look at the machine's other units too.
        assert "alligator-worker" not in done.stderr
        assert done.returncode == 0
