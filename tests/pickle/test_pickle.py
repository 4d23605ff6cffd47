"""Pickles: only where there is a secret, and never more than objects of classes that a message may name."""

from __future__ import annotations

import logging
import pickle
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from alligator import CallableError, ForbiddenCallable, Gator, MessageError, OptionError, UncarriableArgument
from alligator_core.backend import Message
from alligator_core.serializer import SerializerSetup
from tests.core.helpers import drain
from tests.pickle import shapes

SECRET = "a secret of more than sixteen bytes"
UNSAFE = {"pickle": {"unsafe": "yes"}}
ATTACKS = list(shapes.attacks(Path("/")))


@pytest.fixture(autouse=True)
def _no_secret_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLIGATOR_SECRET", raising=False)
    shapes.received.clear()


@pytest.fixture
def gator() -> Gator:
    return Gator("locmem://", plugins=[], serializer="pickle", secret=SECRET)


def sealed(pickled: bytes) -> bytes:
    return crc32(pickled).to_bytes(4, "big") + pickled


def payload(*args: object, task: str = f"{shapes.__name__}:receive", **fields: object) -> dict[str, object]:
    return {"id": "1", "task": task, "args": list(args), **fields}


def signed(gator: Gator, encoded: bytes) -> bytes:
    """Sign bytes as somebody who knows the secret could."""
    signer = gator.codec._signer
    assert signer is not None
    return b"pickle;sig=" + signer.sign("pickle", gator.queue_name, encoded) + b"\n" + encoded


@pytest.mark.parametrize("settings", [{"serializer": "pickle"}, {"accept": ["pickle"]}, {"accept": "pickle"}])
def test_without_a_secret_no_gator_that_writes_or_reads_pickles_can_be_made(settings: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"needs signed messages.*Gator\(secret=…\) or ALLIGATOR_SECRET"):
        Gator("locmem://", **settings)
    with pytest.raises(OptionError, match="needs signed messages"):
        Gator("locmem://?pickle.unsafe=no", **settings)


def test_a_dsn_alone_cannot_bring_pickles_in_without_a_secret() -> None:
    with pytest.raises(OptionError, match="needs signed messages"):
        Gator("locmem://?serializer=pickle")


