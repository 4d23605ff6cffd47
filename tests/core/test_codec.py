from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alligator import (
    AlligatorException,
    BodyTooLarge,
    CallableError,
    EnqueueError,
    Gator,
    MessageError,
    Task,
    UncarriableArgument,
    UnknownPluginError,
    hookimpl,
)
from alligator_core.codec import Codec
from alligator_core.serializer import ClassOf, NameOf
from alligator_core.wire import Payload

from . import jobs
from .helpers import drain


def message(task: str = "tests.core.jobs:note", **fields: Any) -> bytes:
    return b"json\n" + json.dumps({"id": "1", "task": task, **fields}).encode()


class Backwards:
    """A serializer that writes JSON from its end, so that its messages look like no other's."""

    name = "backwards"

    @hookimpl
    def make_serializer(self, name: str) -> Backwards:
        return self

    def dumps(self, payload: Mapping[str, object], name_of: NameOf) -> bytes:
        return json.dumps(payload, default=bytes.hex).encode()[::-1]

    def loads(self, payload: bytes, class_of: ClassOf) -> dict[str, Any]:
        return json.loads(payload[::-1])  # type: ignore[no-any-return]


@pytest.fixture
def backwards(install: Callable[..., None]) -> None:
    install("alligator-backwards", serializers={"backwards": f"{__name__}:installed"})


installed = Backwards()


def test_a_task_comes_back_as_it_was_made(gator: Gator) -> None:
    made = gator.options(retries=2, priority=7, on_success=jobs.succeeded).task(jobs.add, 1, b=2)
    task = gator.codec.decode(gator.codec.encode(made), "all")
    assert (task.task_id, task.name, list(task.args), task.kwargs) == (
        made.task_id,
        "tests.core.jobs:add",
        [1],
        {"b": 2},
    )
    assert (task.func, task.queue, task.gator, task.attempt) == (jobs.add, "all", gator, 1)
    assert (task.retries, task.options.priority) == (2, 7)
    assert task.options.on_success == "tests.core.jobs:succeeded"
    assert task.enqueued_at == made.enqueued_at > 1_700_000_000


def test_headers_travel_with_the_task(gator: Gator) -> None:
    made = gator.task(jobs.note, 1)
    made.headers["trace"] = "abc"
    assert gator.codec.decode(gator.codec.encode(made), "all").headers == {"trace": "abc"}


def test_tasks_share_no_headers(gator: Gator) -> None:
    first, second = (gator.codec.decode(message(), "all") for _ in range(2))
    first.headers["trace"] = "abc"
    assert second.headers == {}


def test_another_attempt_is_made_from_the_message_with_its_number_and_the_headers_of_now(gator: Gator) -> None:
    body = message(args=[[1]], retries=3, options={"priority": 2}, headers={"old": "1"})
    again = gator.codec.read(gator.codec.again(body, "all", attempt=2, headers={"new": "2"}), "all")
    assert (again.args, again.retries, again.options) == ([[1]], 3, {"priority": 2})
    assert (again.attempt, again.headers) == (2, {"new": "2"})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"priority": 10}, "priority=10: it must be a whole number from 0 to 9"),
        ({"on_error": 5}, "is no callback"),
        ({"on_error": "nothing"}, "is no callback"),
        ({"priority": []}, "Its options can't be read"),
        ({"colour": "red"}, "knows no option 'colour'"),
        ({"is_async": False}, "knows no option 'is_async'"),
    ],
)
def test_options_that_no_producer_makes_are_refused(gator: Gator, options: dict[str, object], problem: str) -> None:
    with pytest.raises(MessageError, match=problem):
        gator.codec.decode(message(options=options), "all")


def test_each_message_gets_its_own_options_however_alike_they_are(gator: Gator) -> None:
    several: list[dict[str, object]] = [{"priority": 1}, {"priority": 2}, {"on_start": "a:b"}, {"on_error": "a:b"}, {}]
    for retries in (0, 1):
        for options in several * 2:
            found = gator.codec.decode(message(retries=retries, options=options), "all").options
            assert (found.retries, found.callbacks()) == (
                retries,
                {k: v for k, v in options.items() if k != "priority"},
            )
            assert found.priority == options.get("priority")


