"""What is kept from the older Alligator, so that its users feel at home."""

from __future__ import annotations

import inspect
import time
from typing import Any

import pytest

import alligator
from alligator import (
    CANCELED,
    DELAYED,
    FAILED,
    SUCCESS,
    WAITING,
    AlligatorException,
    CallableError,
    ConfigurationError,
    Gator,
    MultipleDelayError,
    OptionError,
    Task,
    TaskFailed,
    Worker,
)
from alligator_core.backend import Message

from . import jobs
from .helpers import drain


def test_the_names_of_the_facade_are_all_there() -> None:
    for name in alligator.__all__:
        assert getattr(alligator, name) is not None
    assert alligator.Worker is Worker
    with pytest.raises(AttributeError, match="no attribute 'Wroker'"):
        alligator.Wroker  # noqa: B018


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (Gator, ["dsn", "queue_name", "task_class", "backend_class"]),
        (
            Task,
            [
                "task_id",
                "retries",
                "is_async",
                "on_start",
                "on_success",
                "on_error",
                "depends_on",
                "delay_by",
                "delay_until",
            ],
        ),
        (Worker, ["gator", "max_tasks", "to_consume", "nap_time", "log_level"]),
    ],
)
def test_the_positional_arguments_are_in_their_old_order(cls: type, names: list[str]) -> None:
    parameters = list(inspect.signature(cls).parameters.values())
    assert [p.name for p in parameters[: len(names)]] == names
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[len(names) :])


def test_the_states_are_words() -> None:
    assert (alligator.ALL, alligator.WAITING, alligator.SUCCESS, alligator.FAILED) == (
        "all",
        "waiting",
        "success",
        "failed",
    )
    assert (alligator.DELAYED, alligator.RETRYING, alligator.CANCELED) == ("delayed", "retrying", "canceled")


def test_a_task_made_by_hand_is_pushed(gator: Gator) -> None:
    before = time.time()
    task = gator.push(Task("mine", retries=2), jobs.add, 1, b=2)
    assert (task.task_id, task.status, gator.len()) == ("mine", WAITING, 1)
    assert before <= task.enqueued_at <= time.time()
    popped = gator.pop()
    assert popped
    assert (popped.task_id, popped.retries, popped.result) == ("mine", 2, 3)


def test_a_task_made_by_hand_may_be_delayed_or_run_at_once(gator: Gator) -> None:
    assert gator.push(Task(delay_by=60), jobs.note, 1).status == DELAYED
    assert gator.push(Task(is_async="no"), jobs.note, 2).status == SUCCESS
    assert jobs.ran == [2]


def test_a_task_made_by_hand_runs_here_if_the_gator_runs_everything_here() -> None:
    gator = Gator("locmem://", plugins=[], is_async=False)
    assert gator.push(Task(), jobs.add, 1).result == 2
    assert gator.len() == 0


def test_a_task_made_by_hand_checks_its_options() -> None:
    with pytest.raises(OptionError):
        Task(retries=-1)
    with pytest.raises(MultipleDelayError):
        Task(delay_by=1, delay_until=2)
    with pytest.raises(OptionError):
        Task("")


def test_depends_on_is_refused_by_a_clear_error(gator: Gator) -> None:
    with pytest.raises(ConfigurationError, match="depends_on needs completion records"):
        Task(depends_on=["other"])
    with pytest.raises(ConfigurationError, match="depends_on needs completion records"):
        gator.options(depends_on=["other"])


def test_a_task_runs_by_itself() -> None:
    task = Task()
    task.to_call(jobs.add, 1, b=4)
    assert task.run() == 5


def test_a_task_that_calls_nothing_yet_says_so() -> None:
    with pytest.raises(OptionError, match=r"has nothing to call: use task.to_call"):
        Task().run()


def test_a_task_is_serialized_and_deserialized(gator: Gator) -> None:
    task = gator.task(jobs.add, 1, b=2)
    again = Task.deserialize(task.serialize(), gator)
    assert (again.task_id, again.func, again.kwargs) == (task.task_id, jobs.add, {"b": 2})


def test_a_task_that_belongs_to_no_gator_says_so() -> None:
    with pytest.raises(OptionError, match="belongs to no Gator yet"):
        Task().serialize()


def test_pop_runs_the_next_task_here_and_returns_it_finished(gator: Gator) -> None:
    gator.task(jobs.add, 1)
    gator.task(jobs.add, 2)
    first = gator.pop()
    assert first
    assert (first.status, first.result) == (SUCCESS, 2)
    assert gator.size() == (1, 0, 0, 0, True)


def test_pop_returns_none_if_nothing_is_ready(gator: Gator) -> None:
    assert gator.pop() is None
    gator.options(delay_by=60).task(jobs.note, 1)
    assert gator.pop() is None


