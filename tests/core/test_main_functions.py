"""Functions of the program that runs as `__main__`: a worker finds them under the program's own name, or never."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from dataclasses import dataclass

from alligator import Gator

@dataclass
class Parcel:
    weight: int

def greet(parcel: Parcel) -> None:
    print("hello", __name__, type(parcel).__name__, parcel.weight)

if __name__ == "__main__":
    gator = Gator("locmem://", plugins=[])
    task = gator.task(greet, Parcel(3))
    print(task.name)
    gator.pop()
"""

WORKER = """
from alligator import Gator
gator = Gator("locmem://", plugins=[])
task = gator.codec.decode(b'json\\n{"id":"1","task":"%s:greet","args":[5]}', "all")
print(task.func.__module__)
"""


def python(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_function_of_a_script_is_named_by_the_scripts_file(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    ran = python("app.py", cwd=tmp_path)
    assert ran.stdout.split("\n")[:2] == ["app:greet", "hello __main__ Parcel 3"], ran.stderr
    assert python("-c", WORKER % "app", cwd=tmp_path).stdout == "app\n"


def test_a_function_of_a_script_elsewhere_is_named_by_the_file_that_stands_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    ran = python(str(tmp_path / "app.py"), cwd=Path(__file__).parent)
    assert ran.stdout.startswith("app:greet\n"), ran.stderr


def test_a_function_of_a_module_run_with_dash_m_is_named_in_full(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "app.py").write_text(PROGRAM)
    ran = python("-m", "shop.app", cwd=tmp_path)
    assert ran.stdout.split("\n")[:2] == ["shop.app:greet", "hello __main__ Parcel 3"], ran.stderr
    assert python("-c", WORKER % "shop.app", cwd=tmp_path).stdout == "shop.app\n"


def test_a_function_of_a_package_run_with_dash_m_is_named_by_its_main_module(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__main__.py").write_text(PROGRAM)
    ran = python("-m", "shop", cwd=tmp_path)
    assert ran.stdout.split("\n")[:2] == ["shop.__main__:greet", "hello __main__ Parcel 3"], ran.stderr


SPAWNING = """
import multiprocessing
from alligator import Gator

def greet() -> None:
    print("hello", __name__)

def produce() -> None:
    gator = Gator("locmem://", plugins=[])
    print(gator.task(greet).name)
    gator.pop()

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=produce)
    child.start()
    child.join()
"""


@pytest.mark.parametrize(("command", "name"), [(["app.py"], "app"), (["-m", "shop.app"], "shop.app")])
def test_a_function_of_a_script_is_named_the_same_in_children_of_multiprocessing(
    command: list[str], name: str, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    for file in (tmp_path / "app.py", tmp_path / "shop" / "app.py"):
        file.write_text(SPAWNING)
    ran = python(*command, cwd=tmp_path)
    assert ran.stdout.split("\n")[:2] == [f"{name}:greet", "hello __mp_main__"], ran.stderr


NO_FILE = "from alligator import Gator\ndef f(): pass\nGator('locmem://', plugins=[]).task(f)\n"


TYPED = NO_FILE.replace("pass\n", "pass\n\n")


@pytest.mark.parametrize(("arguments", "stdin"), [(["-c", NO_FILE], ""), (["-"], NO_FILE), (["-i"], TYPED)])
def test_a_function_that_was_typed_in_is_refused(arguments: list[str], stdin: str, tmp_path: Path) -> None:
    ran = python(*arguments, cwd=tmp_path, stdin=stdin)
    assert "'__main__:f' is in a __main__ that no worker can import. Move it to a module of its own." in ran.stderr


def test_a_function_of_a_script_that_cannot_be_imported_by_its_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my-app.py").write_text(PROGRAM)
    ran = python("my-app.py", cwd=tmp_path)
    assert "is in a __main__ that no worker can import" in ran.stderr


def test_a_function_of_a_script_that_runs_under_a_profiler_is_named_by_its_file_or_refused(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    ran = python("-m", "cProfile", "app.py", cwd=tmp_path)
    assert "app:greet\n" in ran.stdout or "is in a __main__ that no worker can import" in ran.stderr


def test_a_script_that_shadows_the_standard_library_is_refused(tmp_path: Path) -> None:
    # A worker would import the library's module, if that came first.
    (tmp_path / "queue.py").write_text(NO_FILE)
    ran = python("queue.py", cwd=tmp_path)
    assert ran.returncode != 0
