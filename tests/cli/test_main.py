from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest

from alligator_core import __version__
from alligator_core.cli import main


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def modules_after(code: str) -> set[str]:
    """Return what a fresh Python has imported after some code."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_an_app_never_imports_click() -> None:
    imported = modules_after("from alligator import Gator, Worker\nGator('locmem://').len()")

    assert "alligator_core.locmem" in imported
    assert "click" not in imported
    assert "alligator_core.cli" not in imported


def test_help_imports_neither_worker_nor_plugins() -> None:
    imported = modules_after(
        "from alligator_core.cli import main\n"
        "for words in [], ['worker'], ['dead', 'list']:\n"
        "    main([*words, '--help'], standalone_mode=False)"
    )

    assert "alligator_core.cli.worker" in imported
    assert not imported & {
        "alligator_core.worker", "alligator_core.gator", "alligator_core.plugins", "alligator_core.locmem",
        "alligator_json", "alligator_sqlite", "importlib.metadata", "asyncio", "logging.config",
    }  # fmt: skip


@pytest.mark.parametrize("path", [(), *commands(main)], ids=" ".join)
def test_every_command_has_a_help_text_with_an_example(run: Any, path: tuple[str, ...]) -> None:
    text = run(*path, "--help").stdout

    assert f"Example:\n    alligator {' '.join(path)}" in text


@pytest.mark.parametrize("path", [path for path in commands(main) if path != ("dead",)], ids=" ".join)
def test_what_prints_data_can_print_json(run: Any, path: tuple[str, ...]) -> None:
    assert ("--json" in run(*path, "--help").stdout) is (path not in {("worker",), ("ping",), ("new-plugin",)})


def test_the_version_is_the_distributions(run: Any) -> None:
    assert run("--version").stdout == f"alligator, version {__version__}\n"


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    code = "import sys\nfrom alligator_core.cli import main\nmain(['plugins'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()

    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(timeout=30)
