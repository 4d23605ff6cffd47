"""The endpoint of one worker, in a process of its own."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.error import URLError

import pytest

from alligator import Gator
from tests.core.helpers import eventually
from tests.waiting import free_port

from . import jobs
from .conftest import StartWorkers
from .scraping import LIMIT, scrape, scraped

FINISHED = "alligator_tasks_finished_total"


def test_a_worker_serves_its_numbers_and_the_sizes_of_its_queues(gator: Gator, start: StartWorkers) -> None:
    gator.map(jobs.greet, ["ann", "bob"])
    gator.options(retries=1).task(jobs.log_in, "ann", "hush")
    gator.options(delay_by=600).task(jobs.greet, "cid")
    workers = start()
    scraped(workers.port, "alligator_task_run_seconds_count", 4)
    found = scraped(workers.port, "alligator_queue_tasks", 1, state="delayed")
    assert found.get(FINISHED, outcome="success", task="tests.prometheus.jobs:greet") == 2
    assert found.get("alligator_tasks_retried_total") == found.get("alligator_tasks_dead_total") == 1
    assert found.get("alligator_task_run_seconds_count") == 4
    assert found.get("alligator_queue_tasks", queue="all", state="delayed") == 1
    assert "hush" not in found.text
    assert workers.stop() == 0


def test_threads_and_coroutines_are_all_counted(gator: Gator, start: StartWorkers) -> None:
    gator.map(jobs.greet, map(str, range(50)))
    gator.map(jobs.greet_soon, map(str, range(50)))
    workers = start("--threads", "4")
    found = scraped(workers.port, FINISHED, 100, outcome="success")
    assert found.get("alligator_tasks_started_total") == found.get(FINISHED) == 100


def test_a_port_that_is_taken_is_an_error_in_the_log_and_the_worker_goes_on(gator: Gator, start: StartWorkers) -> None:
    gator.task(jobs.greet, "ann")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        workers = start(port=port)
        eventually(lambda: gator.size().ready == 0 and "success" in workers.log, LIMIT)
        assert workers.log.count(f"Metrics can't be served on 127.0.0.1:{port}") == 1
        assert "ALLIGATOR_PROMETHEUS=ADDRESS:PORT" in workers.log
    # Once the port is free, it is served there.
    assert scraped(port, FINISHED, 1).get(FINISHED) == 1


def test_the_environment_says_where_an_installed_plugin_serves(gator: Gator, start: StartWorkers, dsn: str) -> None:
    gator.task(jobs.greet, "ann")
    port = free_port()
    start(target=dsn, port=1, ALLIGATOR_PLUGINS="prometheus", ALLIGATOR_PROMETHEUS=str(port))
    assert scraped(port, FINISHED, 1).get(FINISHED) == 1


def test_unless_it_is_asked_for_nothing_is_served(gator: Gator, start: StartWorkers, dsn: str) -> None:
    port = free_port()
    workers = start(target=dsn, port=port, ALLIGATOR_PLUGINS="prometheus")
    gator.task(jobs.greet, "ann")
    eventually(lambda: "success" in workers.log, LIMIT)
    with pytest.raises(URLError):
        scrape(port)
    assert "Metrics" not in workers.log


def test_one_worker_without_a_supervisor_needs_no_folder(gator: Gator, start: StartWorkers) -> None:
    gator.task(jobs.greet, "ann")
    workers = start()
    scraped(workers.port, FINISHED, 1)
    assert not list(Path(workers.runtime).iterdir())


def test_what_the_environment_says_wrongly_is_in_the_log(gator: Gator, start: StartWorkers, dsn: str) -> None:
    gator.task(jobs.greet, "ann")
    workers = start("--burst", target=dsn, port=1, ALLIGATOR_PLUGINS="prometheus", ALLIGATOR_PROMETHEUS="here")
    assert workers.process.wait(LIMIT) == 0
    assert "ALLIGATOR_PROMETHEUS='here': it must be PORT or ADDRESS:PORT." in workers.log
    assert gator.size().ready == 0
