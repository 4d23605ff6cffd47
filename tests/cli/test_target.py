from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def write_app(folder: Path, text: str) -> str:
    name = f"app_{folder.name.replace('-', '_')}"
    (folder / f"{name}.py").write_text(text)
    return name


def test_a_target_may_be_a_dsn(run_json: Callable[..., Any], dsn: str) -> None:
    assert run_json("stats", dsn)["dsn"] == dsn


def test_a_target_may_be_a_gator_of_the_app(run_json: Callable[..., Any], folder: Path) -> None:
    app = write_app(folder, "from alligator import Gator\nclass Settings:\n    gator = Gator('locmem://', 'mail')")

    assert run_json("stats", f"{app}:Settings.gator")["queues"][0]["queue"] == "mail"


def test_a_target_may_be_a_function_that_makes_a_gator(run_json: Callable[..., Any], folder: Path) -> None:
    app = write_app(folder, "from alligator import Gator\ndef make():\n    return Gator('locmem://', 'mail')")

    assert run_json("stats", f"{app}:make")["queues"][0]["queue"] == "mail"


@pytest.mark.parametrize("words", [(), ("-",)])
def test_without_a_target_the_environment_has_the_dsn_and_the_prefix(
    run_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, dsn: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ALLIGATOR_CONN", dsn)
    monkeypatch.setenv("ALLIGATOR_PREFIX", "staging")

    found = run_json("stats", *words)

    assert (found["dsn"], found["queues"][0]["queue"]) == (dsn, "staging_all")


def test_a_queue_that_is_named_is_taken_as_it_is(
    run_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    monkeypatch.setenv("ALLIGATOR_CONN", dsn)
    monkeypatch.setenv("ALLIGATOR_PREFIX", "staging")

    assert run_json("stats", "--queue", "mail")["queues"][0]["queue"] == "mail"


def test_without_target_and_environment_the_error_says_what_to_do(run: Callable[..., Any]) -> None:
    stderr = run("stats", code=2).stderr

    assert "TARGET is missing: name a DSN or a module:attribute, or set ALLIGATOR_CONN to a DSN." in stderr


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("nosuch://host", "No backend for 'nosuch://host'."),
        ("locmem://a?lease=3", "locmem:// has no option 'lease'."),
        ("queue.db", "TARGET 'queue.db' is neither a DSN such as sqlite:///queue.db nor a module:attribute."),
        ("no_such_module:gator", "There is no module 'no_such_module', neither in the current folder"),
        ("no_such.module:gator", "There is no module 'no_such', neither in the current folder"),
        ("alligator:nothing", "'alligator:nothing' doesn't exist: the module 'alligator' has no 'nothing'."),
        ("alligator:ALL", "'alligator:ALL' is a str, not a Gator nor a function that returns one."),
    ],
)
def test_a_bad_target_is_one_line_and_exit_code_2(run: Callable[..., Any], target: str, problem: str) -> None:
    lines = run("stats", target, code=2).stderr.splitlines()

    assert lines[-1].startswith(f"Error: {problem}")


def test_a_module_that_fails_shows_its_own_traceback_only(run: Callable[..., Any], folder: Path) -> None:
    app = write_app(folder, "import json\n\njson.loads('[')\n")

    lines = run("stats", f"{app}:gator", code=1).stderr.splitlines()

    assert lines[0] == "Traceback (most recent call last):"
    assert f"{app}.py" in lines[1]
    assert lines[-2].startswith("json.decoder.JSONDecodeError")
    assert lines[-1] == f"Error: The module '{app}' can't be imported."


def test_a_module_that_is_no_python_shows_where(run: Callable[..., Any], folder: Path) -> None:
    app = write_app(folder, "def (:\n")

    stderr = run("stats", f"{app}:gator", code=1).stderr

    assert f'{app}.py", line 1' in stderr
    assert "SyntaxError" in stderr
    assert "alligator_core" not in stderr


