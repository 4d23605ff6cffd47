"""What tests/conftest.py adds to every test, tried on small test files in a pytest of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Launch
from tests.workspace.repository import ROOT

SKIPPED = "import pytest\ndef test_it(): pytest.skip('no server')"
SKIPPED_MODULE = "import pytest\npytest.importorskip('not_installed')\ndef test_it(): pass"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it(): assert False"
LAUNCHES = "import sys\ndef test_it(launch): print('pid', launch([sys.executable, '-c', 'input()'], stdin=-1).pid)"


@pytest.mark.parametrize("source", [SKIPPED, SKIPPED_MODULE])
def test_a_skipped_test_is_a_failed_one_in_ci(source: str, tmp_path: Path) -> None:
    ran = run_pytest(source, tmp_path, ci="true")
    assert ran.returncode != 0
    assert "which CI counts as a failure" in ran.stdout


@pytest.mark.parametrize("source", [SKIPPED, SKIPPED_MODULE])
@pytest.mark.parametrize("ci", ["", "false"])
def test_a_skipped_test_is_none_elsewhere(source: str, ci: str, tmp_path: Path) -> None:
    assert "1 skipped" in run_pytest(source, tmp_path, ci=ci).stdout


def test_an_expected_failure_is_no_failure_in_ci(tmp_path: Path) -> None:
    assert run_pytest(EXPECTED_FAILURE, tmp_path, ci="true").returncode == 0


def test_a_launched_process_does_not_outlive_its_test(tmp_path: Path) -> None:
    ran = run_pytest(LAUNCHES, tmp_path, ci="")
    assert "1 passed" in ran.stdout
    (pid,) = re.findall(r"pid (\d+)", ran.stdout)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_a_launched_process_may_end_by_itself(launch: Launch) -> None:
    assert launch([sys.executable, "-c", "pass"]).wait() == 0


def run_pytest(source: str, folder: Path, *, ci: str) -> subprocess.CompletedProcess[str]:
    """Run a test file with the hooks and fixtures of tests/conftest.py, with CI set to a word."""
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(folder), "-s", "-rs"]
    command = [sys.executable, "-m", "pytest", *options, str(folder / "test_it.py")]
    env = {**os.environ, "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
