"""Run the tests on every supported Python that this machine has: `make matrix`. Fails where one of them fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from glob import glob
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Where version managers and CI images keep what they don't put on PATH. Theirs also have shims on PATH that only fail.
FOLDERS = (
    "${PYENV_ROOT}/versions/{version}[.-]*/bin",
    "~/.pyenv/versions/{version}[.-]*/bin",
    "~/.asdf/installs/python/{version}.*/bin",
    "~/.local/share/mise/installs/python/{version}.*/bin",
    "~/.local/share/uv/python/cpython-{version}.*/bin",
    "~/.rye/py/cpython@{version}.*/bin",
    "/opt/hostedtoolcache/Python/{version}.*/*/bin",
    "/opt/homebrew/opt/python@{version}/bin",
    "/opt/python/{version}*/bin",
    "/usr/local/bin",
)


def versions() -> list[str]:
    """Return the versions that the classifiers in pyproject.toml promise."""
    return re.findall(r"Language :: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def find(version: str) -> str | None:
    """Return the path of an interpreter of that version, or None."""
    return next((path for path in _candidates(version) if _runs(path, version)), None)


def run(version: str, python: str) -> bool:
    """Run all tests in an environment of that version's own, kept for the next time; return whether they passed."""
    print(f"\n== Python {version}: {python}", flush=True)
    return subprocess.run(["make", "test", f"PYTHON={python}", f"VENV=.venv-{version}"], cwd=ROOT).returncode == 0


def main() -> int:
    """Run what is there, then say for each version how it went; return the exit code."""
    found = {version: find(version) for version in versions()}
    lines: list[str] = []
    failed = not any(found.values())
    for version, python in found.items():
        started = time.monotonic()
        passed = run(version, python) if python else None
        failed = failed or passed is False
        word = {True: "passed", False: "FAILED", None: "missing"}[passed]
        took = f"{time.monotonic() - started:4.0f} s   {python}" if python else ""
        lines.append(f"Python {version:<5} {word:<8}{took}".rstrip())
    print("", *lines, sep="\n")
    return int(failed)


def _candidates(version: str) -> Iterator[str]:
    name = f"python{version}"
    if on_path := shutil.which(name):
        yield on_path
    for folder in FOLDERS:
        pattern = os.path.expanduser(os.path.expandvars(folder.replace("{version}", version)))
        yield from sorted(glob(f"{pattern}/{name}"), reverse=True)


def _runs(path: str, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == version


if __name__ == "__main__":
    sys.exit(main())
