"""The repository as its own tests see it: where its packages are, and what is tracked."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

# The standard library's from Python 3.11 on; before that the one that pytest brings along.
tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
PROJECTS = [ROOT, *PLUGINS]

# Those that aren't found by entry point, but imported by other plugins.
LIBRARIES = [ROOT / "plugins" / "alligator_tags"]

# Every import package of the repository, by name.
PACKAGES = {path.name: path for path in [ROOT / "alligator", ROOT / "alligator_core", *(p / p.name for p in PLUGINS)]}


def project_of(folder: Path) -> dict[str, Any]:
    """Return the [project] table of a folder's pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def tracked_files() -> list[Path]:
    """Return the paths of all tracked files, relative to the root."""
    # Also in a checkout that belongs to someone else, as a folder mounted into a container does.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [Path(name) for name in listed.stdout.split("\0") if name]


def tool(name: str) -> str:
    """Return the path of a command of the environment that runs the tests."""
    return str(Path(sys.executable).with_name(name))