def test_with_a_secret_objects_travel(gator: Gator, caplog: pytest.LogCaptureFixture) -> None:
    gator.task(shapes.receive, shapes.Line(7), {1: {b"x"}})
    drain(gator)
    assert shapes.received == [shapes.Line(7), {1: {b"x"}}]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("dsn", "options"), [("locmem://", UNSAFE), ("locmem://?pickle.unsafe=yes", None)], ids=["argument", "dsn"]
)
def test_unsafe_works_without_a_secret_and_warns_at_start(
    dsn: str, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gator = Gator(dsn, plugins=[], serializer="pickle", serializer_options=options)
    [record] = [record for record in caplog.records if record.name == "alligator.pickle"]
    assert record.levelno == logging.WARNING
    assert "pickle.unsafe=yes, and no secret" in record.getMessage()
    gator.task(shapes.receive, shapes.Line(7))
    drain(gator)
    assert shapes.received == [shapes.Line(7)]


def test_unsafe_beside_a_secret_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    Gator("locmem://", serializer="pickle", secret=SECRET, serializer_options=UNSAFE)
    assert not caplog.records


@pytest.mark.parametrize("options", [{"unsafe": "true"}, {"unsafe": ""}, {"protocol": "5"}])
def test_no_other_word_and_no_other_option_will_do(options: dict[str, str]) -> None:
    with pytest.raises(OptionError, match=r"unsafe|protocol"):
        Gator("locmem://", serializer="pickle", serializer_options={"pickle": options})


def test_another_name_is_not_its_business() -> None:
    import alligator_pickle

    assert alligator_pickle.make_serializer(name="other", setup=SerializerSetup("other")) is None


def test_a_worker_that_was_not_asked_to_decodes_no_pickle(gator: Gator) -> None:
    body = gator.codec.encode(gator.task(shapes.receive, 1))
    with pytest.raises(MessageError, match="this worker accepts json"):
        Gator("locmem://", plugins=[], secret=SECRET).codec.decode(body, "all")


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_pickle_of_somebody_without_the_secret_is_never_read(gator: Gator, attack: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickled = pickle.dumps(payload(shapes.attacks(canary)[attack]))
    for number, head in enumerate((b"pickle\n", b"pickle;sig=" + b"0" * 64 + b"\n", b"pickle;sig=\n")):
        for encoded in (pickled, sealed(pickled)):
            gator.backend.push("all", [Message(f"{number}-{len(encoded)}", head + encoded)])
    drain(gator)
    assert not canary.exists()
    assert len(gator.dead()) == 6
    assert all("sign" in letter.reason for letter in gator.dead())


@pytest.mark.parametrize("attack", ATTACKS)
def test_nor_does_one_of_somebody_with_the_secret_call_a_function(gator: Gator, attack: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickled = pickle.dumps(payload(shapes.attacks(canary)[attack]))
    gator.backend.push("all", [Message("1", signed(gator, sealed(pickled)))])
    drain(gator)
    assert not canary.exists()
    assert shapes.received == []
    assert len(gator.dead()) == 1


@pytest.mark.parametrize("attack", ATTACKS)
def test_such_an_object_is_refused_at_enqueue(gator: Gator, attack: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(UncarriableArgument) as caught:
        gator.task(shapes.receive, 0, [{"a": shapes.attacks(canary)[attack]}])
    assert caught.value.argument == "args[1][0]['a']"
    assert not canary.exists()


@pytest.mark.parametrize("name", ["os:system", "builtins:eval", f"{shapes.__name__}:os.system"])
def test_the_function_that_a_pickled_message_names_obeys_the_import_policy(gator: Gator, name: str) -> None:
    encoded = sealed(pickle.dumps(payload("true", task=name)))
    with pytest.raises(ForbiddenCallable):
        gator.codec.decode(signed(gator, encoded), "all")


def test_a_class_of_a_pickle_has_to_be_on_the_allow_list_on_both_sides(gator: Gator) -> None:
    allowing = ["tests.pickle.shapes.receive"]
    strict = Gator("locmem://", plugins=[], serializer="pickle", secret=SECRET, allow=allowing)
    with pytest.raises(UncarriableArgument, match=r"args\[0\] is of type .*Line, which no message may name"):
        strict.task(shapes.receive, shapes.Line(1))
    body = gator.codec.encode(gator.task(shapes.receive, shapes.Line(1)))
    with pytest.raises(CallableError, match="is not on the allow list"):
        strict.codec.decode(body, "all")


def test_an_allow_list_may_bring_in_classes_of_the_standard_library() -> None:
    allow = ["tests.pickle.*", "pathlib.*"]
    gator = Gator("locmem://", plugins=[], serializer="pickle", secret=SECRET, allow=allow)
    gator.task(shapes.receive, Path("/etc"))
    drain(gator)
    assert shapes.received == [Path("/etc")]


def test_a_class_may_have_its_old_name() -> None:
    old = Gator("locmem://", plugins=[], serializer="pickle", secret=SECRET)
    body = old.codec.encode(old.task(shapes.receive, shapes.Line(1)))
    renamed = body.partition(b"\n")[2][4:].replace(b"tests.pickle.shapes:Line", b"tests.pickle.shapez:Lime")
    aliases = {"tests.pickle.shapez:Lime": f"{shapes.__name__}:Line"}
    new = Gator("locmem://", plugins=[], serializer="pickle", secret=SECRET, aliases=aliases)
    assert new.codec.decode(signed(new, sealed(renamed)), "all").args == [shapes.Line(1)]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (lambda: 1, "is, or is made again by, the function"),
        (shapes.receive, "is, or is made again by, the function tests.pickle.shapes.receive"),
        (print, "is, or is made again by, the function builtins.print"),
        (threading.Lock(), "can't be pickled so that it can be read again: TypeError: cannot pickle"),
        (Path("/"), "which no message may name: 'pathlib"),
        (shapes.ONLY, "can't be pickled so that it can be read again: ValueError: "),
        (shapes.Reduced(shapes.Strict, -1), "can't be pickled so that it can be read again: ValueError: "),
    ],
    ids=["lambda", "function", "builtin", "lock", "path", "singleton", "constructor"],
)
def test_what_could_not_be_read_again_is_refused_by_its_place(gator: Gator, value: object, problem: str) -> None:
    with pytest.raises(UncarriableArgument) as caught:
        gator.task(shapes.receive, OrderedDict(), named=[1, (2, value)])
    assert caught.value.argument == "kwargs['named'][1][1]"
    assert problem in str(caught.value)


def test_an_object_that_is_passed_twice_arrives_as_one(gator: Gator) -> None:
    line = shapes.Line(1)
    gator.task(shapes.receive, line, [line])
    drain(gator)
    first, [second] = shapes.received  # type: ignore[misc]
    assert first is second


@pytest.mark.parametrize("odd", [shapes.Sick, shapes.Unbound])
@pytest.mark.parametrize("key", ["id", "task", "args", "kwargs", "retries", "options", "priority", "trace"])
def test_what_is_no_part_of_a_payload_is_not_looked_at(gator: Gator, key: str, odd: type) -> None:
    value = shapes.Reduced(odd)
    payload: dict[str, Any] = {"id": "1", "task": f"{shapes.__name__}:receive", "args": [], "retries": 0}
    inner = {"priority": {"options": {"priority": value}}, "trace": {"headers": {"trace": value}}}
    pickled = gator.codec._serializer.dumps(payload | inner.get(key, {key: value}), gator.policy.class_name)
    with pytest.raises(MessageError):
        gator.codec.decode(signed(gator, pickled), "all")


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"\0\0\0\0", b"\x80\x05}."])
def test_what_has_no_checksum_of_its_own_is_damaged(gator: Gator, damage: bytes) -> None:
    with pytest.raises(MessageError, match=r"damaged|EOFError"):
        gator.codec.decode(signed(gator, damage), "all")


@pytest.mark.parametrize("pickled", [b"", b"}", b"].", b"}.}.", pickle.dumps(5), b"garbage"])
def test_a_checksum_makes_no_payload(gator: Gator, pickled: bytes) -> None:
    with pytest.raises(MessageError, match="Its pickle payload can't be read"):
        gator.codec.decode(signed(gator, sealed(pickled)), "all")
