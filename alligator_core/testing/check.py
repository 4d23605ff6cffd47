"""The contract tried on a live DSN, outside a test run: which guarantees its backend keeps."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import pytest

from ..dsn import Dsn
from ..plugins import PluginManager
from .contract.base import guarantee_of, missing_features

State: TypeAlias = Literal["kept", "in part", "broken", "not offered"]
Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of tests done and of all tests."""

SUBJECT: Final = pytest.StashKey[tuple[str, float]]()
"""The DSN to try, and the lease to do it with."""

_SIGNS: Final[Mapping[State, str]] = {
    "kept": "✓",
    "in part": "in part",
    "broken": "✗",
    "not offered": "\N{EN DASH}",
}
_QUIETLY: Final = (
    "--pyargs",
    f"{__package__}.live",
    # Whatever configuration lies about is somebody else's.
    f"--config-file={os.devnull}",
    "--noconftest",
    "--capture=no",
    "--import-mode=importlib",
    "-pno:terminal",
    "-pno:cacheprovider",
    "-pno:faulthandler",
)


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What a backend was tried on: a sentence, and what came of its tests.

    `failures` has a line for each test that failed: its name as a sentence, and why.
    """

    sentence: str
    tests: int
    not_offered: int
    failures: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """Broken if any test failed; not offered if the backend declares nothing of it, and refuses it as it should.

        Kept in part if it declares some of the features that the tests need.
        """
        if self.failures:
            return "broken"
        if not self.not_offered:
            return "kept"
        return "not offered" if self.not_offered == self.tests else "in part"


def run_check(dsn: str, *, lease: float = 1.0, on_progress: Progress | None = None) -> list[Guarantee]:
    """Try the whole contract on a DSN, in queues of its own, which it empties afterwards.

    `lease` is in seconds: some fifty tests wait for a lease to run out, or for a delay of that length.
    Raises what making the backend raises, or its first answer: DsnError, UnknownPluginError, BackendUnavailable.
    """
    backend = PluginManager().make_backend(Dsn.parse(dsn))
    try:
        backend.ping()
    finally:
        backend.close()
    collector = _Collector((dsn, lease), backend.features, on_progress)
    with _without_plugins():
        code = pytest.main(list(_QUIETLY), plugins=[collector])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        raise RuntimeError(f"pytest could not run the contract: exit code {int(code)}")
    return collector.guarantees()


def table(results: Mapping[str, Sequence[Guarantee]]) -> str:
    """Return a Markdown table: a line for each guarantee, a column for each backend."""
    sentences = list(dict.fromkeys(each.sentence for found in results.values() for each in found))
    states = {name: {each.sentence: each.state for each in found} for name, found in results.items()}
    lines = [("Guarantee", *results), ("---", *(":-:" for _ in results))]
    lines += [
        (sentence, *(_SIGNS[found.get(sentence, "not offered")] for found in states.values())) for sentence in sentences
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


@dataclass
class _Tally:
    tests: int = 0
    not_offered: int = 0
    failures: list[str] = field(default_factory=list)


class _Collector:
    """A pytest plugin that hands in the DSN, and keeps what came of each test."""

    def __init__(self, subject: tuple[str, float], features: frozenset[str], on_progress: Progress | None) -> None:
        self._subject = subject
        self._features = features
        self._on_progress = on_progress
        self._tallies: dict[str, _Tally] = {}
        self._done = self._all = 0

    @pytest.hookimpl
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[SUBJECT] = self._subject

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._all = len(session.items)
        contract = session.items[0].getparent(pytest.Class)
        assert contract is not None
        for part in contract.obj.__mro__:
            if "guarantee" in vars(part):
                self._tallies[part.guarantee] = _Tally()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        tally = self._tallies[guarantee_of(item.cls, item.originalname)]
        if report.failed:
            tally.failures.append(f"{_as_sentence(item.name)}: {_reason(report)}")
        if report.when == "teardown":
            tally.tests += 1
            tally.not_offered += bool(missing_features(item.function, self._features))
            self._done += 1
            if self._on_progress:
                self._on_progress(self._done, self._all)
        return report

    def guarantees(self) -> list[Guarantee]:
        """Return what was found, in the order of the contract."""
        return [
            Guarantee(sentence, found.tests, found.not_offered, tuple(found.failures))
            for sentence, found in self._tallies.items()
        ]


@contextmanager
def _without_plugins() -> Iterator[None]:
    """Keep pytest from loading what else is installed: it may print, or change how tests run."""
    wanted = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _as_sentence(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return str(text).splitlines()[0][:300] if text else "no reason given"
