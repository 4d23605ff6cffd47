"""What every distribution of the repository has, and that they all carry one version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import alligator
import alligator_core
from tests.workspace.repository import PACKAGES, PLUGINS, PROJECTS, ROOT, project_of

every_plugin = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda folder: folder.name)


def test_all_versions_are_the_same() -> None:
    versions = {project["name"]: project["version"] for project in map(project_of, PROJECTS)}
    versions |= {module.__name__: module.__version__ for module in (alligator, alligator_core)}
    assert len(set(versions.values())) == 1, versions


def test_all_packages_support_the_same_pythons() -> None:
    assert len({project_of(folder)["requires-python"] for folder in PROJECTS}) == 1


@pytest.mark.parametrize("project", PROJECTS, ids=lambda folder: project_of(folder)["name"])
def test_all_that_a_package_depends_on_is_pinned(project: Path) -> None:
    table = project_of(project)
    extras = [line for lines in table.get("optional-dependencies", {}).values() for line in lines]
    wanted = {canonicalize_name(Requirement(line).name) for line in [*table["dependencies"], *extras]}
    own = {found["name"] for found in map(project_of, PROJECTS)}
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not wanted - own - {*pins}, "run `make lock`"


@every_plugin
def test_a_plugin_is_named_after_its_folder(plugin: Path) -> None:
    assert project_of(plugin)["name"] == plugin.name.replace("_", "-")


@every_plugin
def test_a_plugin_has_a_readme_of_its_own(plugin: Path) -> None:
    assert project_of(plugin)["readme"] == "README.md"
    assert project_of(plugin)["name"] in (plugin / "README.md").read_text(encoding="utf-8")


@every_plugin
def test_a_plugin_carries_the_licence(plugin: Path) -> None:
    assert project_of(plugin)["license-files"] == ["LICENSE"]
    assert (plugin / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("package", PACKAGES.values(), ids=lambda folder: folder.name)
def test_a_package_is_marked_as_typed(package: Path) -> None:
    assert (package / "py.typed").is_file()