@pytest.mark.parametrize("field", [{"args": {}}, {"id": 5}, {"task": None}, {"enqueued_at": "now"}])
def test_a_message_with_the_usual_keys_is_checked_as_well(gator: Gator, field: dict[str, object]) -> None:
    body = message(**{"args": [], "enqueued_at": 1.5, **field})
    with pytest.raises(MessageError, match="which is not what wire format 1 has there"):
        gator.codec.decode(body, "all")


def test_an_argument_that_cannot_be_carried_is_named(gator: Gator) -> None:
    with pytest.raises(UncarriableArgument) as caught:
        gator.task(jobs.note, {"when": [1, {2}]})
    assert caught.value.argument == "args[0]['when'][1]"
    assert str(caught.value).startswith("tests.core.jobs:note: args[0]['when'][1] is a set")
    with pytest.raises(UncarriableArgument) as caught:
        gator.task(jobs.add, 1, b=b"bytes")  # type: ignore[arg-type]
    assert caught.value.argument == "kwargs['b']"


@pytest.mark.parametrize("value", [{1}, b"x", float("nan"), {(1, 2): 3}, object(), 1j, "\ud800", print, jobs.note])
def test_what_json_cannot_carry_unchanged_is_refused_and_nothing_is_enqueued(gator: Gator, value: object) -> None:
    with pytest.raises(EnqueueError):
        gator.task(jobs.note, value)
    assert gator.len() == 0


def test_an_argument_that_holds_itself_is_refused(gator: Gator) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UncarriableArgument):
        gator.task(jobs.note, endless)


def test_an_argument_of_a_class_that_no_message_may_name_is_refused_by_its_place() -> None:
    gator = Gator("locmem://", plugins=[], allow=["tests.core.jobs.note"])
    with pytest.raises(EnqueueError, match=r"args\[0\] .*Color.*allow list"):
        gator.task(jobs.note, jobs.Color.RED)


def test_a_header_that_is_no_text_is_refused_when_the_task_is_made() -> None:
    class Hooks:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            task.headers["number"] = 5  # type: ignore[assignment]

    gator = Gator("locmem://", plugins=[Hooks()])
    with pytest.raises(EnqueueError, match="headers"):
        gator.task(jobs.note, 1)
    assert gator.len() == 0


def test_a_body_above_the_limit_of_the_backend_is_refused_with_both_sizes(watched: Gator) -> None:
    with pytest.raises(BodyTooLarge, match="above the 100,000 that the watched backend takes") as caught:
        watched.task(jobs.note, "x" * 100_000)
    assert caught.value.limit == 100_000 < caught.value.size
    assert watched.len() == 0


