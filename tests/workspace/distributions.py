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
    _uv("pip", "install", "--no-deps", "--python", str(venv), *map(str, wheels))
    (site,) = venv.glob("lib/python*/site-packages")
    while missing := _missing(site):
        for name in missing:
            _copy(distribution(name), site)
    _uv("pip", "check", "--python", str(venv))


def _uv(*arguments: str) -> None:
    ran = subprocess.run([tool("uv"), "--offline", *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, f"uv {' '.join(arguments)}\n{ran.stderr}"


def _missing(site: Path) -> set[NormalizedName]:
    present = {canonicalize_name(found.name): found for found in distributions(path=[str(site)])}
    wanted = {canonicalize_name(name) for found in present.values() for name in _required(found)}
    return wanted - {*present}


def _required(found: Distribution) -> list[str]:
    requirements = [Requirement(line) for line in found.requires or ()]
    return [item.name for item in requirements if item.marker is None or item.marker.evaluate({"extra": ""})]


def _copy(found: Distribution, site: Path) -> None:
    for file in found.files or ():
        if ".." not in file.parts and file.suffix != ".pyc":
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(found.locate_file(file)), target)
