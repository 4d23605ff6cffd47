"""Measure this project and its peers side by side on one redis-server: `python benchmarks/peers --help`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import machine
import processes
import table
from board import Board
from environments import HOME, NoEnvironment, find_python, python_of
from measures import Bench, Results
from peer import Peer
from redis_server import RedisServer

HERE = Path(__file__).parent
NAMES = (
    "alligator",
    "ceiling",
    "mayu",
    "ardiq",
    "repid",
    "rq",
    "celery",
    "dramatiq",
    "huey",
    "taskiq",
    "arq",
    "saq",
    "streaq",
    "bullmq",
)


def main() -> None:
    """Measure, print the table, and end all that was started, however it ends."""
    options = _options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    if options.pin:
        os.sched_setaffinity(0, {0})
    pythons, absent = _environments(options.only, find_python(options.python))
    # In memory where there is such a folder: marking a task must not become a write to a disk.
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="peers-", dir=shared if shared.is_dir() else None) as folder:
        try:
            _measure(options, pythons, absent, Path(folder))
        finally:
            processes.end_all()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="peers", description=__doc__)
    parser.add_argument("--only", type=_names, default=NAMES, metavar="NAME[,NAME]", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="one run of half a second a measure")
    parser.add_argument("--pin", action="store_true", help="pin server, producers and workers to one core")
    parser.add_argument("--runs", type=int, help="medians of so many; 3 by default")
    parser.add_argument("--seconds", type=float, help="about how long each measure takes; 2 by default")
    parser.add_argument("--python", default="3.13", help="the version for all environments; mayu wants 3.13 or later")
    parser.add_argument("--json", type=Path, default=HOME / "results.json", help="where all values go")
    parser.add_argument("--markdown", type=Path, help="a file for the table, which is printed in any case")
    options = parser.parse_args()
    options.runs = options.runs or (1 if options.quick else 3)
    options.seconds = options.seconds or (0.5 if options.quick else 2.0)
    return options


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if not (HERE / "adapters" / f"{name}.py").exists():
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(NAMES)}")
    return names


def _environments(names: Iterable[str], interpreter: str) -> tuple[dict[str, Path], dict[str, str]]:
    pythons, absent = {}, {}
    for name in names:
        _say(f"environment of {name}")
        try:
            pythons[name] = python_of(name, interpreter)
        except NoEnvironment as exc:
            absent[name] = str(exc)
            _say(f"{name} is left out: {exc}")
    return pythons, absent


def _measure(options: argparse.Namespace, pythons: dict[str, Path], absent: dict[str, str], folder: Path) -> None:
    others = machine.OthersLoad()
    server, board = RedisServer(folder, dict(os.environ)), Board(folder)
    facts = machine.facts(server.version, 0 if options.pin else None)
    # Bytecode is cached as for any installed package, or each start would compile what is installed editable.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {
        **inherited,
        **board.environment(),
        "BENCH_URL": server.url,
        "PYTHONPATH": str(HERE),
    }
    cores = len(os.sched_getaffinity(0))
    benches = {
        name: Bench(Peer(name, python, environment, folder), server, board, seconds=options.seconds, cores=cores)
        for name, python in pythons.items()
    }
    _run(benches, options.runs)
    server.stop()
    facts["others_share"] = round(others.share(), 3)
    results = {name: bench.results for name, bench in benches.items()}
    results |= {name: Results(problems=[reason]) for name, reason in absent.items()}
    _report(options, results, facts)


def _run(benches: dict[str, Bench], runs: int) -> None:
    # Run after run, and not system after system: what the machine does meanwhile then befalls all alike.
    for run in range(runs):
        for name, bench in benches.items():
            began, problems = time.monotonic(), len(bench.results.problems)
            bench.run()
            _say(f"run {run + 1} of {runs}: {name}, {time.monotonic() - began:.0f} s")
            for problem in bench.results.problems[problems:]:
                _say(f"  {problem}")


def _report(options: argparse.Namespace, results: dict[str, Results], facts: machine.Facts) -> None:
    summaries = {name: table.summary(one) for name, one in results.items()}
    report = table.markdown(summaries, facts, options.runs)
    print(report)
    if options.markdown:
        options.markdown.write_text(report)
    document = {
        "facts": facts,
        "runs": options.runs,
        "seconds": options.seconds,
        "medians": summaries,
        "values": {name: asdict(one) for name, one in results.items()},
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1))
    _say(f"all values are in {options.json}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
