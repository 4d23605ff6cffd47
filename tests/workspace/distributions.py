"""Building the wheels, and installing them where nothing else is, without the network or any cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.workspace.repository import tool


def build(project: Path, into: Path) -> None:
    """Build a project's sdist, and its wheel from that, with the build backend of this environment."""
    _uv("build", "--no-build-isolation", "--python", sys.executable, "--out-dir", str(into), str(project))


def install(wheels: list[Path], venv: Path) -> None:
    """Make an empty environment with the wheels, and what their metadata asks for as this environment has it."""
    _uv("venv", "--python", sys.executable, str(venv))
    add(wheels, venv)


def add(wheels: list[Path], venv: Path) -> None:
    """Put more wheels, and what their metadata asks for, into such an environment."""
    _uv("pip", "install", "--no-deps", "--python", str(venv), *map(str, wheels))
    copy([], venv)


def copy(names: list[str], venv: Path) -> None:
    """Put packages of this environment into such an environment, and all that what is there then asks for."""
    (site,) = venv.glob("lib/python*/site-packages")
    missing = {canonicalize_name(name) for name in names}
    while missing := missing or _missing(site):
        for name in missing:
            _copy(distribution(name), site)
        missing = set()
    _uv("pip", "check", "--python", str(venv))


def _uv(*arguments: str) -> None:
    ran = subprocess.run([tool("uv"), "--offline", *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, f"uv {' '.join(arguments)}\n{ran.stderr}"


def _missing(site: Path) -> set[NormalizedName]:
    present = {canonicalize_name(found.name): found for found in distributions(path=[str(site)])}
    extras: dict[NormalizedName, set[str]] = {}
    for found in present.values():
        for item in _required(found, set()):
            extras.setdefault(canonicalize_name(item.name), set()).update(item.extras)
    wanted = [item for name, found in present.items() for item in _required(found, extras.get(name, set()))]
    return {canonicalize_name(item.name) for item in wanted} - {*present}


def _required(found: Distribution, extras: set[str]) -> list[Requirement]:
    items = [Requirement(line) for line in found.requires or ()]
    return [item for item in items if item.marker is None or any(map(item.marker.evaluate, _settings(extras)))]


def _settings(extras: set[str]) -> list[dict[str, str]]:
    return [{"extra": extra} for extra in ("", *extras)]


def _copy(found: Distribution, site: Path) -> None:
    for file in found.files or ():
        if ".." not in file.parts and file.suffix != ".pyc":
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(found.locate_file(file)), target)
