"""Run the demo: index the standard library with two workers, kill one half-way, and check that nothing is lost.

    python -m examples.stdlib_index [DSN]

It enqueues one task per file, starts two worker processes, kills one with SIGKILL when half of the files are done,
and compares what they found with the same index computed here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

LEASE = 3
"""Seconds until the killed worker's tasks are taken over."""
DEADLINE = 300


def main() -> None:
    """Run the whole demo, and exit with 1 if a task was lost or a result is wrong."""
    with tempfile.TemporaryDirectory(prefix="alligator-demo-") as folder:
        output = Path(folder, "index.jsonl")
        output.touch()
        os.environ["DEMO_OUTPUT"] = str(output)
        os.environ["DEMO_DSN"] = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/queue.db"
        ok = run(stdlib_files(), output)
    sys.exit(0 if ok else 1)


def stdlib_files() -> list[str]:
    """Return the paths of the running Python's own library."""
    root = Path(sysconfig.get_paths()["stdlib"])
    return sorted(str(path) for path in root.rglob("*.py") if "-packages" not in str(path.relative_to(root)))


def run(files: list[str], output: Path) -> bool:
    """Enqueue, work, kill, report. Returns whether everything was right."""
    from examples.stdlib_index.app import gator, index_to_file

    click.echo(f"Indexing {len(files)} files of Python {sys.version.split()[0]}, queue on {gator.dsn}")
    gator.map(index_to_file, files)
    started = time.monotonic()
    workers = [start_worker() for _ in range(2)]
    try:
        killed = follow(files, output, workers)
        elapsed = time.monotonic() - started
    finally:
        stop(workers)
    return report(files, output, elapsed, killed)


def start_worker() -> subprocess.Popen[bytes]:
    """Start a worker as a user would."""
    command = [sys.executable, "-m", "alligator", "worker", "examples.stdlib_index.app:gator", "--lease", str(LEASE)]
    return subprocess.Popen([*command, "--log-level", "warning"])


def follow(files: list[str], output: Path, workers: list[subprocess.Popen[bytes]]) -> str:
    """Show the progress until all files are done, and kill one worker half-way. Returns when and whom."""
    killed = ""
    with click.progressbar(length=len(files), label="Files indexed", file=sys.stderr) as bar:
        for count in counts(files, output):
            bar.update(count - bar.pos)
            if not killed and count >= len(files) // 2:
                workers[0].send_signal(signal.SIGKILL)
                killed = f"worker {workers[0].pid} with SIGKILL after {count} files"
    return killed


def counts(files: list[str], output: Path) -> Iterator[int]:
    """Yield the number of files done, again and again, until it is all of them or time is up."""
    end = time.monotonic() + DEADLINE
    done = 0
    while done < len(files) and time.monotonic() < end:
        time.sleep(0.05)
        done = len({path for path, _ in results(output)})
        yield done


def stop(workers: list[subprocess.Popen[bytes]]) -> None:
    """Stop the workers that still run, the gentle way."""
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
    for worker in workers:
        worker.wait(timeout=60)


def results(output: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the path and the result of each complete line that workers have written."""
    for line in output.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            found = json.loads(line)
            yield found["path"], found


def report(files: list[str], output: Path, elapsed: float, killed: str) -> bool:
    """Compare with the same index computed here, and print the table. Returns whether everything was right."""
    from dataclasses import asdict

    from examples.stdlib_index.app import gator, index_file

    runs = Counter(path for path, _ in results(output))
    found = dict(results(output))
    lost = [path for path in files if path not in found]
    with click.progressbar(files, label="Checking here", file=sys.stderr) as bar:
        wrong = [path for path in bar if path in found and found[path] != asdict(index_file(path))]
    size = gator.size()
    rows = {
        "tasks": len(files),
        "lost": len(lost),
        "wrong": len(wrong),
        "run twice": sum(count - 1 for count in runs.values()),
        "left on the queue": size.waiting + size.reserved,
        "dead letters": size.dead,
        "killed": killed or "nobody",
        "seconds": f"{elapsed:.1f}",
        "tasks/s": f"{len(files) / elapsed:,.0f}",
        **{name: f"{total(found, name):,}" for name in ("lines", "words", "definitions")},
    }
    for name, value in rows.items():
        click.echo(f"  {name:<28} {value}")
    return not lost and not wrong and bool(killed)


def total(found: dict[str, dict[str, object]], key: str) -> int:
    """Add up one column of the index."""
    return sum(value for result in found.values() if isinstance(value := result[key], int))


if __name__ == "__main__":
    main()
