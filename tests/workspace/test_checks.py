"""`make check` as a test, so that the one command of CI fails on what the linter or the type checker finds."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.workspace.repository import ROOT, tool

pytestmark = pytest.mark.long

# Its recipe in the Makefile is the one place that says what is checked.
RECIPE = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncheck:")[2].partition("\n\n")[0]
COMMANDS = re.findall(r"^\t\$\(BIN\)/(.+)$", RECIPE, flags=re.MULTILINE)


def test_make_check_has_commands_to_run() -> None:
    assert {command.split()[0] for command in COMMANDS} == {"ruff", "mypy"}


@pytest.mark.parametrize("command", COMMANDS)
def test_make_check_finds_nothing(command: str) -> None:
    name, *arguments = command.split()
    ran = subprocess.run([tool(name), *arguments], cwd=ROOT, capture_output=True, text=True)
    if ran.returncode:
        pytest.fail(f"{command}\n{ran.stdout}{ran.stderr}", pytrace=False)
