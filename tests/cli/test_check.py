from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from alligator_core.cli.check import _described, _print
from alligator_core.testing import Guarantee

HOLLOW = """
from alligator_core import hookimpl
from alligator_core.backend import Backend, QueueSize
from alligator_core.errors import BackendError

class Hollow(Backend):
    name = "hollow"

    def push(self, queue, messages):
        raise BackendError("It takes nothing.")

    def size(self, queue):
        return QueueSize(0, 0, 0, 0)

    def consumer(self, queues, lease, holder=""):
        raise BackendError("It gives nothing.")

    def close(self):
        pass

@hookimpl
def make_backend(dsn):
    return Hollow()
"""


def test_a_broken_guarantee_is_exit_code_1(
    install: Callable[..., None], shell: Callable[..., tuple[int, str, str]]
) -> None:
    install("hollow", HOLLOW, group="alligator.backends")

    code, out, err = shell("alligator", "check", "hollow://host", "--json")

    found = json.loads(out)
    assert (code, err) == (1, "")
    assert (found["dsn"], found["kept"]) == ("hollow://host", False)
    first = found["guarantees"][0]
    assert set(first) == {"guarantee", "state", "tests", "not_offered", "failures"}
    assert (first["state"], len(first["failures"])) == ("broken", first["tests"])


def test_a_table_has_a_line_per_guarantee_and_each_failure_without_the_password(capsys: Any) -> None:
    found = [
        Guarantee("Messages arrive", tests=3, not_offered=0),
        Guarantee("They wait", tests=1, not_offered=0, failures=("it waits: lost in x://u:s3cr3t@h",)),
        Guarantee("They can be seen", tests=2, not_offered=2),
    ]

    _print("x://u:***@h", [_described(guarantee, "x://u:s3cr3t@h", "x://u:***@h") for guarantee in found])

    assert capsys.readouterr().out.splitlines() == [
        "GUARANTEE         STATE        TESTS",
        "Messages arrive   kept             3",
        "They wait         broken           1",
        "They can be seen  not offered      2",
        "",
        "They wait",
        "  it waits: lost in x://u:***@h",
        "",
        "x://u:***@h: 3 guarantees, 1 kept, 1 broken, 1 not offered.",
    ]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "TARGET is missing"),
        (["app:gator"], "'app:gator' is no DSN"),
        (["nosuch://user:s3cr3t@host"], "No backend for 'nosuch://user:***@host'."),
    ],
)
def test_only_a_dsn_can_be_checked(run: Any, words: list[str], problem: str) -> None:
    assert problem in run("check", *words, code=2).stderr.splitlines()[-1]


@pytest.mark.parametrize("missing", ["pytest", "hypothesis"])
def test_without_the_tools_for_testing_the_error_says_what_to_install(missing: str) -> None:
    code = f"import sys\nsys.modules[{missing!r}] = None\nfrom alligator_core.cli import main\nmain(['check', 'locmem://'])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert found.returncode == 2
    assert found.stderr == f'Error: This needs {missing}: pip install "alligator-core[testing]".\n'
