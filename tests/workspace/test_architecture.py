"""Who may import whom: house rules 3 and 4, read from the source, and what an import costs, seen in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.workspace.modules import Import, imports_of, needed_at_import
from tests.workspace.repository import LIBRARIES, PACKAGES, PLUGINS, ROOT, project_of

IMPORTS = {name: imports_of(folder) for name, folder in PACKAGES.items()}
PLUGIN_NAMES = [plugin.name for plugin in PLUGINS if plugin not in LIBRARIES]
LIBRARY_NAMES = [library.name for library in LIBRARIES]

# From the top down; a module never needs one of a layer above its own.
LAYERS = [f"alligator_core.{name}" for name in ("cli", "worker", "gator", "plugins", "backend", "errors")]
GRAPH = needed_at_import(IMPORTS["alligator_core"], "alligator_core")


@pytest.mark.parametrize("plugin", PLUGIN_NAMES)
def test_a_plugin_imports_neither_the_facade_nor_a_sibling(plugin: str) -> None:
    siblings = [name for name in PLUGIN_NAMES if name != plugin]
    assert not crossing(IMPORTS[plugin], into=["alligator", *siblings])


@pytest.mark.parametrize("library", LIBRARY_NAMES)
def test_a_library_imports_neither_the_core_nor_a_plugin_nor_another_library(library: str) -> None:
    others = [name for name in LIBRARY_NAMES if name != library]
    assert not crossing(IMPORTS[library], into=["alligator", "alligator_core", *PLUGIN_NAMES, *others])


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda folder: folder.name)
def test_whatever_has_no_entry_point_is_a_library(plugin: Path) -> None:
    assert (plugin in LIBRARIES) == ("entry-points" not in project_of(plugin))


def test_the_default_serializer_does_not_import_the_core() -> None:
    assert not crossing(IMPORTS["alligator_json"], into=["alligator_core"])


@pytest.mark.parametrize("package", ["alligator", "alligator_core"])
def test_the_core_imports_no_plugin(package: str) -> None:
    assert not crossing(IMPORTS[package], into=[*PLUGIN_NAMES, *LIBRARY_NAMES])


def test_the_core_does_not_import_the_facade() -> None:
    assert not crossing(IMPORTS["alligator_core"], into=["alligator"])


def test_nothing_at_run_time_imports_the_conformance_suite() -> None:
    own = ("alligator_core.testing", "alligator_core.cli.check")
    everyone = [item for imports in IMPORTS.values() for item in imports]
    outside = [item for item in everyone if not f"{item.importer}.".startswith(tuple(f"{name}." for name in own))]
    assert not crossing(outside, into=["alligator_core.testing"])


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    sorter = TopologicalSorter(needed_at_import(IMPORTS[package], package))
    try:
        sorter.prepare()
    except CycleError as exc:
        pytest.fail(" is imported by ".join(exc.args[1]), pytrace=False)


@pytest.mark.parametrize("layer", LAYERS[1:])
def test_imports_point_down(layer: str) -> None:
    above = LAYERS[: LAYERS.index(layer)]
    assert layer in GRAPH, "the layer has moved: mend LAYERS"
    assert not [name for name in reached(GRAPH, layer) if f"{name}.".startswith(tuple(f"{high}." for high in above))]


def test_importing_alligator_loads_no_command_line_no_plugin_and_no_event_loop() -> None:
    unwanted = {"click", "asyncio", "pytest", "hypothesis", *PLUGIN_NAMES}
    assert not loaded_by("import alligator") & unwanted


def test_a_gator_in_memory_loads_no_plugin_but_json() -> None:
    loaded = loaded_by("from alligator import Gator; Gator('locmem://')")
    assert loaded & {*PLUGIN_NAMES} == {"alligator_json"}


def crossing(imports: Iterable[Import], *, into: Iterable[str]) -> list[str]:
    """Return those of the imports that lead into the packages, in words."""
    packages = list(into)
    return [str(item) for item in imports if any(item.is_of(package) for package in packages)]


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return every module that importing `start` loads, itself included."""
    seen, waiting = set[str](), [start]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting.extend(graph.get(name, ()))
    return seen


def loaded_by(code: str) -> set[str]:
    """Run the code in a fresh process, and return the top-level modules that it left loaded."""
    show = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-I", "-c", f"{code}\n{show}"]
    return {*subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()}
