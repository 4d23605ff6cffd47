"""A short run of the fuzzer: `make fuzz` does a long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.loop import run
from tests.fuzz.targets import CORPUS, TARGETS, Target

ROOT = Path(__file__).parents[2]


def test_a_short_run_meets_no_error_that_nobody_expects() -> None:
    # In a process of its own, which has little memory: what asks for more has to be refused, too.
    command = [sys.executable, "-m", "tests.fuzz", "--executions", "21000", "--processes", "1", "--seed", "1"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "21,000 executions" in ran.stdout


@pytest.mark.parametrize("name", TARGETS)
def test_most_seeds_of_a_target_are_what_it_takes(name: str) -> None:
    target = TARGETS[name]
    refused = 0
    for seed in target.seeds():
        try:
            target.run(seed)
        except target.expected:
            refused += 1
    assert refused < len(target.seeds()) / 2


def test_every_corpus_belongs_to_a_target_and_is_small() -> None:
    files = {path.name: path.stat().st_size for path in CORPUS.iterdir()}
    assert files.keys() == {f"{target.corpus}.txt" for target in TARGETS.values()}
    assert max(files.values()) < 50_000


def broken(data: bytes) -> None:
    if b"\xff" in data:
        raise ZeroDivisionError("of all errors")
    if len(data) > 3000:
        raise ValueError("too long")


def test_it_finds_an_error_that_is_rare_and_keeps_its_input() -> None:
    report = run(Target(broken, (ValueError,), "json"), seed=1, executions=5000, seconds=60)
    assert report.executions == 5000
    [(kind, data)] = report.crashes.items()
    assert kind == "ZeroDivisionError: of all errors"
    assert b"\xff" in data


def test_the_same_seed_makes_the_same_inputs() -> None:
    first, second = (run(TARGETS["json"], seed=7, executions=2000, seconds=60) for _ in range(2))
    assert first.effects == second.effects


def test_it_ends_in_time() -> None:
    assert run(TARGETS["json"], seed=7, executions=10**9, seconds=0).executions < 1000
