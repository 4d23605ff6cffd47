"""The virtual environment of each system, made by uv from requirements/NAME.txt, and made anew when that changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HOME = ROOT / ".work" / "peers"
INSTALL = ("pip", "install", "--compile-bytecode")


class NoEnvironment(Exception):
    """The environment can't be made."""


def find_python(version: str) -> str:
    """Return the path of an interpreter of a version, such as 3.13; a path is returned as it is."""
    if "/" in version:
        return version
    for candidate in _candidates(version):
        # A version manager's shims are on the PATH for all that it has, and fail for what isn't selected.
        answer = subprocess.run([candidate, "-c", "import sys; print(sys.version)"], capture_output=True, text=True)
        if answer.returncode == 0 and answer.stdout.startswith(version):
            return candidate
    raise SystemExit(f"There is no Python {version}: name another one by --python VERSION or --python PATH")


def python_of(name: str, interpreter: str) -> Path:
    """Return the interpreter of a system's environment, which is made first if need be. Raises NoEnvironment."""
    folder, requirements = HOME / name, HERE / "requirements" / f"{name}.txt"
    wanted = f"python {interpreter}\n{requirements.read_text()}"
    stamp, python = folder / "made-from.txt", folder / "bin" / "python"
    if not (stamp.exists() and stamp.read_text() == wanted):
        _uv("venv", "--clear", "--python", interpreter, str(folder))
        _uv(*INSTALL, "--python", str(python), "--requirement", str(requirements))
        stamp.write_text(wanted)
    return python


def _candidates(version: str) -> Iterator[str]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(home.glob(f"versions/{version}*/bin/python{version}"), reverse=True))


def _uv(*arguments: str) -> None:
    own = ROOT / ".tools" / "bin" / "uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        raise SystemExit("There is no uv to make environments with: make setup brings it")
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run([uv, *arguments, "--quiet"], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise NoEnvironment(f"uv {arguments[0]}: {done.stderr.strip()[-400:]}")
