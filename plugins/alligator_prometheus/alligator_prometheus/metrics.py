"""What was counted, as the metrics of prometheus_client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from alligator_core.backend import QueueSize

from .layout import ENQUEUED, FINISHED, STARTED, WAIT, Layout, Rows

COUNTERS: Final = {
    "alligator_tasks_enqueued": ("Tasks that the backend took.", ENQUEUED),
    "alligator_tasks_started": ("Runs that began.", STARTED),
    "alligator_tasks_retried": ("Failed runs whose task is to run again.", FINISHED["retry"]),
    "alligator_tasks_dead": ("Tasks that went to the dead letters.", FINISHED["dead"]),
}
STATES: Final = ("ready", "delayed", "reserved", "dead")


def metrics_of(layout: Layout, rows: Rows, *, by_task: bool) -> Iterator[Metric]:
    """Yield the metrics of some rows."""
    names = ["queue", "task"] if by_task else ["queue"]
    labels = {key: list(key) if by_task else [key[0]] for key in rows}
    for name, (text, place) in COUNTERS.items():
        counter = CounterMetricFamily(name, text, labels=names)
        for key, row in rows.items():
            counter.add_metric(labels[key], row[place])
        yield counter
    ends = CounterMetricFamily("alligator_tasks_finished", "Runs by what became of them.", labels=[*names, "outcome"])
    for key, row in rows.items():
        for outcome, place in FINISHED.items():
            ends.add_metric([*labels[key], outcome], row[place])
    yield ends
    for name, text, place in (
        ("alligator_task_wait_seconds", "From when a task was enqueued until its first run began.", WAIT),
        ("alligator_task_run_seconds", "How long a run took.", layout.run),
    ):
        histogram = HistogramMetricFamily(name, text, labels=names)
        for key, row in rows.items():
            histogram.add_metric(labels[key], list(layout.cumulated(row, place)), row[place])
        yield histogram


def metric_of_sizes(sizes: Mapping[str, QueueSize]) -> Metric:
    """Return the metric of the sizes of queues."""
    gauge = GaugeMetricFamily("alligator_queue_tasks", "Tasks of a queue by state.", labels=["queue", "state"])
    for queue, size in sizes.items():
        for state, number in zip(STATES, size, strict=False):
            gauge.add_metric([queue, state], number)
    return gauge