def test_a_module_that_misses_another_one_is_a_failure_of_the_app(run: Callable[..., Any], folder: Path) -> None:
    app = write_app(folder, "import no_such_module\n")

    assert "ModuleNotFoundError: No module named 'no_such_module'" in run("stats", f"{app}:gator", code=1).stderr


def test_a_module_that_exits_at_import_does_not_pass_for_success(run: Callable[..., Any], folder: Path) -> None:
    app = write_app(folder, "raise SystemExit(0)\n")

    assert "SystemExit: 0" in run("stats", f"{app}:gator", code=1).stderr


@pytest.mark.parametrize("statement", ["return {}['conn']", "raise SystemExit(0)"])
def test_a_function_that_fails_to_make_a_gator_shows_its_traceback(
    run: Callable[..., Any], folder: Path, statement: str
) -> None:
    app = write_app(folder, f"def make():\n    {statement}\n")

    lines = run("stats", f"{app}:make", code=1).stderr.splitlines()

    assert f"{app}.py" in lines[1]
    assert lines[-1] == f"Error: '{app}:make' failed to make a Gator."


def test_a_wrong_setting_in_the_app_is_one_line_without_traceback(run: Callable[..., Any], folder: Path) -> None:
    app = write_app(folder, "from alligator import Gator\ngator = Gator('nosuch://')\n")

    lines = run("stats", f"{app}:gator", code=2).stderr.splitlines()

    assert len(lines) == 1
    assert lines[0].startswith("Error: No backend for 'nosuch://'.")


def test_an_unreachable_backend_is_exit_code_3(run: Callable[..., Any], folder: Path) -> None:
    app = write_app(
        folder,
        "from alligator import Gator\nfrom alligator_core.errors import BackendUnavailable\n"
        "gator = Gator('locmem://')\n"
        "def size(queue):\n    raise BackendUnavailable('It is\\naway.')\n"
        "gator.backend.size = size\n",
    )

    assert run("stats", f"{app}:gator", code=3).stderr.splitlines()[-1] == "Error: It is away."


def test_a_bad_queue_name_is_an_error(run: Callable[..., Any], dsn: str) -> None:
    assert "it must be 1 to 200 printable characters" in run("stats", dsn, "--queue", "", code=2).stderr


def test_what_a_backend_cannot_do_is_refused_by_name(run: Callable[..., Any], folder: Path) -> None:
    app = write_app(
        folder,
        "from alligator import Gator\ngator = Gator('locmem://')\ngator.backend.features = frozenset()\n",
    )

    stderr = run("peek", f"{app}:gator", "x", code=2).stderr

    assert "The locmem backend has no 'peek', which alligator peek needs." in stderr


@pytest.mark.parametrize(
    "words",
    [
        ("stats", "nosuch://user:s3cr3t@host/1"),
        ("stats", "locmem://user:s3cr3t@host"),
        ("stats", "redis://user:s3c@r3t@host:99999/1"),
        ("stats", "redis:/user:s3cr3t@host"),
        ("stats", "user:s3cr3t@host"),
        ("stats", "nosuch://host?password=s3cr3t"),
        ("stats", "locmem://", "redis://user:s3cr3t@host"),
        ("stats", "locmem://", "redis:/user:s3cr3t@host"),
        ("redis://user:s3cr3t@host",),
        ("worker", "--lease", "redis://user:s3cr3t@host"),
        ("dead", "list", "--limit", "redis://user:s3cr3t@host", "locmem://"),
        ("enqueue", "locmem://", "redis://user:s3cr3t@host"),
        ("dead", "redis://user:s3cr3t@host"),
    ],
)
def test_no_error_shows_a_password(run: Callable[..., Any], words: tuple[str, ...]) -> None:
    output = run(*words, code=2).output

    assert "s3cr3t" not in output
    assert "r3t" not in output


def test_a_store_of_one_process_is_warned_of(run: Callable[..., Any], dsn: str) -> None:
    assert "Warning: locmem:// lives in one process" in run("stats", dsn).stderr
