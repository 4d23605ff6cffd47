"""Finding installed plugins. The distributions here are real metadata in a folder on the path."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from alligator import Gator, PluginError, UnknownPluginError
from alligator_core import OLDEST_SPEC, SPEC_VERSION, __version__, spec_version
from alligator_core.dsn import Dsn
from alligator_core.plugins import BACKENDS, HOOKS, SERIALIZERS, PluginManager, survey

from . import jobs
from .conftest import Install
from .helpers import drain

BACKEND = """
from alligator_core import hookimpl
from alligator_core import locmem
from alligator_core.dsn import Dsn

@hookimpl
def make_backend(dsn):
    return locmem.make_backend(Dsn.parse("locmem://")) if dsn.host != "no" else None
"""

HOOKS_SOURCE = """
from alligator_core import hookimpl
from tests.core import jobs

@hookimpl
def after_task(task):
    jobs.ran.append(__name__)
"""


def test_a_backend_is_found_by_the_scheme_it_is_installed_under(install: Install) -> None:
    install("alligator-thing", {"thing": BACKEND}, backends={"thing": "thing"})
    gator = Gator("thing://host")
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1]


def test_a_plugin_is_imported_only_when_it_is_asked_for(install: Install) -> None:
    install("alligator-thing", {"thing": "raise RuntimeError('imported')"}, backends={"thing": "thing"})
    Gator("locmem://")
    assert "thing" not in sys.modules


def test_one_module_may_serve_two_schemes(install: Install) -> None:
    install("alligator-thing", {"thing": BACKEND}, backends={"thing": "thing", "things": "thing"})
    gator = Gator("thing://")
    assert gator.build_backend("things://").size("all").ready == 0


def test_two_distributions_that_claim_one_scheme_are_an_error_that_names_both(install: Install) -> None:
    install("alligator-thing", {"thing": BACKEND}, backends={"thing": "thing"})
    install("other-thing", {"other": BACKEND}, backends={"thing": "other"})
    with pytest.raises(PluginError, match="alligator-thing and other-thing both claim the backend 'thing'") as caught:
        Gator("thing://")
    assert caught.value.distributions == ("alligator-thing", "other-thing")


def test_a_claim_on_a_bundled_scheme_is_an_error_too(install: Install) -> None:
    install("alligator-thing", {"thing": BACKEND}, backends={"locmem": "thing"})
    with pytest.raises(PluginError, match="both claim the backend 'locmem'"):
        Gator("locmem://")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("import no_such_client", "ModuleNotFoundError"),
        ("1/0", "ZeroDivisionError"),
        ("raise SystemExit('go away')", "SystemExit"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_an_error_that_names_its_distribution(
    install: Install, source: str, shown: str
) -> None:
    install("alligator-thing", {"thing": source}, backends={"thing": "thing"})
    with pytest.raises(
        PluginError, match=rf"The backend 'thing' of alligator-thing \(thing\) can't be imported: {shown}"
    ) as caught:
        Gator("thing://")
    assert caught.value.distributions == ("alligator-thing",)


def test_a_broken_hook_plugin_is_an_error_that_names_its_distribution(install: Install) -> None:
    install("alligator-metrics", {"metrics": "import no_such_client"}, hooks={"metrics": "metrics"})
    with pytest.raises(PluginError, match=r"The hooks 'metrics' of alligator-metrics \(metrics\) can't be imported"):
        Gator("locmem://")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (HOOKS_SOURCE.replace("after_task(", "after_tsk("), "unknown hook 'after_tsk'.*Did you mean 'after_task'"),
        (HOOKS_SOURCE.replace("(task)", "(job)"), "can not be found in the hookspec.*may take these: task, outcome"),
    ],
)
def test_a_plugin_that_does_not_fit_the_specs_is_an_error_that_names_its_distribution(
    install: Install, source: str, problem: str
) -> None:
    install("alligator-metrics", {"metrics": source}, hooks={"metrics": "metrics"})
    with pytest.raises(PluginError, match=rf"(?s)'metrics' of alligator-metrics.*doesn't fit the specs.*{problem}"):
        Gator("locmem://")


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        (SPEC_VERSION + 1, "upgrade alligator-core, or use an older version of alligator-metrics"),
        (OLDEST_SPEC - 1, "upgrade alligator-metrics, or use an older version of alligator-core"),
    ],
)
def test_a_plugin_for_another_version_of_the_specs_is_an_error_that_says_what_to_upgrade(
    install: Install, version: int, advice: str
) -> None:
    install("alligator-metrics", {"metrics": f"alligator_spec_version = {version}"}, hooks={"metrics": "metrics"})
    with pytest.raises(PluginError) as caught:
        Gator("locmem://")
    assert str(caught.value) == (
        f"The hooks 'metrics' of alligator-metrics (metrics) was built for version {version} of the plugin specs, "
        f"and alligator-core {__version__} has {SPEC_VERSION}: {advice}."
    )
    assert caught.value.distributions == ("alligator-metrics",)


def test_a_version_of_the_specs_that_is_no_number_is_an_error(install: Install) -> None:
    install("alligator-thing", {"thing": "alligator_spec_version = '1.0'"}, backends={"thing": "thing"})
    with pytest.raises(PluginError, match=r"alligator_spec_version = '1\.0': it must be a whole number, such as 1\."):
        Gator("thing://")


def test_a_plugin_is_loaded_that_was_built_for_any_version_from_the_oldest_to_the_newest(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec_version, "OLDEST_SPEC", 3)
    monkeypatch.setattr(spec_version, "SPEC_VERSION", 5)
    for version in (3, 4, 5):
        install(
            f"alligator-v{version}",
            {f"v{version}": f"alligator_spec_version = {version}"},
            hooks={f"v{version}": f"v{version}"},
        )
    Gator("locmem://")
    install("alligator-v2", {"v2": "alligator_spec_version = 2"}, hooks={"v2": "v2"})
    with pytest.raises(PluginError, match=r"was built for version 2 .* has 3 to 5: upgrade alligator-v2"):
        Gator("locmem://")


def test_an_object_of_the_apps_own_may_say_its_version_too() -> None:
    class Metrics:
        alligator_spec_version = SPEC_VERSION + 1

    gator = Gator("locmem://", plugins=[])
    with pytest.raises(PluginError, match="upgrade alligator-core, or use an older version of the plugin"):
        gator.plugins.register(Metrics())


def test_a_plugin_without_the_function_that_builds_is_an_error(install: Install) -> None:
    install("alligator-thing", {"thing": ""}, backends={"thing": "thing"}, serializers={"thing": "thing"})
    with pytest.raises(PluginError, match="is registered for 'thing', but its make_backend made nothing"):
        Gator("thing://")
    with pytest.raises(PluginError, match="is registered for 'thing', but its make_serializer made nothing"):
        Gator("locmem://", serializer="thing")


def test_a_plugin_that_builds_nothing_for_a_dsn_is_an_error(install: Install) -> None:
    install("alligator-thing", {"thing": BACKEND}, backends={"thing": "thing"})
    with pytest.raises(PluginError, match="made nothing"):
        Gator("thing://no")


def test_only_the_plugin_that_claims_the_scheme_is_asked(install: Install) -> None:
    greedy = BACKEND + "\n@hookimpl\ndef make_serializer(name, setup): raise RuntimeError('not mine')\n"
    install("alligator-thing", {"thing": greedy}, backends={"thing": "thing"})
    gator = Gator("thing://")
    other = gator.build_backend("locmem://")
    assert other.name == "locmem"
    assert gator.plugins.make_serializer("json").name == "json"


def test_hook_plugins_that_are_installed_are_loaded_when_a_gator_is_made(install: Install) -> None:
    install("alligator-metrics", {"metrics": HOOKS_SOURCE}, hooks={"metrics": "metrics"})
    gator = Gator("locmem://")
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, "metrics"]


@pytest.mark.parametrize(("named", "heard"), [("", []), ("metrics", ["metrics"]), (" metrics, ", ["metrics"])])
def test_the_environment_may_say_which_hook_plugins_are_loaded(
    install: Install, monkeypatch: pytest.MonkeyPatch, named: str, heard: list[str]
) -> None:
    install("alligator-metrics", {"metrics": HOOKS_SOURCE}, hooks={"metrics": "metrics"})
    install("alligator-broken", {"broken": "import no_such_client"}, hooks={"broken": "broken"})
    monkeypatch.setenv("ALLIGATOR_PLUGINS", named)
    gator = Gator("locmem://")
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, *heard]
    jobs.ran.clear()
    monkeypatch.delenv("ALLIGATOR_PLUGINS")
    gator = Gator.from_env({"ALLIGATOR_CONN": "locmem://", "ALLIGATOR_PLUGINS": named})
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, *heard]
    monkeypatch.setenv("ALLIGATOR_PLUGINS", "metrix")
    with pytest.raises(UnknownPluginError, match="metrix"):
        Gator("locmem://")


def test_plugins_says_which_hook_plugins_are_loaded_by_name_or_object(install: Install) -> None:
    install("alligator-metrics", {"metrics": HOOKS_SOURCE}, hooks={"metrics": "metrics"})
    install("alligator-tracing", {"tracing": HOOKS_SOURCE}, hooks={"tracing": "tracing"})
    both = [import_module("metrics"), "tracing"]
    for plugins, heard in [([], []), (["tracing"], ["tracing"]), (both, ["tracing", "metrics"])]:
        gator = Gator("locmem://", plugins=plugins)
        jobs.ran.clear()
        gator.task(jobs.note, 1)
        drain(gator)
        assert jobs.ran == [1, *heard]


def test_one_plugin_may_be_named_without_a_list(install: Install) -> None:
    install("alligator-metrics", {"metrics": HOOKS_SOURCE}, hooks={"metrics": "metrics"})
    gator = Gator("locmem://", plugins="metrics")
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, "metrics"]


def test_a_hook_plugin_that_is_not_installed_is_an_error() -> None:
    with pytest.raises(UnknownPluginError, match=r"No hooks for 'tracing'. Install one: pip install alligator-tracing"):
        Gator("locmem://", plugins=["tracing"])


def test_a_plugin_named_twice_is_loaded_once(install: Install) -> None:
    install("alligator-metrics", {"metrics": HOOKS_SOURCE}, hooks={"metrics": "metrics"})
    gator = Gator("locmem://", plugins=["metrics", "metrics", import_module("metrics")])
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, "metrics"]


def test_a_survey_lists_everything_with_its_hooks_and_what_is_wrong(install: Install) -> None:
    install("alligator-thing", {"thing": BACKEND}, backends={"thing": "thing"})
    install("alligator-metrics", {"metrics": HOOKS_SOURCE}, hooks={"metrics": "metrics"})
    install("alligator-broken", {"broken_plugin": "1/0"}, hooks={"broken": "broken_plugin"})
    found = {(each.kind, each.name): each for each in survey()}
    thing = found["backend", "thing"]
    assert (thing.distribution, thing.version, thing.hooks, thing.error) == (
        "alligator-thing",
        "1.2.3",
        ("make_backend",),
        "",
    )
    assert found["hooks", "metrics"].hooks == ("after_task",)
    assert "ZeroDivisionError" in found["hooks", "broken"].error
    assert found["backend", "locmem"].distribution == "alligator-core"
    assert found["serializer", "json"].distribution == "alligator-json"


def test_a_survey_shows_a_scheme_that_two_claim_as_an_error_of_both(install: Install) -> None:
    install("alligator-thing", {"thing": BACKEND}, backends={"thing": "thing"})
    install("other-thing", {"other": BACKEND}, backends={"thing": "other"})
    errors = [each.error for each in survey() if each.name == "thing"]
    assert len(errors) == 2
    assert all("both claim" in error for error in errors)


def test_the_bundled_parts_come_by_the_same_entry_points_as_everyone_elses() -> None:
    manager = PluginManager()
    assert manager.load(BACKENDS, "locmem").__name__ == "alligator_core.locmem"  # type: ignore[attr-defined]
    assert manager.load(SERIALIZERS, "json").__name__ == "alligator_json"  # type: ignore[attr-defined]


def test_a_name_that_is_not_installed_is_an_error_for_each_kind() -> None:
    for group, kind in ((BACKENDS, "backend"), (SERIALIZERS, "serializer"), (HOOKS, "hooks")):
        with pytest.raises(UnknownPluginError) as caught:
            PluginManager().load(group, "zzz")
        assert (caught.value.kind, caught.value.name) == (kind, "zzz")


IMPORTED = """
import sys
before = set(sys.modules)
import alligator
{rest}
print(*sorted({{name.partition('.')[0] for name in set(sys.modules) - before}}))
"""


def imported_by(rest: str, tmp_path: Path) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(rest=rest)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    return set(ran.stdout.split())


def test_importing_alligator_imports_neither_click_nor_any_plugin(tmp_path: Path) -> None:
    names = imported_by("", tmp_path)
    assert not names & {"click", "alligator_json", "msgspec", "alligator_sqlite", "sqlite3", "asyncio", "hypothesis"}


def test_a_gator_on_locmem_loads_locmem_and_json_only(tmp_path: Path) -> None:
    names = imported_by("alligator.Gator('locmem://', plugins=[])", tmp_path)
    expected = {"alligator", "alligator_core", "alligator_json", "alligator_tags"}
    assert {name for name in names if name.startswith("alligator")} == expected
    assert not names & {"click", "sqlite3", "asyncio", "hypothesis", "pytest"}


def test_the_serializer_in_a_dsn_is_no_business_of_the_backend() -> None:
    assert PluginManager().make_backend(Dsn.parse("locmem://?serializer=json")).name == "locmem"
