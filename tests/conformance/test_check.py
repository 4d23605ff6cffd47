"""`run_check`: what it says of a backend that keeps some guarantees, breaks one, and doesn't offer others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from alligator_core.errors import OptionError, UnknownPluginError
from alligator_core.testing import Guarantee, run_check, table

# Its cancel says that it took the message off, and leaves it there; a feature that locmem has is missing.
FORGETFUL = """
from alligator_core import hookimpl
from alligator_core.backend import PURGE, Message
from alligator_core.locmem import LocmemBackend
from alligator_core.locmem_store import Store


class Forgetful(LocmemBackend):
    name = "forgetful"
    features = LocmemBackend.features - {PURGE}

    def cancel(self, queue, id):
        found = self.peek(queue, id)
        return None if found is None else Message(id, found.body, found.priority, found.ready_in)

    def purge(self, queue):
        raise self.unsupported(PURGE, "purge()")


@hookimpl
def make_backend(dsn):
    dsn.read_options()
    return Forgetful(Store())
"""
CHECK = """
import dataclasses, json
from alligator_core.testing import run_check

steps = []
found = run_check("forgetful://", lease=0.5, on_progress=lambda done, tests: steps.append((done, tests)))
print(json.dumps({"steps": steps, "found": [{**dataclasses.asdict(each), "state": each.state} for each in found]}))
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a check of the forgetful backend says, all of it that is printed included."""
    folder = tmp_path_factory.mktemp("forgetful")
    (folder / "forgetful.py").write_text(FORGETFUL, encoding="utf-8")
    (folder / "forgetful-1.0.dist-info").mkdir()
    (folder / "forgetful-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: forgetful\nVersion: 1.0\n"
    )
    (folder / "forgetful-1.0.dist-info" / "entry_points.txt").write_text(
        "[alligator.backends]\nforgetful = forgetful\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    ran = subprocess.run([sys.executable, "-c", CHECK], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


def test_a_guarantee_that_is_not_kept_is_broken_and_the_tests_that_failed_say_why(checked: dict[str, Any]) -> None:
    broken = [each for each in checked["found"] if each["state"] == "broken"]
    # A request to stop is to end with a cancel.
    assert [each["sentence"].partition(",")[0] for each in broken] == [
        "A cancel takes a message off",
        "Whoever works on a message can be asked to stop",
    ]
    assert any("a canceled message is returned and never reserved: " in line for line in broken[0]["failures"])


def test_a_guarantee_of_a_feature_that_is_missing_is_not_offered(checked: dict[str, Any]) -> None:
    missing = [each["sentence"].partition(" ")[2] for each in checked["found"] if each["state"] == "not offered"]
    assert missing == [
        "share queues, and one that is killed loses nothing",
        "outlive the processes that pushed them",
        "purge removes all that waits, and nothing else",
        "can be enqueued within the app's own transaction",
    ]


def test_all_else_is_kept_as_far_as_it_needs_no_feature_that_is_missing(checked: dict[str, Any]) -> None:
    others = [each for each in checked["found"] if each["state"] not in {"broken", "not offered"}]
    assert len(others) == len(checked["found"]) - 6
    assert all((each["state"] == "kept") == (not each["not_offered"]) for each in others)


def test_the_progress_goes_from_the_first_test_to_the_last(checked: dict[str, Any]) -> None:
    tests = sum(each["tests"] for each in checked["found"])
    assert checked["steps"] == [[done, tests] for done in range(1, tests + 1)]


def test_a_backend_that_can_not_be_made_is_an_error_at_once() -> None:
    with pytest.raises(UnknownPluginError):
        run_check("nowhere://")
    with pytest.raises(OptionError):
        run_check("locmem://?no_such_option=1")


def test_the_table_has_a_line_for_each_guarantee_and_a_column_for_each_backend() -> None:
    kept, broken = Guarantee("A", 2, 0), Guarantee("B", 1, 0, ("it failed",))
    partly, missing = Guarantee("A", 2, 1), Guarantee("B", 3, 3)
    assert table({"one": [kept, broken], "two": [partly, missing]}).splitlines() == [
        "| Guarantee | one | two |",
        "| --- | :-: | :-: |",
        "| A | ✓ | in part |",
        "| B | ✗ | \N{EN DASH} |",
    ]
