"""Functions and classes that were renamed while tasks with their old names were queued."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from alligator import Gator, OptionError
from alligator_core.backend import Message
from alligator_core.calls import Policy
from alligator_core.cli import main
from tests.core.helpers import drain
from tests.policy import app

APP = app.__name__


def push(gator: Gator, task: str, *args: object, **fields: object) -> None:
    body = b"json\n" + json.dumps({"id": "1", "task": task, "args": args, **fields}).encode()
    gator.backend.push(gator.queue_name, [Message("1", body)])


def test_a_message_with_the_old_name_runs_the_new_function(make_gator: Callable[..., Gator], canary: Path) -> None:
    gator = make_gator(aliases={"gone.module:poke": f"{APP}:touch"})
    push(gator, "gone.module:poke", str(canary))
    drain(gator)
    assert canary.exists()
    assert gator.dead() == []


def test_a_retry_of_it_does_so_too(make_gator: Callable[..., Gator], tmp_path: Path) -> None:
    gator = make_gator(aliases={"gone.module:poke": f"{APP}:touch"})
    push(gator, "gone.module:poke", str(tmp_path / "folder" / "file"), retries=1)
    drain(gator, max_tasks=1)
    (tmp_path / "folder").mkdir()
    drain(gator)
    assert (tmp_path / "folder" / "file").exists()


def test_a_callback_and_a_class_may_have_their_old_names(make_gator: Callable[..., Gator]) -> None:
    gator = make_gator(aliases={"old:note": f"{APP}:note", "old:Order": f"{APP}:Order"})
    push(gator, "old:note", {"$dataclass": ["old:Order", {"id": 7}]}, options={"on_start": "old:note"})
    drain(gator)
    assert app.noted[-1] == (app.Order(7),)
    assert gator.dead() == []


def test_the_task_is_known_by_the_new_name_to_hooks_and_patterns() -> None:
    gator = Gator("locmem://", plugins=[], aliases={"old:note": f"{APP}:note"})
    body = b'json\n{"id":"1","task":"old:note","args":[],"enqueued_at":1.0}'
    assert gator.codec.decode(body, "all").name == f"{APP}:note"
    assert b'"old:note"' in gator.codec.again(body, "all", attempt=2, headers={})


def test_a_function_that_was_renamed_twice_is_found_by_both_names() -> None:
    policy = Policy(aliases={"a:f": "b:f", "b:f": f"{APP}:touch"})
    assert policy.find("a:f").function is policy.find("b:f").function is app.touch


def test_the_alias_wins_where_the_old_function_is_still_there() -> None:
    assert Policy(aliases={f"{APP}:renamed": f"{APP}:touch"}).find(f"{APP}:renamed").function is app.touch


def test_a_producer_sends_the_new_name() -> None:
    assert Policy(aliases={"old:touch": f"{APP}:touch"}).name_of(app.touch) == f"{APP}:touch"


@pytest.mark.parametrize("new", ["os:system", f"{APP}:system", f"{APP}:gone", f"{APP}:toucher"])
def test_an_alias_allows_nothing_that_is_not_allowed_under_its_own_name(
    make_gator: Callable[..., Gator], canary: Path, new: str
) -> None:
    gator = make_gator(aliases={"old:run": new})
    push(gator, "old:run", f"touch {canary}")
    drain(gator)
    assert not canary.exists()
    [letter] = gator.dead()
    assert repr(new) in letter.reason


def test_the_new_name_is_what_the_allow_list_is_about(make_gator: Callable[..., Gator], canary: Path) -> None:
    gator = make_gator(aliases={"old:touch": f"{APP}:touch"}, allow=["tests.policy.*"])
    push(gator, "old:touch", str(canary))
    drain(gator)
    assert canary.exists()


@pytest.mark.parametrize(
    ("aliases", "problem"),
    [
        ({"a:f": "b:f", "b:f": "c:f", "c:f": "a:f"}, "aliases: a:f → b:f → c:f → a:f leads nowhere."),
        ({"a:f": "a:f"}, "aliases: a:f → a:f leads nowhere."),
        ({"a.f": "b:f"}, "aliases: 'a.f' is not a name of the form 'package.module:function'."),
        ({"a:f": "b:f.g"}, "aliases: 'b:f.g' is not a name"),
        ({"a:f": app.touch}, "aliases: <function touch"),
        (["a:f"], "aliases=['a:f']: it must map old names to new ones."),
        ("a:f", "aliases='a:f': it must map"),
    ],
    ids=["circle", "itself", "old", "new", "function", "list", "text"],
)
def test_aliases_that_lead_nowhere_are_refused_when_the_gator_is_made(aliases: Any, problem: str) -> None:
    with pytest.raises(OptionError, match=re.escape(problem)):
        Gator("locmem://", aliases=aliases)


def test_what_was_buried_for_its_name_runs_once_a_deploy_knows_it_and_it_is_requeued(
    make_gator: Callable[..., Gator], dsn: str, canary: Path
) -> None:
    before = make_gator()
    push(before, "shop.mails:poke", str(canary))
    drain(before)
    [letter] = before.dead()
    assert letter.reason.startswith("'shop.mails:poke' can't be imported here")

    after = make_gator(aliases={"shop.mails:poke": f"{APP}:touch"})
    if dsn.startswith("locmem:"):
        assert after.requeue() == ["1"]
    else:
        command = ["dead", "requeue", dsn, "1", "--queue", after.queue_name]
        assert CliRunner().invoke(main, command).output == "Requeued 1 task.\n"
    drain(after)
    assert canary.exists()
    assert after.dead() == []


def test_so_does_one_whose_function_came_with_the_deploy(
    make_gator: Callable[..., Gator], canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(canary.parent)
    monkeypatch.delitem(sys.modules, "late_module", raising=False)
    gator = make_gator()
    push(gator, "late_module:poke", str(canary))
    drain(gator)
    assert len(gator.dead()) == 1

    (canary.parent / "late_module.py").write_text("def poke(path): open(path, 'w').close()")
    assert gator.requeue(["1"]) == ["1"]
    drain(make_gator())
    assert canary.exists()
