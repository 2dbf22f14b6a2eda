"""Reports medians over the rounds as tables, as `ratio` lines, or as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from scoring.cases import Case
from scoring.servers import Server
from scoring.wrk import Load

# The peers' settings that each of ours is compared with, and the suffix of the case's name in the ratio.
_VARIANTS = {"ours": "", "ours-text": "-text", "ours-binary": "-binary"}


@dataclass(frozen=True)
class Sample:
    """One server under one load.

    `processor` is its processes' time in microseconds per request; `others` is the share of a processor that all other
    programs used meanwhile.
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
        return median(sample.load.rate for sample in samples) if samples else None

    def ratios(self) -> dict[str, float]:
        """The ratios. `<peer>-<case>`: our requests/s divided by those of the peer's fastest setting.

        `-cpu`: the peer's processor time per request divided by ours, which other programs disturb least.
        `start`, `memory`: the peer's least divided by ours.
        """
        suffix = "" if self.workers == 1 else f"-w{self.workers}"
        ratios: dict[str, float] = {}
        for ours in (server for server in self.servers if server.is_ours):
            for case in self.cases:
                rate = self.rate(ours, case)
                for peer, best in self._best(case).items():
                    if rate is not None:
                        ratios[f"{peer}-{case}{_VARIANTS[ours.name]}{suffix}"] = rate / best
        for case in self.cases:
            processor = {
                name: median(s.processor for s in samples) for (name, of), samples in self.samples.items() if of == case
            }
            if "ours" in processor:
                for peer, least in self._least(processor).items():
                    ratios[f"{peer}-{case}-cpu{suffix}"] = least / processor["ours"]
        starts = {name: median(seconds) for name, seconds in self.starts.items()}
        for what, values in (("start", starts), ("memory", self.memory)):
            if "ours" in values:
                for peer, least in self._least(values).items():
                    ratios[f"{peer}-{what}{suffix}"] = least / values["ours"]
        return ratios

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
    """Markdown tables: one for each case, and one for start and memory."""
    lines: list[str] = []
    for case in results.cases:
        lines += [
            f"### {case}, {results.workers} worker{'s' * (results.workers > 1)}",
            "| server | requests/s | ours is x | p50 ms | p99 ms | CPU us/request | lost, non-2xx |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *(_row(results, server, case) for server in results.servers if (server.name, case) in results.samples),
            "",
        ]
    disturbed = (
        median(sample.others for samples in results.samples.values() for sample in samples) if results.samples else 0
    )
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
    loads = [sample.load for sample in samples]
    ours = next((results.rate(other, case) for other in results.servers if other.is_ours), None)
    rate = median(load.rate for load in loads)
    cells = [
        server.name,
        f"{rate:.0f}",
        f"{ours / rate:.2f}" if ours and rate else "",
        f"{median(load.p50 for load in loads):.2f}",
        f"{median(load.p99 for load in loads):.2f}",
        f"{median(sample.processor for sample in samples):.0f}",
        f"{sum(load.lost for load in loads)}, {sum(load.non_2xx for load in loads)}",
    ]
    return f"| {' | '.join(cells)} |"


def as_json(results: Results) -> str:
    """All results as JSON, with the figures of each round."""
    cells: list[Any] = [
        {
            "server": name,
            "case": str(case),
            "rates": [round(sample.load.rate, 1) for sample in samples],
            "p50": median(sample.load.p50 for sample in samples),
            "p99": median(sample.load.p99 for sample in samples),
            "processor": median(sample.processor for sample in samples),
            "others": [round(sample.others, 2) for sample in samples],
            "lost": sum(sample.load.lost for sample in samples),
            "non_2xx": sum(sample.load.non_2xx for sample in samples),
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
