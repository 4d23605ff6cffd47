"""The example of a backend from outside, as its author would prove it: installed as a package of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspace.repository import ROOT, tool

pytestmark = pytest.mark.long

EXAMPLE = ROOT / "examples" / "alligator_dirqueue"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the installed example and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    install = [tool("uv"), "--offline", "pip", "install", "--no-deps", "--no-build-isolation"]
    ran = _run([*install, "--python", sys.executable, "--target", str(folder), str(EXAMPLE)], cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return folder


def test_a_backend_from_outside_is_found_by_its_scheme_and_passes_the_suite(installed: Path, tmp_path: Path) -> None:
    # A copy elsewhere: nothing of this repository, its settings for pytest least of all, is to help.
    test = tmp_path / "test_conformance.py"
    test.write_bytes((EXAMPLE / "test_conformance.py").read_bytes())
    ran = _run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)], cwd=tmp_path, path=installed
    )
    assert ran.returncode == 0, ran.stdout


def test_a_backend_from_outside_is_listed_with_its_distribution(installed: Path, tmp_path: Path) -> None:
    listed = _run([tool("alligator"), "plugins", "--json"], cwd=tmp_path, path=installed)
    assert "alligator-dirqueue" in listed.stdout, listed.stderr


def _run(command: list[str], *, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
