from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from alligator import Gator, OptionError, UnknownPluginError, hookimpl
from alligator_core.serializer import ClassOf, NameOf, Serializer, SerializerSetup

from . import jobs
from .helpers import drain

Install = Callable[..., None]

made: list[SerializerSetup] = []


class Wrapper:
    """A serializer that puts what another one makes behind a word."""

    def __init__(self, name: str, word: str, inner: Serializer) -> None:
        self.name, self._word, self._inner = name, word.encode(), inner

    def dumps(self, payload: Mapping[str, object], name_of: NameOf) -> bytes:
        return self._word + self._inner.dumps(payload, name_of)

    def loads(self, payload: bytes, class_of: ClassOf) -> dict[str, Any]:
        if not payload.startswith(self._word):
            raise ValueError("it doesn't begin with the word")
        return self._inner.loads(payload.removeprefix(self._word), class_of)


class Plugin:
    @hookimpl
    def make_serializer(self, name: str, setup: SerializerSetup) -> Serializer:
        made.append(setup)
        options = setup.read_options(word=str, inner=str)
        return Wrapper(name, options.get("word", "?"), setup.load(options.get("inner", "json")))


plugin = Plugin()


@pytest.fixture(autouse=True)
def _wrapping(install: Install) -> None:
    made.clear()
    entries = {"wrap": f"{__name__}:plugin", "rewrap": f"{__name__}:plugin"}
    install("alligator-wrap", serializers=entries)


def encoded(gator: Gator) -> bytes:
    return gator.codec.encode(gator.task(jobs.note, 1))


def test_a_serializer_gets_its_options_from_the_dsn() -> None:
    gator = Gator("locmem://?serializer=wrap&wrap.word=hello")
    assert encoded(gator).startswith(b"wrap\nhello{")
    drain(gator)
    assert jobs.ran == [1]


def test_a_serializer_gets_its_options_from_the_gator_which_win() -> None:
    gator = Gator("locmem://?wrap.word=hello", serializer="wrap", serializer_options={"wrap": {"word": "moin"}})
    assert encoded(gator).startswith(b"wrap\nmoin{")


def test_a_serializer_is_told_whether_messages_are_signed() -> None:
    Gator("locmem://?serializer=wrap")
    Gator("locmem://?serializer=wrap", secret="s" * 16)
    assert [setup.signed for setup in made] == [False, True]


def test_a_serializer_wraps_another_one_that_may_wrap_a_third() -> None:
    gator = Gator("locmem://?serializer=rewrap&rewrap.inner=wrap&rewrap.word=2&wrap.word=1")
    assert encoded(gator).startswith(b"rewrap\n21{")
    drain(gator)
    assert jobs.ran == [1]


def test_a_serializer_is_made_once_however_often_it_is_named() -> None:
    gator = Gator("locmem://?serializer=rewrap&rewrap.inner=wrap", accept=["wrap", "rewrap"])
    drain(gator)
    assert [setup.name for setup in made] == ["rewrap", "wrap"]


@pytest.mark.parametrize("inner", ["wrap", "rewrap"])
def test_a_serializer_that_wraps_itself_is_an_error(inner: str) -> None:
    with pytest.raises(OptionError, match=f"The serializer 'wrap' wraps itself: wrap wraps {inner}"):
        Gator(f"locmem://?serializer=wrap&wrap.inner={inner}&rewrap.inner=wrap")


def test_a_serializer_that_is_to_be_wrapped_and_is_not_installed_is_an_error() -> None:
    with pytest.raises(UnknownPluginError, match="No serializer for 'jsno'"):
        Gator("locmem://?serializer=wrap&wrap.inner=jsno")


def test_an_option_that_the_serializer_does_not_have_is_an_error() -> None:
    with pytest.raises(OptionError, match=r"The wrap serializer has no option 'wrod'. Did you mean 'word'\?"):
        Gator("locmem://?serializer=wrap&wrap.wrod=x")


def test_an_option_of_a_serializer_that_is_not_used_is_an_error() -> None:
    with pytest.raises(OptionError, match=r"'wrap\.word' is for the serializer 'wrap', and this Gator uses json\."):
        Gator("locmem://?wrap.word=x")


def test_the_options_of_an_accepted_serializer_are_read_when_the_gator_is_made() -> None:
    with pytest.raises(OptionError, match="has no option 'wrod'"):
        Gator("locmem://?wrap.wrod=x", accept=["json", "wrap"])


def test_an_option_that_is_no_text_is_an_error() -> None:
    with pytest.raises(OptionError, match=r"'wrap\.word' is no text, but a bool"):
        Gator("locmem://", serializer="wrap", serializer_options={"wrap": {"word": True}})  # type: ignore[dict-item]


def test_the_options_of_serializers_are_hidden_where_a_setup_is_shown() -> None:
    Gator("locmem://?serializer=wrap&wrap.word=hello")
    assert "hello" not in repr(made[0])


def test_without_a_gator_there_is_nothing_to_wrap() -> None:
    with pytest.raises(LookupError, match="no serializer 'json' here to wrap"):
        SerializerSetup("wrap").load("json")
