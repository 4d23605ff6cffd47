"""Whatever this project says, however it fails: no password, secret or key that it was given stands in it.

Each of them holds the same word, and every text that can be had is searched for it.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from alligator import BackendUnavailable, ConfigurationError, Gator, UnsupportedFeature, Worker
from alligator_core.backend import Backend
from alligator_core.cli import main
from alligator_core.codec import Codec
from alligator_core.dsn import Dsn
from alligator_core.session import Session
from tests.core.helpers import eventually
from tests.redis.servers import Server
from tests.secrets import jobs
from tests.sqs.servers import ENVIRONMENT, Ministack

pytestmark = pytest.mark.long

ALLIGATOR = Path(sys.executable).parent / "alligator"
WORD = "hunter2"
PASSWORD = f"{WORD}-%2F%40-word"
KEY = WORD * 6 + "A="
SECRET = f"{WORD}-the-secret-of-the-queue"
OPTIONS = f"serializer=encrypt&encrypt.keys={KEY}"
COMMANDS = [
    ["stats"],
    ["peek", "none"],
    ["cancel", "none"],
    ["purge", "--yes"],
    ["dead", "list"],
    ["dead", "show", "none"],
    ["dead", "requeue", "none"],
    ["dead", "purge", "--all"],
    ["enqueue", "tests.secrets.jobs:fail", "1"],
    ["worker", "--burst"],
    ["ping"],
]

SOUND = [
    f"locmem://?{OPTIONS}",
    f"sqlite:///{{folder}}/queue.db?{OPTIONS}",
    f"redis://:{PASSWORD}@127.0.0.1:{{port}}/0?{OPTIONS}",
    f"redis://default:{PASSWORD}@127.0.0.1:{{port}}/0?{OPTIONS}",
    f"sqs://us-west-2/?endpoint=http://127.0.0.1:{{sqs}}/&create=yes&wait=1&{OPTIONS}",
]
FAILING = [
    f"locmem://user:{PASSWORD}@name?{OPTIONS}",
    f"sqlite://user:{PASSWORD}@host/queue.db",
    f"sqlite:///{{folder}}/none/queue.db?password={PASSWORD}",
    f"redis://:{WORD}-wrong@127.0.0.1:{{port}}/0",
    f"redis://nobody:{PASSWORD}@127.0.0.1:{{port}}/0",
    f"redis://:{PASSWORD}@127.0.0.1:{{port}}/99",
    f"redis://:{PASSWORD}@127.0.0.1:1/0?timeout=0.2",
    f"redis://:{PASSWORD}@127.0.0.1:1/0?ssl_ca_certs=/x",
    f"rediss://:{PASSWORD}@127.0.0.1:{{port}}/0?timeout=0.2",
    f"redis+sentinel://:{PASSWORD}@127.0.0.1:1/main/0?sentinel_password={PASSWORD}&timeout=0.2",
    f"redis+cluster://:{PASSWORD}@127.0.0.1:{{port}}?timeout=0.2",
    f"unix://:{PASSWORD}@/nowhere.sock?timeout=0.2",
    f"beanstalk://user:{PASSWORD}@127.0.0.1:1",
    f"beanstalk://127.0.0.1:1?password={PASSWORD}",
    f"sqs://AKIAEXAMPLE:{PASSWORD}@us-west-2/?{OPTIONS}",
    f"sqs://us-west-2/?access_key=AKIAEXAMPLE&secret_key={WORD}",
    f"sqs://us-west-2/?aws_secret_access_key={WORD}&aws_session_token={WORD}",
    f"sqs://us-west-2/?endpoint=http://user:{PASSWORD}@127.0.0.1:1/",
    f"sqs://us-west-2/?endpoint=http://127.0.0.1:1/&timeout=0.2&connect_timeout=0.2&{OPTIONS}",
    f"redsi://:{PASSWORD}@host",
    f"redis://:{WORD}@host:port/0",
    f"redis://:{WORD}/{WORD}@host/0",
    f"redis://:{WORD}?{WORD}@host/0",
    f"redis://:a@{WORD}@host:99999/0",
    f"redis://:{WORD}#{WORD}@host/0",
    f"redis:/user:{WORD}@host",
    f"user:{WORD}@host",
    f"locmem://?password={WORD}",
    f"locmem://?secret={WORD}&secret={WORD}",
    f"locmem://?auth_token={WORD}&api_key={WORD}",
    f"locmem://?encrypt.keys={WORD}",
    f"locmem://?serializer=encrypt&encrypt.keys={WORD}",
    f"locmem://?serializer=encrypt&encrypt.keys={KEY}&encrypt.inner=encrypt",
    f"locmem://?serializer=encrypt&encrypt.keys={KEY}&encrypt.keys={KEY}",
    f"locmem://?serializer=encrypt&encrypt.key={KEY}",
]


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis with the password."""
    server = Server(tmp_path_factory.mktemp("guarded"), "--save", "", "--requirepass", f"{WORD}-/@-word")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqs() -> Iterator[Ministack]:
    """What stands in for SQS, and lets in whoever has any key."""
    server = Ministack()
    yield server
    server.close()


