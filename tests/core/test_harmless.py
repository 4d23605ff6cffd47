"""`harmless`: deciding hooks of plugins that only look."""

from __future__ import annotations

import pytest

from alligator import SUCCESS, Bury, Gator, hookimpl
from alligator_core.observers import harmless
from alligator_core.task import Task


def work() -> None: ...


class Watching:
    """Looks, and breaks where it is told to."""

    def __init__(self, breaks: bool) -> None:
        self.breaks = breaks
        self.seen: list[str] = []

    @hookimpl
    @harmless
    def before_enqueue(self, gator: Gator, task: Task) -> None:
        self.look(task)

    @hookimpl
    @harmless
    def before_task(self, task: Task) -> None:
        self.look(task)

    @hookimpl
    @harmless
    def on_failure(self, error: BaseException) -> Bury:
        return Bury("as it says")

    def look(self, task: Task) -> None:
        self.seen.append(task.task_id)
        if self.breaks:
            raise LookupError("no disk")


@pytest.mark.parametrize("breaks", [False, True])
def test_what_a_harmless_hook_raises_fails_no_task(breaks: bool, caplog: pytest.LogCaptureFixture) -> None:
    watching = Watching(breaks)
    gator = Gator("locmem://", plugins=[watching])
    task = gator.options(is_async=False, task_id="a").task(work)
    assert task.status == SUCCESS
    assert watching.seen == ["a", "a"]
    logged = [record.getMessage() for record in caplog.records if record.name == "alligator.plugins"]
    package = __name__.partition(".")[0]
    hooks = ["before_enqueue", "before_task"] if breaks else []
    assert logged == [f"Plugin {package} failed in {hook}; the task is not affected" for hook in hooks]


def test_what_a_harmless_hook_returns_counts() -> None:
    gator = Gator("locmem://", plugins=[Watching(breaks=False)])
    [decision] = [gator.plugins.hook.on_failure(task=Task("a"), error=ValueError())]
    assert decision.reason == "as it says"
