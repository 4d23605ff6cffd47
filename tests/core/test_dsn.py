from __future__ import annotations

import copy

import pytest

from alligator import DsnError, OptionError
from alligator_core.dsn import Dsn, masked, one_of, seconds, whole, yes_or_no


def test_all_parts_of_a_dsn_are_read() -> None:
    dsn = Dsn.parse("redis://ann:s3cret@example.org:6379/2?timeout=5&mode=fast")
    assert (dsn.scheme, dsn.host, dsn.port, dsn.path) == ("redis", "example.org", 6379, "/2")
    assert (dsn.username, dsn.password) == ("ann", "s3cret")
    assert dsn.options == {"timeout": "5", "mode": "fast"}


def test_what_a_dsn_leaves_out_is_empty() -> None:
    dsn = Dsn.parse("locmem://")
    assert (dsn.hosts, dsn.host, dsn.port, dsn.path) == ((), None, None, "")
    assert (dsn.username, dsn.password, dsn.options) == (None, None, {})


def test_the_scheme_is_lower_case_and_may_have_a_plus() -> None:
    assert Dsn.parse("Redis+Sentinel://a").scheme == "redis+sentinel"


def test_several_hosts_each_have_their_port() -> None:
    assert Dsn.parse("redis://a:1,b,c:3").hosts == (("a", 1), ("b", None), ("c", 3))


@pytest.mark.parametrize(
    ("text", "host"), [("redis://[::1]:6379", ("::1", 6379)), ("redis://[fe80::2]/0", ("fe80::2", None))]
)
def test_a_host_may_be_an_ipv6_address(text: str, host: tuple[str, int | None]) -> None:
    assert Dsn.parse(text).hosts == (host,)


def test_a_path_keeps_its_slashes_and_is_percent_decoded() -> None:
    assert Dsn.parse("sqlite:///queue.db").path == "/queue.db"
    assert Dsn.parse("sqlite:////var/my%20queue.db").path == "//var/my queue.db"


def test_credentials_are_percent_decoded() -> None:
    dsn = Dsn.parse("redis://a%40b:p%2Fw%3F@host")
    assert (dsn.username, dsn.password, dsn.host) == ("a@b", "p/w?", "host")


def test_a_password_may_stand_without_a_username_and_may_be_empty() -> None:
    assert (Dsn.parse("redis://:pw@h").username, Dsn.parse("redis://:pw@h").password) == (None, "pw")
    assert Dsn.parse("redis://ann:@h").password == ""
    assert Dsn.parse("redis://ann@h").password is None


def test_an_at_sign_in_a_password_does_not_end_up_in_the_host() -> None:
    assert (Dsn.parse("redis://:a@b@host").password, Dsn.parse("redis://:a@b@host").host) == ("a@b", "host")


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "6379x", "٣"])
def test_a_bad_port_is_an_error_that_names_it(port: str) -> None:
    with pytest.raises(DsnError, match=rf"has the port '{port}': a port is a number from 1 to 65535"):
        Dsn.parse(f"redis://host:{port}/0")


@pytest.mark.parametrize("text", ["", "redis", "redis:host", "//host", "1redis://host", "redis host://"])
def test_a_text_that_is_no_dsn_is_an_error_that_shows_the_form(text: str) -> None:
    with pytest.raises(DsnError, match="is not a DSN: it should look like scheme://host:port/path"):
        Dsn.parse(text)


@pytest.mark.parametrize("value", [None, 5, b"locmem://"])
def test_a_value_that_is_no_text_is_no_dsn(value: object) -> None:
    with pytest.raises(DsnError, match="is not a DSN"):
        Dsn.parse(value)  # type: ignore[arg-type]


def test_an_option_given_twice_is_an_error() -> None:
    with pytest.raises(DsnError, match="names the option 'a' twice"):
        Dsn.parse("redis://h?a=1&b=2&a=3")


