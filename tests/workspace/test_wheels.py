"""What users install: the built wheels, in an environment of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.redis.servers import Server
from tests.workspace import distributions, quickstart
from tests.workspace.repository import PLUGINS, PROJECTS, ROOT, project_of, tool

pytestmark = pytest.mark.long

CORE = ("alligator-core", "alligator-json", "alligator-tags")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdists and wheels of all packages."""
    folder = tmp_path_factory.mktemp("dist")
    for project in PROJECTS:
        distributions.build(project, folder)
    return folder


@pytest.mark.parametrize("project", PROJECTS, ids=lambda folder: project_of(folder)["name"])
def test_a_wheel_holds_its_licence_its_types_and_nothing_but_its_packages(project: Path, dist: Path) -> None:
    packages = {project.name} if project in PLUGINS else {"alligator", "alligator_core"}
    (wheel,) = dist.glob(f"{project_of(project)['name'].replace('-', '_')}-*.whl")
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == packages
    assert {f"{package}/py.typed" for package in packages} <= {*names}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_readme_quickstart_runs_as_printed_from_the_wheels(dist: Path, tmp_path: Path) -> None:
    steps = quickstart.read((ROOT / "README.md").read_text(encoding="utf-8"))
    distributions.install(wheels_of(dist, *CORE, "alligator-sqlite"), tmp_path / "venv")
    (tmp_path / "work").mkdir()
    quickstart.follow(steps, tmp_path / "work", tmp_path / "venv")


KINDS = ("backend", "serializer", "hooks")


@pytest.fixture(scope="module")
def bare(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the core's wheels, what tests need, and nothing else."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    distributions.install(wheels_of(dist, *CORE), venv)
    distributions.copy(["pytest", "hypothesis", "pytest-xdist"], venv)
    return venv


@pytest.mark.timeout(600)  # It runs the whole conformance suite.
@pytest.mark.parametrize("kind", KINDS)
def test_what_new_plugin_writes_is_found_once_its_wheel_is_installed_and_passes_its_own_tests(
    bare: Path, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / f"alligator-new-{kind}"

    def run(command: str, *words: str) -> str:
        return _run(str(bare / "bin" / command), *words, cwd=folder if folder.exists() else tmp_path, env={"PATH": ""})

    run("alligator", "new-plugin", kind, f"new-{kind}")
    distributions.build(folder, tmp_path / "dist")
    distributions.add([*(tmp_path / "dist").glob("*.whl")], bare)

    _, listed = run("alligator", "plugins", f"new-{kind}", "--check").splitlines()
    assert listed.split()[:3] == [kind, f"new-{kind}", f"alligator-new-{kind}"]
    # Those of a backend mostly wait.
    run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *(["-n", "3"] if kind == "backend" else []))


def test_what_new_plugin_writes_satisfies_the_linter_and_the_type_checker(tmp_path: Path) -> None:
    for kind in KINDS:
        # The longest name that there may be: no line gets too long by it.
        name = f"{kind}-{'x' * 30}"[:30]
        _run(tool("alligator"), "new-plugin", kind, name, cwd=tmp_path)
        for command, *words in (
            ("ruff", "check", "--no-cache", "."),
            ("ruff", "format", "--no-cache", "--check", "."),
            ("mypy", "--cache-dir", str(tmp_path / "cache")),
        ):
            _run(tool(command), *words, cwd=tmp_path / f"alligator-{name}")


def _run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    ran = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def wheels_of(dist: Path, *names: str) -> list[Path]:
    return [wheel for name in names for wheel in dist.glob(f"{name.replace('-', '_')}-*.whl")]


TASKS = """
from pathlib import Path

def keep(name, data):
    assert type(data) is bytes
    Path(name).write_bytes(data)
"""

ENQUEUE = "import sys, tasks; from alligator import Gator; Gator(sys.argv[1]).task(tasks.keep, 'kept', bytes([0, 255]))"


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "redis", "--save", "")
    yield server
    server.stop()


def test_a_serializer_works_once_its_wheel_is_installed_and_its_name_says_which_until_then(
    dist: Path, tmp_path: Path, redis_server: Server
) -> None:
    venv, work, dsn = tmp_path / "venv", tmp_path / "work", f"{redis_server.dsn}?serializer=msgpack"
    work.mkdir()
    (work / "tasks.py").write_text(TASKS)
    distributions.install(wheels_of(dist, *CORE, "alligator-redis"), venv)

    def run(command: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [venv / "bin" / command, *words], cwd=work, env={"PATH": ""}, capture_output=True, text=True, timeout=60
        )

    for ran in (run("python", "-c", ENQUEUE, dsn), run("alligator", "worker", dsn, "--burst")):
        assert ran.returncode != 0
        assert "No serializer for 'msgpack'. Install one: pip install alligator-msgpack. Installed: json." in ran.stderr

    distributions.add(wheels_of(dist, "alligator-msgpack"), venv)
    assert (enqueued := run("python", "-c", ENQUEUE, dsn)).returncode == 0, enqueued.stderr
    assert (worked := run("alligator", "worker", dsn, "--burst")).returncode == 0, worked.stderr
    assert (work / "kept").read_bytes() == bytes([0, 255])
