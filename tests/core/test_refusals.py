"""Messages that are made to cost much: a worker refuses each with a short reason, and goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from alligator import BodyTooLarge, EnqueueError, Gator, MessageError, OptionError, Task, UncarriableArgument, hookimpl
from alligator_core.backend import Limits, Message
from alligator_core.wire import short
from benchmarks.refusals import SECRET, SIGNED, UNSIGNED, message

from . import jobs
from .helpers import drain

CASES = [(name, make, []) for name, make in UNSIGNED.items()] + [
    (name, make, [SECRET]) for name, make in SIGNED.items()
]


@pytest.mark.parametrize(("name", "make", "secret"), CASES, ids=[case[0] for case in CASES])
def test_what_is_made_to_cost_much_is_buried_and_its_neighbours_run(
    name: str, make: Callable[[], bytes], secret: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    gator = Gator("locmem://", plugins=[], secret=secret)
    gator.task(jobs.note, "before")
    gator.backend.push("all", [Message("bad", make())])
    gator.task(jobs.note, "behind")
    drain(gator, max_tasks=5)
    assert jobs.ran == ["before", "behind"]
    [letter] = gator.dead()
    assert letter.id == "bad"
    assert len(letter.reason) < 600
    assert len(caplog.text) < 2000


def test_a_limit_of_the_gator_holds_for_enqueueing_and_for_reading(gator: Gator) -> None:
    small = Gator("locmem://", plugins=[], max_body=1000)
    small.task(jobs.note, "x" * 800)
    with pytest.raises(BodyTooLarge, match=r"1,\d\d\d bytes encoded, above the 1,000 that Gator\(max_body=…\) allows"):
        small.task(jobs.note, "x" * 1000)
    body = gator.codec.encode(gator.task(jobs.note, "x" * 1000))
    with pytest.raises(MessageError, match=r"It is 1,\d\d\d bytes, above the 1,000 that this worker reads"):
        small.codec.decode(body, "all")


def test_a_limit_of_the_gator_does_not_raise_that_of_the_backend(watched: Gator) -> None:
    large = Gator("watched://", backend_class=lambda dsn: watched.backend, max_body=200_000, plugins=[])
    with pytest.raises(BodyTooLarge, match="above the 100,000 that the watched backend takes"):
        large.task(jobs.note, "x" * 150_000)


def test_what_the_backend_takes_can_also_be_read(gator: Gator) -> None:
    body = message(task='"tests.core.jobs:note"', args=f'["{"x" * 17 * 2**20}"]')
    with pytest.raises(MessageError, match="above the 16,777,216 that this worker reads"):
        gator.codec.decode(body, "all")
    gator.backend.limits = Limits(max_body=32 * 2**20)
    assert gator.codec.decode(body, "all")


def test_a_retry_that_outgrows_the_limit_is_kept_as_it_was() -> None:
    class Growing:
        @hookimpl
        def before_task(self, task: Task) -> None:
            task.headers["trace"] = "x" * 1000

    gator = Gator("locmem://", plugins=[Growing()], max_body=1000)
    gator.options(retries=1).task(jobs.fail)
    drain(gator)
    [letter] = gator.dead()
    assert "can't be put back for another attempt" in letter.reason
    assert gator.codec.read(letter.body, "all").retries == 1


@pytest.mark.parametrize("max_body", [0, -1, 1.5, "1000", True])
def test_a_limit_is_a_number_of_bytes(max_body: object) -> None:
    with pytest.raises(OptionError, match=r"max_body=.*: it must be a number of bytes, 1 or more"):
        Gator("locmem://", max_body=max_body)  # type: ignore[arg-type]


def test_more_arguments_than_a_worker_takes_are_refused_when_the_task_is_made(gator: Gator) -> None:
    gator.task(jobs.note, *range(10_000))
    for args, kwargs in ((range(10_001), {}), (range(9_999), {f"k{number}": 1 for number in range(2)})):
        with pytest.raises(UncarriableArgument, match="its arguments are 10,001, and 10,000 is the most") as caught:
            gator.task(jobs.note, *args, **kwargs)
        assert isinstance(caught.value, EnqueueError)
    assert gator.len() == 1


def test_more_headers_than_a_worker_takes_are_refused_when_the_task_is_made() -> None:
    class Tracing:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            task.headers.update({str(number): "x" for number in range(task.args[0])})

    gator = Gator("locmem://", plugins=[Tracing()])
    gator.task(jobs.note, 1000)
    with pytest.raises(EnqueueError, match="headers are 1,001, and 1,000 is the most"):
        gator.task(jobs.note, 1001)
    drain(gator)
    assert jobs.ran == [1000]


def test_more_retries_than_a_worker_can_count_are_refused_when_the_task_is_made(gator: Gator) -> None:
    gator.options(retries=2**53).task(jobs.note, 1)
    with pytest.raises(OptionError, match=r"retries=9007199254740993: 2\*\*53 is the most"):
        gator.options(retries=2**53 + 1)
    drain(gator)
    assert jobs.ran == [1]


class Unshowable:
    def __repr__(self) -> str:
        raise KeyError("never")


def test_a_value_of_any_size_is_shown_in_a_few_characters() -> None:
    for value in ("x" * 10**6, 10**10_000, [[1] * 100] * 100, b"\0" * 1000, Unshowable(), {1: "y" * 99}):
        assert 10 < len(short(value)) <= 60
