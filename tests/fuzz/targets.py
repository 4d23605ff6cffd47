"""What is fuzzed: functions of bytes that may raise certain errors and no others."""

from __future__ import annotations

import ast
import pickletools
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import crc32

import pytest
from alligator_encrypt import EncryptSerializer, KeyRing

from alligator import Gator
from alligator_core.dsn import Dsn
from alligator_core.errors import AlligatorException, CallableError, MessageError
from alligator_core.plugins import PluginManager
from alligator_core.serializer import SerializerSetup
from alligator_core.testing.kinds import same
from alligator_core.wire import read_payload
from tests.fuzz import app

CORPUS: Final = Path(__file__).parent / "corpus"
SECRET: Final = "the secret of the fuzzer"
_CLASSES: Final = {f"app:{name}": found for name, found in vars(app).items() if isinstance(found, type)}


class Target(NamedTuple):
    """`run` is given bytes, and may raise the `expected` errors. `corpus` is the name of the file with its seeds."""

    run: Callable[[bytes], object]
    expected: tuple[type[Exception], ...]
    corpus: str

    def seeds(self) -> list[bytes]:
        """Read the seeds: a line each, as Python writes bytes."""
        lines = (CORPUS / f"{self.corpus}.txt").read_text("ascii").splitlines()
        return [ast.literal_eval(line) for line in lines]


def name_of(cls: type) -> str:
    return f"app:{cls.__name__}"


def class_of(name: str) -> type:
    short = name.removeprefix("tests.fuzz.")
    if short not in _CLASSES:
        raise MessageError("No such class.")
    return _CLASSES[short]


@cache
def gator(secret: str = "") -> Gator:
    """A Gator that reads every serializer, and can import no other module than the fuzzer's."""
    return Gator(
        "locmem://",
        plugins=[],
        accept=["json", "msgpack"],
        allow=["tests.fuzz.app.*"],
        aliases={"old:move": "tests.fuzz.app:move"},
        secret=secret or [],
    )


@cache
def serializer(name: str) -> Any:
    return PluginManager().make_serializer(name, SerializerSetup(name, signed=True))


def decode(body: bytes) -> None:
    gator().codec.decode(body, "all")


@cache
def signed_payloads() -> set[bytes]:
    return {seed.partition(b"\n")[2] for seed in TARGETS["signed"].seeds()}


def decode_signed(body: bytes) -> None:
    gator(SECRET).codec.decode(body, "all")
    assert body.partition(b"\n")[2] in signed_payloads(), "a forged message was read"


def load(name: str) -> Callable[[bytes], None]:
    def run(payload: bytes) -> None:
        found = serializer(name).loads(payload, class_of)
        # What isn't a payload of the core's is refused there, and need not be written again.
        read_payload(found)
        again = serializer(name).loads(serializer(name).dumps(found, name_of), class_of)
        assert same(again, found), f"it was read as {found!r}, and then as {again!r}"

    return run


def load_pickle(pickled: bytes) -> None:
    # What it takes to fill the memory is known, and needs the secret: see the plugin's page.
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in {"LONG_BINPUT", "BINPUT", "PUT"} or (type(argument) is int and abs(argument) > 10_000):
            return
    serializer("pickle").loads(crc32(pickled).to_bytes(4, "big") + pickled, class_of)


@cache
def ring() -> KeyRing:
    return KeyRing([bytes(32)])


def load_encrypted(plain: bytes) -> None:
    # As who has a key could write it, and as who has none.
    encrypt = EncryptSerializer(ring(), [serializer("json"), serializer("msgpack")])
    with pytest.raises(ValueError, match=r"\w"):
        encrypt.loads(plain, class_of)
    encrypt.loads(ring().encrypt(plain), class_of)


def parse(text: bytes) -> None:
    dsn = Dsn.parse(text.decode("utf-8", "surrogateescape"))
    repr(dsn), dsn.host, dsn.port, dsn.serializer_options
    if dsn.scheme in {"locmem", "sqlite", "redis", "rediss", "unix", "redis+sentinel", "redis+cluster", "beanstalk"}:
        PluginManager().make_backend(dsn)


TARGETS: Final = {
    "wire": Target(decode, (MessageError, CallableError), "wire"),
    "signed": Target(decode_signed, (MessageError, CallableError), "signed"),
    "dsn": Target(parse, (AlligatorException,), "dsn"),
    "json": Target(load("json"), (ValueError, TypeError, MessageError), "json"),
    "msgpack": Target(load("msgpack"), (ValueError, TypeError, MessageError), "msgpack"),
    "encrypt": Target(load_encrypted, (ValueError, TypeError, MessageError), "wire"),
    "pickle": Target(load_pickle, (ValueError, TypeError, MessageError), "pickle"),
}
