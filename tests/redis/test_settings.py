"""What a DSN may say."""

from __future__ import annotations

import pytest
from alligator_redis.settings import Settings

from alligator_core.dsn import Dsn
from alligator_core.errors import DsnError, OptionError


def read(dsn: str) -> Settings:
    return Settings.read(Dsn.parse(dsn))


def test_a_host_is_enough_and_even_that_is_not_needed() -> None:
    assert read("redis://").addresses == (("localhost", 6379),)
    assert read("redis://cache").addresses == (("cache", 6379),)
    assert read("redis://[::1]:7000/3").addresses == (("::1", 7000),)
    assert read("redis://[::1]:7000/3").db == 3


def test_credentials_are_decoded_and_never_shown() -> None:
    settings = read("redis://us%40er:pa%2Fss@host/1")
    assert (settings.username, settings.password) == ("us@er", "pa/ss")
    assert "pa/ss" not in repr(settings)
    assert settings.shown == "redis://us@er:***@host/1"


def test_sentinels_name_the_master_and_may_have_a_password_of_their_own() -> None:
    settings = read("redis+sentinel://user:pw@one,two:5/main/2?sentinel_password=other")
    assert settings.addresses == (("one", 26379), ("two", 5))
    assert (settings.service, settings.db, settings.kind) == ("main", 2, "sentinel")
    assert settings.sentinel_password == "other"
    assert "other" not in settings.shown
    assert "other" not in repr(settings)


def test_a_cluster_has_many_hosts() -> None:
    settings = read("rediss+cluster://one,two:7001?shards=4")
    assert settings.addresses == (("one", 6379), ("two", 7001))
    assert (settings.kind, settings.tls, settings.shards) == ("cluster", True, 4)


def test_a_socket_has_a_path() -> None:
    settings = read("unix://:pw@/run/redis.sock?db=2")
    assert (settings.path, settings.db, settings.password) == ("/run/redis.sock", 2, "pw")
    assert read("redis+unix:///run/redis.sock").path == "/run/redis.sock"


def test_the_time_to_connect_is_that_of_an_answer_if_nothing_else_is_said() -> None:
    assert read("redis://?timeout=2").connect_timeout == 2
    assert read("redis://?timeout=2&connect_timeout=1").connect_timeout == 1


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("redis://one,two", "redis+cluster://"),
        ("redis://host/one", "the number of a database"),
        ("redis://host/1/2", "the number of a database"),
        ("redis+sentinel://one,two", "names no master"),
        ("redis+cluster://one/3", "only 0"),
        ("unix://host/path", "names no socket"),
        ("unix://", "names no socket"),
    ],
)
def test_a_dsn_that_means_nothing_is_refused(dsn: str, said: str) -> None:
    with pytest.raises(DsnError, match=said.replace("+", r"\+")):
        read(dsn)


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("redis://?timout=3", "Did you mean 'timeout'"),
        ("redis://?timeout=0", "more than 0"),
        ("redis://?timeout=soon", "number of seconds"),
        ("redis://?shards=0", "1 or more"),
        ("redis://?max_connections=1", "2 or more"),
        ("redis://?protocol=4", "one of 2, 3"),
        ("redis://?prefix=", "a word"),
        ("redis://?prefix=a{b", "a word"),
        ("redis://host/1?db=2", "twice"),
        ("redis://?ssl_ca_certs=/dev/null", "no option 'ssl_ca_certs'"),
        ("redis://?sentinel_password=secret", "no option"),
        ("rediss://?ssl_ca_certs=nowhere.pem", "no such file"),
        ("rediss://?ssl_cert_reqs=maybe", "one of"),
    ],
)
def test_an_option_that_is_wrong_is_named(dsn: str, said: str) -> None:
    with pytest.raises(OptionError, match=said) as caught:
        read(dsn)
    assert "secret" not in str(caught.value)
