"""What the plugin counts, seen through a registry of the app's own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from alligator_prometheus import Prometheus
from prometheus_client import CollectorRegistry, generate_latest

from alligator import Gator, OptionError, Worker, hookimpl
from alligator_core.testing.forking import in_forked_child

from . import jobs
from .scraping import Metrics, collected

GREET = "tests.prometheus.jobs:greet"


def gator_with(*more: object, **settings: Any) -> tuple[Gator, Prometheus]:
    plugin = Prometheus(**settings)
    return Gator("locmem://", plugins=[plugin, *more]), plugin


def drain(gator: Gator, **options: Any) -> None:
    Worker(gator, burst=True, **options).run_forever()


def ends(metrics: Metrics, task: str) -> dict[str, float]:
    name = f"tests.prometheus.jobs:{task}"
    kinds = ("success", "retry", "defer", "discard", "dead", "expired", "cancelled")
    counted = {kind: metrics.get("alligator_tasks_finished_total", task=name, outcome=kind) for kind in kinds}
    return {kind: number for kind, number in counted.items() if number}


def test_tasks_are_counted_by_queue_and_name_from_the_push_to_the_end() -> None:
    gator, plugin = gator_with()
    gator.map(jobs.greet, ["ann", "bob"])
    gator.options(queue_name="mail").task(jobs.greet, "cid")
    drain(gator, to_consume=["all", "mail"])
    found = collected(plugin)
    assert found.get("alligator_tasks_enqueued_total", queue="all", task=GREET) == 2
    assert found.get("alligator_tasks_enqueued_total", queue="mail", task=GREET) == 1
    assert found.get("alligator_tasks_started_total", task=GREET) == 3
    assert ends(found, "greet") == {"success": 3}


def test_retries_and_dead_letters_are_counted() -> None:
    gator, plugin = gator_with()
    gator.options(retries=2).task(jobs.log_in, "ann", "hush")
    drain(gator)
    found = collected(plugin)
    assert ends(found, "log_in") == {"retry": 2, "dead": 1}
    assert found.get("alligator_tasks_started_total") == 3
    assert found.get("alligator_tasks_retried_total") == 2
    assert found.get("alligator_tasks_dead_total") == 1


def test_every_other_end_is_counted_as_what_it_is() -> None:
    gator, plugin = gator_with()
    gator.task(jobs.put_off)
    gator.task(jobs.drop)
    gator.options(expires=0.001).task(jobs.greet, "ann")
    time.sleep(0.01)  # it is too old by now
    drain(gator)
    found = collected(plugin)
    assert ends(found, "put_off") == {"defer": 1}
    assert ends(found, "drop") == {"discard": 1}
    assert ends(found, "greet") == {"expired": 1}
    assert found.get("alligator_task_run_seconds_count", task=GREET) == 0


def test_the_seconds_of_a_run_are_in_the_buckets_that_hold_them() -> None:
    gator, plugin = gator_with(buckets=[0.01, 60])
    gator.task(jobs.nap, 0.02)
    drain(gator)
    found = collected(plugin)
    buckets = {le: found.get("alligator_task_run_seconds_bucket", le=le) for le in ("0.01", "60.0", "+Inf")}
    assert buckets == {"0.01": 0, "60.0": 1, "+Inf": 1}
    assert found.get("alligator_task_run_seconds_count") == 1
    assert 0.02 <= found.get("alligator_task_run_seconds_sum") < 60


def test_the_wait_is_that_of_the_first_run() -> None:
    gator, plugin = gator_with()
    gator.options(retries=2).task(jobs.log_in, "ann", "hush")
    drain(gator)
    found = collected(plugin)
    assert found.get("alligator_task_wait_seconds_count") == 1
    assert 0 < found.get("alligator_task_wait_seconds_sum") < 60


@pytest.mark.parametrize("func", [jobs.greet, jobs.greet_soon])
def test_nothing_is_missed_where_many_run_at_a_time(func: Any) -> None:
    gator, plugin = gator_with()
    gator.map(func, map(str, range(300)))
    drain(gator, threads=4)
    found = collected(plugin)
    assert found.get("alligator_tasks_started_total") == 300
    assert found.get("alligator_tasks_finished_total", outcome="success") == 300
    assert found.get("alligator_task_run_seconds_count") == 300


def test_threads_that_come_and_go_leave_no_rows_behind_but_what_they_counted() -> None:
    gator, plugin = gator_with()
    for _ in range(20):
        thread = threading.Thread(target=gator.task, args=[jobs.greet, "ann"])
        thread.start()
        thread.join()
    assert collected(plugin).get("alligator_tasks_enqueued_total") == 20
    assert len(plugin._tally._all["all", GREET]) == 1


def test_series_above_the_limit_are_counted_together() -> None:
    gator, plugin = gator_with(max_series=2)
    for number in range(10):
        gator.options(queue_name=f"tenant-{number}").task(jobs.greet, "ann")
    found = collected(plugin)
    assert found.get("alligator_tasks_enqueued_total", queue="tenant-0") == 1
    assert found.get("alligator_tasks_enqueued_total", queue="other", task="other") == 8


def test_the_label_of_the_task_can_be_left_out() -> None:
    gator, plugin = gator_with(by_task=False)
    gator.task(jobs.greet, "ann")
    gator.task(jobs.nap, 0)
    assert 'alligator_tasks_enqueued_total{queue="all"} 2.0' in collected(plugin).text


def test_nothing_of_arguments_or_errors_is_shown() -> None:
    gator, plugin = gator_with()
    gator.task(jobs.log_in, "ann", "hush")
    drain(gator)
    assert "hush" not in collected(plugin).text
    assert "ann" not in collected(plugin).text


def test_a_worker_shows_the_sizes_of_its_queues_while_it_runs() -> None:
    seen = []

    class Look:
        @hookimpl
        def on_worker_start(self) -> None:
            seen.append(collected(plugin))

    gator, plugin = gator_with()
    gator.plugins.register(Look(), "look")
    gator.plugins.unregister(plugin)
    gator.plugins.register(plugin)  # the latest is called first
    gator.map(jobs.greet, ["ann", "bob"])
    gator.options(delay_by=60).task(jobs.greet, "cid")
    drain(gator)
    assert seen[0].get("alligator_queue_tasks", queue="all", state="ready") == 2
    assert seen[0].get("alligator_queue_tasks", queue="all", state="delayed") == 1
    assert collected(plugin).get("alligator_tasks_finished_total") == 2


def test_a_backend_that_does_not_answer_costs_the_sizes_alone(caplog: pytest.LogCaptureFixture) -> None:
    gator, plugin = gator_with()
    gator.task(jobs.greet, "ann")
    worker = Worker(gator, burst=True, to_consume="all")
    worker.gator = Gator("redis://127.0.0.1:1/0?connect_timeout=1", plugins=[])
    plugin.on_worker_start(worker)
    found = collected(plugin)
    plugin.on_worker_stop(worker)
    assert "alligator_queue_tasks{" not in found.text
    assert found.get("alligator_tasks_enqueued_total") == 1


def test_a_registry_knows_the_names_without_asking_a_backend() -> None:
    registry = CollectorRegistry(auto_describe=True)
    registry.register(Prometheus())
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(Prometheus())
    assert b"alligator_tasks_started_total" in generate_latest(registry)


def test_a_forked_child_does_not_count_for_its_parent(dsn: str) -> None:
    plugin = Prometheus()
    gator = Gator(dsn, plugins=[plugin])
    gator.task(jobs.greet, "ann")

    def enqueue() -> float:
        gator.task(jobs.greet, "bob")
        return collected(plugin).get("alligator_tasks_enqueued_total")

    assert in_forked_child(enqueue) == "1.0"
    assert collected(plugin).get("alligator_tasks_enqueued_total") == 1


def test_a_producer_does_not_import_the_client_of_prometheus() -> None:
    code = (
        "import sys; from alligator import Gator; from alligator_prometheus import Prometheus; "
        "import tests.workspace.quickstart as q; Gator('locmem://', plugins=[Prometheus(port=1)]).task(q.read, ''); "
        "print('prometheus_client' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "False\n"


@pytest.mark.parametrize(
    "settings",
    [{"port": 65536}, {"port": -1}, {"max_series": 0}, {"buckets": []}, {"buckets": [2, 1]}, {"buckets": [1, 1]},
     {"buckets": [float("inf")]}],
)  # fmt: skip
def test_settings_that_can_not_be_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(settings))):
        Prometheus(**settings)