@pytest.mark.parametrize(
    "text",
    [
        "redis://ann:hunter2@host:bad/0",
        "redis://ann:hun/ter2@host/0",
        "redis://ann:hun?ter2@host/0",
        "redis://h?password=hunter2&password=hunter2",
        "redis://h:bad?api_key=hunter2",
        "ann:hunter2@host",
    ],
)
def test_no_error_about_a_dsn_shows_its_secrets(text: str) -> None:
    with pytest.raises(DsnError) as caught:
        Dsn.parse(text)
    assert "ter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        "redis://ann:hunter2@host/0",
        "redis://:hunter2@host",
        "redis://host?password=hunter2",
        "sqs://r?aws_secret_access_key=hunter2&session_token=hunter2",
        "redis://host?proxy=http://u:hunter2%40proxy",
    ],
)
def test_no_form_of_a_dsn_shows_its_secrets(text: str) -> None:
    dsn = Dsn.parse(text)
    for shown in (str(dsn), repr(dsn), f"{dsn}", repr([dsn]), repr(copy.copy(dsn))):
        assert "hunter2" not in shown
        assert "***" in shown


def test_a_dsn_shows_all_but_its_secrets() -> None:
    text = "redis+sentinel://ann:pw@a:1,[::1]:2/0/name?timeout=5"
    assert str(Dsn.parse(text)) == text.replace("pw", "***")


def test_masking_leaves_a_text_without_secrets_alone() -> None:
    assert masked("redis://host:6379/0?timeout=5") == "redis://host:6379/0?timeout=5"


def test_the_options_that_are_given_are_read_by_their_readers() -> None:
    dsn = Dsn.parse("x://?timeout=2.5&size=3&wal=on&mode=FULL")
    read = dsn.read_options(timeout=seconds, size=whole, wal=yes_or_no, mode=one_of("full", "off"), unused=whole)
    assert read == {"timeout": 2.5, "size": 3, "wal": True, "mode": "full"}


def test_an_unknown_option_is_an_error_that_suggests_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"x:// has no option 'timout'. Did you mean 'timeout'\?") as caught:
        Dsn.parse("x://?timout=1").read_options(timeout=seconds, mode=str)
    assert caught.value.option == "timout"


def test_an_unknown_option_like_no_other_is_an_error_that_lists_all() -> None:
    with pytest.raises(OptionError, match=r"x:// has no option 'zzz'. It has: mode, timeout\."):
        Dsn.parse("x://?zzz=1").read_options(timeout=seconds, mode=str)
    with pytest.raises(OptionError, match=r"It has: none\."):
        Dsn.parse("x://?zzz=1").read_options()


@pytest.mark.parametrize(
    ("option", "reader", "problem"),
    [
        ("t=-1", seconds, "a number of seconds, 0 or more"),
        ("t=inf", seconds, "a number of seconds"),
        ("t=nan", seconds, "a number of seconds"),
        ("t=soon", seconds, "a number of seconds"),
        ("t=1.5", whole, "a whole number, 0 or more"),
        ("t=-1", whole, "a whole number"),
        ("t=٣", whole, "a whole number"),
        ("t=maybe", yes_or_no, "yes or no"),
        ("t=both", one_of("a", "b"), "one of a, b"),
    ],
)
def test_a_bad_value_of_an_option_is_an_error_that_says_what_it_must_be(
    option: str, reader: object, problem: str
) -> None:
    with pytest.raises(OptionError, match=rf"x:// option t='.*': it must be {problem}"):
        Dsn.parse(f"x://?{option}").read_options(t=reader)  # type: ignore[arg-type]


def test_a_bad_value_of_a_secret_option_is_not_shown() -> None:
    with pytest.raises(OptionError) as caught:
        Dsn.parse("x://?auth_token=hunter2").read_options(auth_token=whole)
    assert "hunter2" not in str(caught.value)
    assert "auth_token=***" in str(caught.value)


@pytest.mark.parametrize(
    ("word", "value"), [("yes", True), ("ON", True), ("1", True), (" false ", False), ("no", False)]
)
def test_a_switch_has_several_words(word: str, value: bool) -> None:
    assert yes_or_no(word) is value


def test_what_says_how_to_serialize_is_not_for_the_backend() -> None:
    dsn = Dsn.parse("x://h?a=1&serializer=pickle&pickle.unsafe=yes&pickle.level=3&encrypt.keys=k")
    assert dsn.for_backend().options == {"a": "1"}
    assert dsn.serializer_options == {"pickle": {"unsafe": "yes", "level": "3"}, "encrypt": {"keys": "k"}}
    assert "encrypt.keys=***" in str(dsn)
