"""Metrics as Prometheus gets them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from http.client import HTTPException
from urllib.request import urlopen

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from tests.core import helpers

LIMIT = 60.0


class Metrics:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        families = list(text_string_to_metric_families(text))
        self.names = {family.name for family in families}
        self.samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def get(self, name: str, **labels: str) -> float:
        """Return one number; of those whose labels are left out, the sum."""
        wanted = labels.items()
        found = [value for (named, *its), value in self.samples.items() if named == name and wanted <= set(its)]
        return sum(found)

    def counters(self) -> dict[object, float]:
        """Return what must never become less."""
        ends = ("_total", "_count", "_sum", "_bucket")
        return {key: value for key, value in self.samples.items() if str(key[0]).endswith(ends)}


def collected(collector: Collector) -> Metrics:
    """Return what a registry of the app's own shows."""
    registry = CollectorRegistry()
    registry.register(collector)
    return Metrics(generate_latest(registry).decode())


def scrape(port: int, path: str = "metrics") -> Metrics:
    """Return what the endpoint serves. Raises OSError if nobody is there."""
    with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=LIMIT) as answer:
        return Metrics(answer.read().decode())


def scraped(port: int, name: str, value: float, **labels: str) -> Metrics:
    """Scrape until a number is as large as a value; what can't be reached meanwhile is asked again."""

    def found() -> Metrics | None:
        with suppress(OSError, HTTPException):
            metrics = scrape(port)
            return metrics if metrics.get(name, **labels) >= value else None
        return None

    metrics = helpers.eventually(found, LIMIT)
    assert metrics is not None
    return metrics


def no_less(before: Metrics, after: Metrics) -> Iterable[object]:
    """Return the counters that are less than before, of which there are to be none."""
    now = after.counters()
    return [key for key, value in before.counters().items() if now.get(key, -1.0) < value]
