from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from alligator import Gator, MessageError, Task
from alligator_core.wire import Payload, pack, read_payload, serializer_of

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "vectors.json").read_text("utf-8"))
PAGE = (HERE.parent.parent / "docs" / "wire-format.md").read_text("utf-8")


def vectors(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[kind], ids=lambda vector: vector["name"])


def task_of(fields: dict[str, Any]) -> Task:
    options = dict(fields["options"])
    if "expires_at" in options:
        options["expires"] = datetime.fromtimestamp(options.pop("expires_at"), timezone.utc)
    task = Task(fields["id"], fields["retries"], **options)
    task.name, task.args, task.kwargs = fields["task"], fields["args"], fields["kwargs"]
    task.attempt, task.enqueued_at, task.headers = fields["attempt"], fields["enqueued_at"], fields["headers"]
    return task


@vectors("exact")
def test_a_task_is_encoded_to_these_bytes_and_no_others(gator: Gator, vector: dict[str, Any]) -> None:
    assert gator.codec.encode(task_of(vector["task"])) == vector["body"].encode()


@vectors("exact")
def test_the_bytes_of_a_task_are_read_as_that_task(gator: Gator, vector: dict[str, Any]) -> None:
    assert gator.codec.read(vector["body"].encode(), "all")._asdict() == vector["task"]


@vectors("accepted")
def test_what_another_language_may_write_is_read(gator: Gator, vector: dict[str, Any]) -> None:
    assert gator.codec.read(vector["body"].encode(), "all")._asdict() == vector["task"]


@vectors("refused")
def test_what_is_no_message_is_refused_with_the_reason(gator: Gator, vector: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match=re.escape(vector["reason"])):
        gator.codec.read(vector["body"].encode(), "all")


@vectors("signed")
def test_a_signed_task_is_encoded_to_these_bytes_and_read_from_them(vector: dict[str, Any]) -> None:
    gator = Gator("locmem://", secret=vector["secret"])
    task = task_of(vector["task"])
    task.queue = vector["queue"]
    assert gator.codec.encode(task) == vector["body"].encode()
    assert gator.codec.read(vector["body"].encode(), vector["queue"])._asdict() == vector["task"]


@vectors("signed")
def test_the_page_of_the_format_shows_the_bytes_of_this_signed_example(vector: dict[str, Any]) -> None:
    assert f"```text\n{vector['body']}\n```" in PAGE
    assert vector["secret"] in PAGE


@vectors("exact")
def test_the_page_of_the_format_shows_the_bytes_of_this_example(vector: dict[str, Any]) -> None:
    assert f"```text\n{vector['body']}\n```" in PAGE


def test_the_page_of_the_format_describes_every_key_and_no_other() -> None:
    keys = re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)
    assert tuple(keys) == Payload._fields


def test_a_message_is_a_readable_line_and_the_payload() -> None:
    assert pack("json", b"{}\n") == b"json\n{}\n"


def test_garbage_of_any_length_is_refused_in_a_short_error(gator: Gator) -> None:
    with pytest.raises(MessageError) as caught:
        gator.codec.read(b"\x00" * 1_000_000, "all")
    assert len(str(caught.value)) < 5000


def test_a_huge_first_line_does_not_hide_a_message(gator: Gator) -> None:
    with pytest.raises(MessageError):
        gator.codec.read(b"json;v=1" + b" " * 1000 + b'\n{"id":"1","task":"a:b"}', "all")


@pytest.mark.parametrize("name", ["json", "msg-pack", "my_json2"])
def test_the_name_of_a_serializer_is_made_of_letters_digits_dashes_and_underscores(name: str) -> None:
    assert serializer_of(name.encode()) == name


@pytest.mark.parametrize("line", [b"js on", b"<html>", b";v=1", b"json;", b"json;v"])
def test_another_first_line_is_refused(line: bytes) -> None:
    with pytest.raises(MessageError):
        serializer_of(line)


@pytest.mark.parametrize("payload", [None, [], "text", 5])
def test_a_payload_must_be_a_map(payload: object) -> None:
    with pytest.raises(MessageError, match=rf"Its payload is a {type(payload).__name__}, not a map"):
        read_payload(payload)


@pytest.mark.parametrize("enqueued_at", [float("nan"), float("inf")])
def test_a_time_that_is_no_number_is_refused(enqueued_at: float) -> None:
    with pytest.raises(MessageError, match="out of range"):
        read_payload({"id": "1", "task": "a:b", "enqueued_at": enqueued_at})


def test_the_reason_for_refusing_a_huge_value_is_short() -> None:
    with pytest.raises(MessageError) as caught:
        read_payload({"id": "1", "task": "a:b", "args": "x" * 1_000_000})
    assert len(str(caught.value)) < 200


def test_names_of_keyword_arguments_that_are_no_text_are_refused() -> None:
    with pytest.raises(MessageError, match="'kwargs' has a key that isn't text"):
        read_payload({"id": "1", "task": "a:b", "kwargs": {1: 2}})
