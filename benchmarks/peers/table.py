"""The report: one Markdown table with absolute numbers and ratios to the best peer."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from goals import goals
from machine import Facts
from measures import Results

OWN = ("alligator", "ceiling")
Summary = dict[str, Any]

COLUMNS = {
    "single": "enqueue singly /s",
    "bulk": "enqueue in bulk /s",
    "drain1": "drain, 1 process /s",
    "drain_best": "drain, best on 2 cores /s",
    "flow": "end to end /s",
    "flow_bulk": "end to end in bulk /s",
    "p50": "idle p50 ms",
    "p99": "idle p99 ms",
    "pss": "PSS MB",
    "first": "import → 1st enqueue ms",
}
LESS_IS_BETTER = {"p50", "p99", "pss", "first"}


def summary(results: Results) -> Summary:
    """Return the medians of one system, and what its tasks did."""
    medians: Summary = {what: statistics.median(values) for what, values in results.values.items()}
    if "drain2" in medians:
        medians["drain_best"] = max(medians["drain2"], medians.get("drain1", 0.0))
    if len(results.latencies) > 1:
        cuts = statistics.quantiles((1000 * sample for sample in results.latencies), n=100)
        medians["p50"], medians["p99"] = cuts[49], cuts[98]
    counts = {"tasks": results.tasks, "lost": results.lost, "repeated": results.repeated}
    return {**medians, **counts, "problems": results.problems, "about": results.about}


def best_peers(summaries: Mapping[str, Summary]) -> Summary:
    """Return the best value of any peer by column; this project and the ceiling are none."""
    best = {}
    for column in COLUMNS:
        values = [one[column] for name, one in summaries.items() if name not in OWN and column in one]
        if values:
            best[column] = min(values) if column in LESS_IS_BETTER else max(values)
    return best


def markdown(summaries: Mapping[str, Summary], facts: Facts, runs: int) -> str:
    """Return the whole report."""
    best = best_peers(summaries)
    order = sorted(summaries, key=lambda name: (name != "alligator", name == "ceiling", -_drain(summaries[name])))
    parts = [_head(facts, runs), _table(order, summaries, best), ""]
    if {"alligator", "ceiling"} <= set(summaries) and best:
        parts += [goals(summaries), ""]
    parts += _notes(order, summaries)
    return "\n".join(parts) + "\n"


def _drain(one: Summary) -> float:
    return float(one.get("drain1", 0.0))


def _head(facts: Facts, runs: int) -> str:
    return (
        f"{facts['date']} · {facts['cores']} cores ({facts['cpu']}), {facts['memory_gb']} GB, {facts['system']} · "
        f"redis-server {facts['redis']} on loopback, no persistence · {facts['pinned']} · "
        f"medians of {runs} · other processes took {facts['others_share']:.0%} of the cores meanwhile\n\n"
        "In brackets: the ratio to the best peer (this project and the ceiling are none). For latency, memory and "
        "import less is better.\n"
    )


def _table(order: list[str], summaries: Mapping[str, Summary], best: Summary) -> str:
    header = ["system", *COLUMNS.values(), "each ran exactly once"]
    rows = [header, ["---", *["--:"] * len(COLUMNS), "---"]]
    for name in order:
        one = summaries[name]
        cells = [_cell(column, one, best) for column in COLUMNS]
        rows.append([_title(name, one), *cells, _counted(one)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _title(name: str, one: Summary) -> str:
    version = next(iter(one["about"].get("versions", {}).values()), "")
    return f"**{name}** {version}" if name == "alligator" else f"{name} {'' if name == 'ceiling' else version}".strip()


def _cell(column: str, one: Summary, best: Summary) -> str:
    if column not in one:
        return "–"
    value = one[column]
    shown = f"{value:,.0f}" if column not in {"p50", "p99"} else f"{value:.2f}"
    return f"{shown} ({_ratio(value / best[column])})" if best.get(column) else shown


def _ratio(ratio: float) -> str:
    return f"{ratio:.0f}×" if ratio >= 20 else f"{ratio:.1f}×" if ratio >= 2 else f"{ratio:.2f}×"


def _counted(one: Summary) -> str:
    if one["lost"] or one["repeated"]:
        return f"**no: {one['lost']:,} lost, {one['repeated']:,} repeated** of {one['tasks']:,}"
    return f"yes, {one['tasks']:,}" if one["tasks"] else "–"


def _notes(order: list[str], summaries: Mapping[str, Summary]) -> list[str]:
    lines = ["| system | guarantee in this configuration | configuration | versions |", "|---|---|---|---|"]
    describe: Callable[[str], str] = lambda name: _description(name, summaries[name]["about"])  # noqa: E731
    lines += [describe(name) for name in order if summaries[name]["about"]]
    problems = [f"- {name}: {text}" for name in order for text in summaries[name]["problems"]]
    return [*lines, "", "Problems:", "", *problems] if problems else lines


def _description(name: str, about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in about["versions"].items())
    return f"| {name} | {about['guarantee']} | {about['configuration']} | {versions}, Python {about['python']} |"
