"""Medians over the rounds, as tables, as lines `ratio`, or as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from scoring.cases import Case
from scoring.servers import Server
from scoring.wrk import Load

# Which peers' settings one of ours is compared with, and what is added to the case's name in the ratio.
_VARIANTS = {"ours": "", "ours-text": "-text", "ours-binary": "-binary"}


@dataclass(frozen=True)
class Sample:
    """One server under one load.

    processor is the time of its processes in microseconds a request; others is how much of a processor everybody
    else on the machine used meanwhile.
    """

    load: Load
    processor: float
    others: float


@dataclass
class Results:
    """Everything measured, by server name; seconds and MB."""

    servers: tuple[Server, ...]
    cases: tuple[Case, ...]
    workers: int
    samples: dict[tuple[str, Case], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def rate(self, server: Server, case: Case) -> float | None:
        """Median requests/s."""
        samples = self.samples.get((server.name, case))
        return median(one.load.rate for one in samples) if samples else None

    def ratios(self) -> dict[str, float]:
        """``<peer>-<case>``: requests/s, ours by those of the peer's fastest setting.

        With ``-cpu``: processor time a request, the other way round, which other programs disturb least.
        ``start`` and ``memory``: the peer's least by ours.
        """
        suffix = "" if self.workers == 1 else f"-w{self.workers}"
        found: dict[str, float] = {}
        for ours in (one for one in self.servers if one.is_ours):
            for case in self.cases:
                rate = self.rate(ours, case)
                for peer, best in self._best(case).items():
                    if rate is not None:
                        found[f"{peer}-{case}{_VARIANTS[ours.name]}{suffix}"] = rate / best
        for case in self.cases:
            processor = {
                name: median(s.processor for s in each) for (name, of), each in self.samples.items() if of == case
            }
            if "ours" in processor:
                for peer, least in self._least(processor).items():
                    found[f"{peer}-{case}-cpu{suffix}"] = least / processor["ours"]
        starts = {name: median(seconds) for name, seconds in self.starts.items()}
        for what, values in (("start", starts), ("memory", self.memory)):
            if "ours" in values:
                for peer, least in self._least(values).items():
                    found[f"{peer}-{what}{suffix}"] = least / values["ours"]
        return found

    def _best(self, case: Case) -> dict[str, float]:
        best: dict[str, float] = {}
        for server in self.servers:
            rate = self.rate(server, case)
            if rate is not None and not server.is_ours:
                best[server.peer] = max(rate, best.get(server.peer, 0.0))
        return best

    def _least(self, values: dict[str, float]) -> dict[str, float]:
        least: dict[str, float] = {}
        for server in self.servers:
            if server.name in values and not server.is_ours:
                value = values[server.name]
                least[server.peer] = min(value, least.get(server.peer, value))
        return least


def as_table(results: Results) -> str:
    """Markdown: a table for each case, one for start and memory."""
    lines: list[str] = []
    for case in results.cases:
        lines += [
            f"### {case}, {results.workers} worker{'s' * (results.workers > 1)}",
            "| server | requests/s | ours is x | p50 ms | p99 ms | CPU us/request | lost, non-2xx |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *(_row(results, server, case) for server in results.servers if (server.name, case) in results.samples),
            "",
        ]
    disturbed = median(one.others for samples in results.samples.values() for one in samples) if results.samples else 0
    lines += [f"Other programs used {disturbed:.2f} of a processor meanwhile (median).", ""]
    lines += ["### start and memory", "| server | first answer s | PSS MB |", "|---|---:|---:|"]
    for server in results.servers:
        if server.name in results.starts:
            seconds = f"{median(results.starts[server.name]):.1f}"
            memory = f"{results.memory[server.name]:.0f}" if server.name in results.memory else ""
            lines.append(f"| {server.name} | {seconds} | {memory} |")
    return "\n".join(lines)


def _row(results: Results, server: Server, case: Case) -> str:
    samples = results.samples[server.name, case]
    loads = [one.load for one in samples]
    ours = next((results.rate(one, case) for one in results.servers if one.is_ours), None)
    rate = median(one.rate for one in loads)
    cells = [
        server.name,
        f"{rate:.0f}",
        f"{ours / rate:.2f}" if ours and rate else "",
        f"{median(one.p50 for one in loads):.2f}",
        f"{median(one.p99 for one in loads):.2f}",
        f"{median(one.processor for one in samples):.0f}",
        f"{sum(one.lost for one in loads)}, {sum(one.non_2xx for one in loads)}",
    ]
    return f"| {' | '.join(cells)} |"


def as_json(results: Results) -> str:
    """All of it, each round's figures included."""
    cells: list[Any] = [
        {
            "server": name,
            "case": str(case),
            "rates": [round(one.load.rate, 1) for one in samples],
            "p50": median(one.load.p50 for one in samples),
            "p99": median(one.load.p99 for one in samples),
            "processor": median(one.processor for one in samples),
            "others": [round(one.others, 2) for one in samples],
            "lost": sum(one.load.lost for one in samples),
            "non_2xx": sum(one.load.non_2xx for one in samples),
        }
        for (name, case), samples in results.samples.items()
    ]
    content = {
        "workers": results.workers,
        "cells": cells,
        "starts": results.starts,
        "memory": results.memory,
        "failures": results.failures,
        "ratios": results.ratios(),
    }
    return json.dumps(content, indent=1)
