"""What users install: the built wheels, in an environment of their own."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.workspace import distributions, quickstart
from tests.workspace.repository import PLUGINS, PROJECTS, ROOT, project_of

NEEDED = ("alligator-core", "alligator-json", "alligator-sqlite", "alligator-tags")


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
    wheels = [wheel for name in NEEDED for wheel in dist.glob(f"{name.replace('-', '_')}-*.whl")]
    distributions.install(wheels, tmp_path / "venv")
    (tmp_path / "work").mkdir()
    quickstart.follow(steps, tmp_path / "work", tmp_path / "venv")