def test_an_error_of_the_app_while_an_argument_is_made_again_is_an_unreadable_message(
    gator: Gator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gator.task(jobs.note, jobs.Picky(1))
    monkeypatch.setenv("PICKY", "1")
    drain(gator)
    assert "too picky" in gator.dead()[0].reason


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from([*Payload._fields, "v", ""])
tagged = st.sampled_from(["$dataclass", "$enum", "$date", "$tuple", "$dict", "$x"])
payloads = st.dictionaries(keys, values | st.dictionaries(tagged, values, max_size=1) | st.just(jobs.note.__module__))
bodies = (
    st.binary(max_size=50)
    | st.binary(max_size=50).map(b"json\n".__add__)
    | payloads.map(lambda payload: message(**{"task": "tests.core.jobs:note", **payload}))
)


@given(bodies)
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_whatever_the_bytes_are_they_make_a_task_or_an_error_of_ours(gator: Gator, body: bytes) -> None:
    with suppress(AlligatorException):
        assert isinstance(gator.codec.decode(body, "all"), Task)


def test_a_function_that_is_gone_is_an_error_that_names_it(gator: Gator) -> None:
    with pytest.raises(CallableError, match=r"'tests\.core\.jobs:gone' is unknown"):
        gator.codec.decode(message("tests.core.jobs:gone"), "all")


def test_a_serializer_is_named_in_the_dsn_or_by_the_gator(backwards: None) -> None:
    for gator in (Gator("locmem://?serializer=backwards"), Gator("locmem://", serializer="backwards")):
        assert gator.codec.encode(gator.task(jobs.note, 1)).startswith(b"backwards\n}")
        drain(gator)
    assert jobs.ran == [1, 1]


def test_json_is_read_whatever_the_own_serializer_is(backwards: None) -> None:
    gator = Gator("locmem://", serializer="backwards")
    assert gator.codec.decode(message(args=[1]), "all").args == [1]


def test_another_serializer_is_read_only_if_accepted(backwards: None) -> None:
    body = Gator("locmem://", serializer="backwards").codec.encode(Gator("locmem://").task(jobs.note, 1))
    with pytest.raises(MessageError, match="serialized with 'backwards'; this worker accepts json"):
        Gator("locmem://").codec.decode(body, "all")
    accepting = Gator("locmem://", accept=["json", "backwards"])
    assert accepting.codec.decode(body, "all").args == [1]


def test_a_retry_keeps_the_serializer_that_the_message_came_in(backwards: None) -> None:
    # What one serializer can carry, another may refuse: that must not turn a retry into a dead letter.
    body = Gator("locmem://", serializer="backwards").codec.encode(Gator("locmem://").task(jobs.note, 1))
    again = Gator("locmem://", accept=["json", "backwards"]).codec.again(body, "all", attempt=2, headers={})
    assert again.startswith(b"backwards\n")


@pytest.mark.parametrize("error", [KeyError("x"), ArithmeticError(), RecursionError()])
def test_whatever_a_serializer_raises_while_it_reads_makes_an_unreadable_message(error: Exception) -> None:
    class Broken(Backwards):
        name = "json"

        def loads(self, payload: bytes, class_of: ClassOf) -> dict[str, Any]:
            raise error

    gator = Gator("locmem://", plugins=[])
    codec = Codec(gator, Broken(), ["json"], lambda name: Broken(), gator.policy)
    with pytest.raises(MessageError, match="Its json payload can't be read"):
        codec.decode(message(), "all")


def test_the_own_serializer_is_read_even_if_the_accept_list_leaves_it_out(backwards: None) -> None:
    gator = Gator("locmem://", serializer="backwards", accept=["json"])
    assert gator.codec.decode(gator.codec.encode(gator.task(jobs.note, 1)), "all").args == [1]


def test_one_accepted_serializer_may_be_given_as_text(backwards: None) -> None:
    gator = Gator("locmem://", accept="json")
    assert gator.codec.decode(message(args=[1]), "all").args == [1]
    with pytest.raises(MessageError, match="this worker accepts json:"):
        gator.codec.decode(b"backwards\n{}", "all")


@pytest.mark.parametrize("settings", [{"serializer": "jsno"}, {"accept": ["jsno"]}])
def test_a_serializer_that_is_not_installed_is_an_error_when_the_gator_is_made(settings: dict[str, Any]) -> None:
    with pytest.raises(UnknownPluginError, match=r"No serializer for 'jsno'. Did you mean 'json'\?"):
        Gator("locmem://", **settings)


def test_limits_and_expiry_travel_with_the_task(gator: Gator) -> None:
    made = gator.options(timeout=3, hard_timeout=4, expires=60).task(jobs.note, 1)
    entry = gator.peek(made.task_id)
    assert entry
    found = gator.codec.decode(entry.body, "all")
    assert (found.options.timeout, found.options.hard_timeout) == (3.0, 4.0)
    assert found.options.expiry(found.enqueued_at) == made.enqueued_at + 60
    again = gator.codec.decode(gator.codec.again(entry.body, "all", attempt=2, headers={}), "all")
    assert again.options == found.options


def test_an_expiry_that_differs_from_task_to_task_fills_no_memory(gator: Gator) -> None:
    for number in range(50):
        body = message(options={"timeout": 5, "expires_at": 1000.0 + number})
        assert gator.codec.decode(body, "all").options.expires_at == 1000.0 + number
    assert len(gator.codec._options) == 1


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"timeout": "5"}, {"timeout": 5, "hard_timeout": 1}, {"expires_at": "soon"}]
)
def test_limits_that_no_producer_makes_are_refused(gator: Gator, options: dict[str, object]) -> None:
    with pytest.raises(MessageError, match="Its options can't be read"):
        gator.codec.decode(message(options=options), "all")