def test_pop_returns_none_while_there_are_retries_and_raises_the_tasks_own_exception_then(gator: Gator) -> None:
    gator.options(retries=1).task(jobs.fail, "x")
    assert gator.pop() is None
    assert gator.len() == 1
    with pytest.raises(ValueError, match="x"):
        gator.pop()
    assert gator.size() == (0, 0, 0, 1, True)


def test_pop_returns_none_for_a_task_that_was_put_off_or_dropped(gator: Gator) -> None:
    gator.task(jobs.put_off)
    gator.task(jobs.drop)
    assert gator.pop() is None
    assert gator.pop() is None
    assert gator.size() == (0, 1, 0, 0, True)


@pytest.mark.parametrize("body", [b"garbage", b'json\n{"id":"1","task":"no.such:f"}', b"json;v=9\n{}"])
def test_pop_raises_the_reason_for_what_is_no_task_and_buries_it(gator: Gator, body: bytes) -> None:
    gator.backend.push("all", [Message("1", body)])
    with pytest.raises(AlligatorException) as caught:
        gator.pop()
    assert gator.dead()[0].reason == str(caught.value)


def test_pop_gives_back_what_ctrl_c_interrupts(gator: Gator) -> None:
    gator.task(jobs.press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        gator.pop()
    assert gator.size() == (1, 0, 0, 0, True)


def test_get_runs_one_waiting_task_here_whatever_its_delay(gator: Gator) -> None:
    gator.task(jobs.note, "other")
    task = gator.options(delay_by=60).task(jobs.note, "this")
    got = gator.get(task.task_id)
    assert got
    assert (got.task_id, got.status, jobs.ran) == (task.task_id, SUCCESS, ["this"])
    assert gator.get(task.task_id) is None
    assert gator.len() == 1


def test_execute_runs_a_task_here_and_returns_its_result(gator: Gator) -> None:
    task = gator.task(jobs.add, 1)
    assert gator.execute(task) == 2
    assert task.status == SUCCESS


def test_execute_runs_a_task_made_by_hand(gator: Gator) -> None:
    task = Task()
    task.to_call(jobs.add, 1, b=2)
    assert gator.execute(task) == 3


def test_execute_raises_what_the_task_raises(gator: Gator) -> None:
    task = Task(retries=1)
    task.to_call(jobs.fail, "x")
    with pytest.raises(ValueError, match="x"):
        gator.execute(task)
    assert jobs.ran == ["x", "x"]
    assert task.status == FAILED


def test_what_cannot_be_named_cannot_be_executed_either(gator: Gator) -> None:
    task = Task()
    task.to_call(lambda: None)
    with pytest.raises(CallableError):
        gator.execute(task)


def test_cancel_returns_the_canceled_task_or_none(gator: Gator) -> None:
    task = gator.task(jobs.note, 1)
    canceled = gator.cancel(task.task_id)
    assert canceled
    assert canceled.status == CANCELED
    assert gator.cancel(task.task_id) is None


def test_build_backend_makes_a_backend_for_a_dsn(gator: Gator) -> None:
    assert gator.build_backend("locmem://").name == "locmem"


def test_task_failed_is_an_alligator_exception() -> None:
    assert issubclass(TaskFailed, AlligatorException)


class Following(Worker):
    seen: list[Any]

    def ident(self) -> str:
        return "worker-7"

    def starting(self) -> None:
        self.seen = [("starting", self.ident())]

    def result(self, result: Any) -> None:
        self.seen.append(("result", result))

    def stopping(self) -> None:
        self.seen.append("stopping")


def test_a_worker_can_be_followed_by_overriding_its_methods(gator: Gator) -> None:
    gator.map(jobs.add, [1, 2])
    gator.task(jobs.fail)
    gator.task(jobs.note, None)
    worker = Following(gator, burst=True)
    worker.run_forever()
    assert worker.seen == [("starting", "worker-7"), ("result", 2), ("result", 3), ("result", None), "stopping"]


def test_check_and_run_task_runs_one_task_if_one_is_ready(gator: Gator) -> None:
    gator.map(jobs.note, [1, 2])
    worker = Worker(gator, nap_time=0.05)
    assert worker.check_and_run_task() is True
    assert (jobs.ran, gator.size()) == ([1], (1, 0, 0, 0, True))
    assert worker.check_and_run_task() is True
    assert worker.check_and_run_task() is False
    assert worker.tasks_run == 2


def test_max_tasks_ends_a_worker(gator: Gator) -> None:
    gator.map(jobs.note, range(20))
    assert drain(gator, max_tasks=7).tasks_run == 7
    assert jobs.ran == list(range(7))
    assert gator.size() == (13, 0, 0, 0, True)
