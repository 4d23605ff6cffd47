"""`alligator plugins --check`: what it says of plugins that are broken, each in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from alligator_core.cli.output import printable

pytestmark = pytest.mark.long

Shell = Callable[..., tuple[int, str, str]]
Check = Callable[..., dict[str, str]]

HOOK = "from alligator_core import hookimpl\n@hookimpl\ndef {signature}:\n    {body}\n"
SIGNATURES = (
    "register_commands(cli)",
    "declare_options()",
    "before_enqueue(gator, task)",
    "after_enqueue(gator, task)",
    "on_worker_start(worker)",
    "on_worker_stop(worker)",
    "before_task(task)",
    "on_success(task, result)",
    "on_failure(task, error)",
    "on_retry(task, error, delay)",
    "on_dead(task, error)",
    "after_task(task, outcome)",
)
WELL = "\n".join(HOOK.format(signature=signature, body="return None") for signature in SIGNATURES)
REMEDY = "Upgrade or mend alligator-{0}, or leave it out: ALLIGATOR_PLUGINS names those to load."


@pytest.fixture
def check(shell: Shell) -> Check:
    """Check some plugins, one of which has to be broken at least; return the error of each."""

    def check(*names: str, timeout: float = 60.0) -> dict[str, str]:
        code, out, err = shell("alligator", "plugins", *names, "--check", "--timeout", str(timeout), "--json")
        assert code == 1, out + err
        found = json.loads(out)["plugins"]
        errors = [plugin["error"] for plugin in found if plugin["error"]]
        assert err == "".join(f"Error: {printable(error)}\n" for error in errors)
        return {plugin["name"]: plugin["error"] for plugin in found}

    return check


def test_where_all_is_well_there_is_nothing_to_say(install: Any, shell: Shell) -> None:
    install("well", WELL)

    code, out, err = shell("alligator", "plugins", "--check", "well", "locmem", "json", "sqlite", "logging")

    assert (code, err) == (0, "")
    assert [line.split()[:3] for line in out.splitlines()] == [
        ["KIND", "NAME", "DISTRIBUTION"],
        ["backend", "locmem", "alligator-core"],
        ["backend", "sqlite", "alligator-sqlite"],
        ["serializer", "json", "alligator-json"],
        ["hooks", "well", "alligator-well"],
        ["hooks", "logging", "alligator-logging"],
    ]


def test_an_import_that_fails_is_found(install: Any, check: Check) -> None:
    install("broken", "import no_such_client")

    assert check("broken")["broken"] == (
        "The hooks 'broken' of alligator-broken (alligator_broken) can't be imported: "
        f"ModuleNotFoundError(\"No module named 'no_such_client'\"). {REMEDY.format('broken')}"
    )


@pytest.mark.parametrize(
    ("signature", "hint"),
    [("after_tsk(task)", "Did you mean 'after_task'?"), ("after_task(job)", "It may take these: task, outcome.")],
)
def test_a_misspelt_hook_or_argument_is_found(install: Any, check: Check, signature: str, hint: str) -> None:
    install("misspelt", HOOK.format(signature=signature, body="pass"))

    error = check("misspelt")["misspelt"]

    assert error.startswith("The hooks 'misspelt' of alligator-misspelt (alligator_misspelt) doesn't fit the specs: ")
    assert error.endswith(hint)


def test_a_hook_that_raises_is_found_whichever_it_is(install: Any, check: Check) -> None:
    hooks = {f"raising{number}": signature for number, signature in enumerate(SIGNATURES)}
    for name, signature in hooks.items():
        install(name, HOOK.format(signature=signature, body="raise LookupError('no tenant')"))

    errors = check(*hooks)

    assert errors == {
        name: f"The hooks '{name}' of alligator-{name} (alligator_{name}) fails in {signature.partition('(')[0]}: "
        f"LookupError: no tenant (alligator_{name}.py, line 4). {REMEDY.format(name)}"
        for name, signature in hooks.items()
    }


def test_a_hook_that_decides_is_not_a_hook_that_fails(install: Any, shell: Shell) -> None:
    source = "from alligator_core import Defer, SkipTask\n"
    install("skipping", source + HOOK.format(signature="before_enqueue(task)", body="raise SkipTask('no')"))
    install("deferring", source + HOOK.format(signature="before_task(task)", body="raise Defer(60)"))

    assert shell("alligator", "plugins", "--check", "skipping", "deferring")[::2] == (0, "")


def test_an_import_and_a_hook_that_block_are_found_and_ended(install: Any, check: Check) -> None:
    install("stuck", "import threading\nthreading.Event().wait()")
    install("waiting", HOOK.format(signature="before_task(task)", body="import threading; threading.Event().wait()"))

    errors = check("stuck", "waiting", timeout=8)

    assert errors["stuck"] == (
        "The hooks 'stuck' of alligator-stuck (alligator_stuck) did not come back from its import within 8 s. "
        + REMEDY.format("stuck")
    )
    assert "did not come back from before_task within 8 s" in errors["waiting"]


def test_a_plugin_that_ends_the_process_is_found(install: Any, check: Check) -> None:
    install("leaving", "import os\nos._exit(7)")
    install("dying", HOOK.format(signature="after_task(task)", body="import os; os.kill(os.getpid(), 9)"))

    errors = check("leaving", "dying")

    assert "alligator-leaving (alligator_leaving) ended its process in its import, by exit code 7" in errors["leaving"]
    assert "alligator-dying (alligator_dying) ended its process in after_task, by signal 9" in errors["dying"]


def test_a_name_that_two_claim_is_found_with_both(install: Any, check: Check) -> None:
    install("locmem", "", group="alligator.backends")

    assert check("locmem")["locmem"] == (
        "alligator-core and alligator-locmem both claim the backend 'locmem': uninstall one."
    )


def test_a_plugin_for_another_version_of_the_specs_is_found(install: Any, check: Check) -> None:
    install("future", "alligator_spec_version = 99")

    assert check("future")["future"].startswith(
        "The hooks 'future' of alligator-future (alligator_future) was built for version 99 of the plugin specs, "
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise KeyError('host')", "fails in make_backend: KeyError: 'host' (alligator_store.py, line 4)"),
        ("return 'a backend'", "made 'a backend' in make_backend, which is no Backend"),
        ("return None", "is registered for 'store', but its make_backend made nothing"),
        (
            "from alligator_core.locmem import LocmemBackend as B; B.features |= {'delays'}; return B(None)",
            "declares 'delays', and features are cancel, ",
        ),
    ],
)
def test_a_backend_that_can_not_be_right_is_found(install: Any, check: Check, body: str, problem: str) -> None:
    install("store", HOOK.format(signature="make_backend(dsn)", body=body), group="alligator.backends")

    error = check("store")["store"]

    assert error.startswith(f"The backend 'store' of alligator-store (alligator_store) {problem}")
    assert error.endswith(" Upgrade or mend alligator-store, or uninstall it.")


def test_a_backend_that_wants_more_of_its_dsn_is_well(install: Any, shell: Shell) -> None:
    body = "from alligator_core.errors import DsnError; raise DsnError('Name a host.')"
    install("store", HOOK.format(signature="make_backend(dsn)", body=body), group="alligator.backends")

    assert shell("alligator", "plugins", "--check", "store")[::2] == (0, "")


@pytest.mark.parametrize(
    ("loads", "problem"),
    [
        ("return payload['x']", "fails in dumps or loads: TypeError: "),
        ("return {'id': '0'}", "made {'id': '0'} of {"),
    ],
)
def test_a_serializer_that_carries_nothing_is_found(install: Any, check: Check, loads: str, problem: str) -> None:
    serializer = f"""
class Serializer:
    name = "format"
    def dumps(self, payload, name_of): return b""
    def loads(self, payload, class_of): {loads}
"""
    make = HOOK.format(signature="make_serializer(name)", body="return Serializer()")
    install("format", make + serializer, group="alligator.serializers")

    assert f"alligator-format (alligator_format) {problem}" in check("format")["format"]


def test_what_a_plugin_prints_is_not_in_the_way(install: Any, shell: Shell) -> None:
    install("loud", "print('{')\n" + HOOK.format(signature="before_task(task)", body="print('here')"))

    code, out, err = shell("alligator", "plugins", "--check", "loud", "--json")

    assert (code, err) == (0, "")
    assert json.loads(out)["plugins"][0]["hooks"] == ["before_task"]


def test_a_name_that_nobody_has_is_an_error(shell: Shell) -> None:
    code, out, err = shell("alligator", "plugins", "--check", "retri")

    assert (code, out) == (2, "")
    assert "No plugin for 'retri'. Did you mean 'retry'?" in err
