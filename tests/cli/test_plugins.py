from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Shell = Callable[..., tuple[int, str, str]]

GREETING = """
import click
from alligator import hookimpl
from alligator_core.errors import BackendUnavailable

@hookimpl
def register_commands(cli):
    @cli.command()
    @click.argument("name")
    def greet(name):
        if name == "nobody":
            raise BackendUnavailable("Nobody is there.")
        click.echo(f"Hello {name}")
"""


def test_plugins_are_listed_with_what_they_are(run: Any, run_json: Any) -> None:
    found = run_json("plugins")

    by_name = {(plugin["kind"], plugin["name"]): plugin for plugin in found["plugins"]}
    locmem = by_name["backend", "locmem"]
    assert set(locmem) == {"kind", "name", "distribution", "version", "hooks", "error"}
    assert (locmem["distribution"], locmem["hooks"], locmem["error"]) == ("alligator-core", ["make_backend"], "")
    assert by_name["serializer", "json"]["distribution"] == "alligator-json"
    lines = run("plugins").stdout.splitlines()
    assert lines[0].split() == ["KIND", "NAME", "DISTRIBUTION", "VERSION", "HOOKS"]
    assert any(
        line.split() == ["backend", "locmem", "alligator-core", locmem["version"], "make_backend"] for line in lines
    )


def test_a_plugin_may_add_commands(install: Any, shell: Shell) -> None:
    install("greeting", GREETING)

    assert shell("alligator", "greet", "Ann") == (0, "Hello Ann\n", "")
    assert shell("alligator", "greet", "nobody") == (3, "", "Error: Nobody is there.\n")
    code, out, _ = shell("alligator", "plugins", "--json")
    found = json.loads(out)
    assert (code, found["commands"]) == (0, ["greet"])
    assert {
        "kind": "hooks", "name": "greeting", "distribution": "alligator-greeting", "version": "1.5",
        "hooks": ["register_commands"], "error": "",
    } in found["plugins"]  # fmt: skip
    assert "Commands that they add: greet" in shell("alligator", "plugins")[1]


def test_a_plugin_that_fails_to_add_its_commands_is_a_warning(install: Any, shell: Shell) -> None:
    install("greeting", GREETING)
    install(
        "angry", "from alligator import hookimpl\n@hookimpl\ndef register_commands(cli):\n    raise OSError('no')\n"
    )

    code, out, err = shell("alligator", "greet", "Ann")

    assert (code, out, err) == (0, "Hello Ann\n", "Warning: The plugin 'angry' can't add its commands: no\n")


def test_a_broken_plugin_is_exit_code_1_and_listed_with_its_error(install: Any, shell: Shell) -> None:
    install("broken", "import no_such_module\n")

    code, out, err = shell("alligator", "plugins", "--json")

    broken = next(plugin for plugin in json.loads(out)["plugins"] if plugin["name"] == "broken")
    assert code == 1
    assert "No module named 'no_such_module'" in broken["error"]
    assert f"Error: {broken['error']}" in err


def test_a_broken_plugin_is_in_nobodys_way_who_looks_after_the_queues(
    install: Any, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("broken", "import no_such_module\n")
    monkeypatch.delenv("ALLIGATOR_PLUGINS")

    assert shell("alligator", "stats", "locmem://")[0] == 0
    code, _, err = shell("alligator", "worker", "locmem://", "--burst")
    assert code == 2
    assert "The hooks 'broken' of alligator-broken (alligator_broken) can't be imported" in err


def test_a_command_that_nobody_has_is_an_error(shell: Shell) -> None:
    code, out, err = shell("alligator", "fly")

    assert (code, out) == (2, "")
    assert "No such command 'fly'" in err