@pytest.fixture
def filled(guarded: Server, sqs: Ministack, tmp_path: Path) -> Callable[[str], str]:
    """Returns a function that fills in what a DSN leaves open."""
    return lambda dsn: dsn.format(port=guarded.port, sqs=sqs.port, folder=tmp_path)


@pytest.fixture(autouse=True)
def _signed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("ALLIGATOR_SECRET", SECRET)
    # The keys of AWS never stand in a DSN: here is where boto3 finds them.
    for name, value in {**ENVIRONMENT, "AWS_SECRET_ACCESS_KEY": f"{WORD}-of-aws"}.items():
        monkeypatch.setenv(name, value)
    caplog.set_level(logging.DEBUG)


def assert_silent(*texts: str) -> None:
    for text in texts:
        found = text.lower().find(WORD)
        assert found < 0, f"…{text[max(0, found - 200) : found + 50]}…"


def everything_about(error: BaseException) -> list[str]:
    """What can be seen of an error: also what is chained to it, and its attributes."""
    seen = ["".join(traceback.format_exception(type(error), error, error.__traceback__))]
    link: BaseException | None = error
    while link is not None:
        seen += [repr(link), str(link), repr(link.args), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return seen


def uses(dsn: str) -> Iterator[Callable[[], object]]:
    """Yield what a producer, an operator and a worker do with a DSN."""
    yield lambda: Dsn.parse(dsn)
    gator = Gator(dsn)
    yield lambda: gator.task(jobs.fail, 1)
    yield lambda: gator.options(retries=1).map(jobs.fail, [1, 2])
    yield gator.size
    yield lambda: gator.cancel("none")
    yield lambda: gator.peek("none")
    yield gator.pop
    if dsn.startswith(("locmem", "sqlite:///")):
        yield lambda: Worker(gator, burst=True, max_tasks=20).run_forever()
    yield gator.dead
    yield gator.requeue
    yield gator.purge_dead
    yield gator.purge
    yield lambda: gator.task(jobs.fail, {1})
    yield lambda: gator.options(nonsense=1)
    yield lambda: gator.build_backend(f"{dsn}&nonsense=1" if "?" in dsn else f"{dsn}?nonsense=1")
    yield gator.close


@pytest.mark.parametrize("dsn", [*SOUND, *FAILING])
def test_no_error_and_no_log_line_shows_it(
    dsn: str, filled: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[BaseException] = []
    steps = uses(filled(dsn))
    # Each call tries for a while to reach a server that isn't there: a few of them will do.
    while sum(isinstance(error, BackendUnavailable) for error in errors) < 2:
        try:
            step = next(steps)
            step()
        except StopIteration:
            break
        except Exception as exc:  # noqa: BLE001  (all that there are)
            errors.append(exc)
    assert errors, "at least the tasks fail"
    for error in errors:
        assert_silent(*everything_about(error))
    assert_silent(caplog.text, *(repr(vars(record)) for record in caplog.records))


@pytest.mark.parametrize("dsn", SOUND)
def test_no_object_shows_it(dsn: str, filled: Callable[[str], str]) -> None:
    gator = Gator(filled(dsn))
    task = gator.options(retries=1).task(jobs.fail, 1)
    session = Session(gator, ["all"], lease=30.0, max_deliveries=5)
    session.reserve(1, 0)
    shown: list[object] = [gator, gator.dsn, gator.options(retries=1), gator.batch(), task, gator.backend, gator.codec]
    shown += [Worker(gator), session, session.consumer, gator.codec._serializer, gator.codec._signer]
    shown += [gator.dsn.for_backend(), vars(gator)]
    assert_silent(*map(repr, shown), *map(str, shown))
    # Not only the few that one thinks of: every object of this project that there is now.
    ours = [it for it in gc.get_objects() if str(type(it).__module__).partition(".")[0].startswith("alligator")]
    assert {type(it) for it in ours} > {Gator, Codec, Dsn}
    assert any(isinstance(it, Backend) for it in ours)
    for each in ours:
        with suppress(AttributeError):  # (one whose making failed, and that an error still holds)
            assert_silent(repr(each))
    session.close()
    with suppress(UnsupportedFeature):
        gator.purge()
    gator.close()


# A worker waits for a server that isn't there or doesn't let it in: it has a test of its own. Others wait for a while.
CALLS = [
    (dsn, words)
    for dsn in [*SOUND, *FAILING]
    for words in COMMANDS
    if (dsn in SOUND or words[0] != "worker") and ("timeout" not in dsn or words[0] in {"stats", "ping"})
]


@pytest.mark.parametrize(("dsn", "words"), CALLS)
def test_no_command_shows_it(
    dsn: str, words: list[str], filled: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    place = 2 if words[0] == "dead" else 1
    command = [*words[:place], filled(dsn), *words[place:]]
    result = CliRunner().invoke(main, [*command, "--timeout", "0.5"] if words[0] == "ping" else command)
    assert_silent(result.output, caplog.text)
    if result.exception is not None:
        assert_silent(*everything_about(result.exception))


@pytest.mark.parametrize("value", [WORD, f"{SECRET},{WORD}", f"{SECRET}\n{SECRET}", f"{SECRET},"])
def test_a_wrong_secret_is_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_SECRET", value)
    for settings in ({}, {"secret": value}, {"secret": [value]}):
        with pytest.raises(ConfigurationError) as caught:
            Gator("locmem://", **settings)
        assert_silent(*everything_about(caught.value))
    result = CliRunner().invoke(main, ["stats", "locmem://"])
    assert result.exit_code
    assert_silent(result.output)


@pytest.mark.parametrize("dsn", [f"redis://:{WORD}-wrong@127.0.0.1:{{port}}/0", f"redis://:{PASSWORD}@127.0.0.1:1/0"])
def test_a_worker_that_is_not_let_in_does_not_show_it(dsn: str, filled: Callable[[str], str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        environ = {**os.environ, "ALLIGATOR_CONN": filled(dsn)}
        process = subprocess.Popen([ALLIGATOR, "worker"], env=environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: process.poll() is not None or log.read_text().count("127.0.0.1") > 1)
        process.terminate()
        process.wait(30)
    finally:
        process.kill()
        process.wait()
    assert "127.0.0.1" in log.read_text()
    assert_silent(log.read_text())


@pytest.mark.parametrize("mode", [[], ["--processes", "2"], ["--threads", "2"]], ids=["inline", "processes", "threads"])
def test_a_worker_never_shows_it_from_start_to_end(mode: list[str], guarded: Server, tmp_path: Path) -> None:
    dsn = f"redis://:{PASSWORD}@127.0.0.1:{guarded.port}/0?{OPTIONS}"
    gator = Gator(dsn, f"q{os.urandom(4).hex()}")
    mark, log = tmp_path / "mark", tmp_path / "log"
    gator.task(jobs.fail, 1)
    gator.task(jobs.touch, str(mark))
    command = [ALLIGATOR, "worker", "-", "--queue", gator.queue_name, *mode]
    with log.open("wb") as output:
        environ = {**os.environ, "ALLIGATOR_CONN": dsn}
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        eventually(mark.exists)
        titles = Path(f"/proc/{process.pid}/cmdline").read_text()
        process.send_signal(signal.SIGUSR1)
        eventually(lambda: "Thread" in log.read_text())
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert "redis://" in log.read_text(), "it says at the start where it works"
    assert_silent(log.read_text(), titles, *(letter.reason for letter in gator.dead()))
    gator.purge_dead()
    gator.close()
