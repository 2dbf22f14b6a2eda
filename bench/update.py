#!/usr/bin/env python3
"""How long an edit takes on kind until it is answered, from every pod, and for good; what it sends; what is lost.

Ways: `ours` is `kubectl apply -k`. `naive` is docker build, kind load, kubectl set image, kubectl rollout status.
`registry` is the same with a local registry in the place of kind load, set up as kind's documentation has it. `sync`
copies files into the container of every pod and restarts the server there, as Skaffold and Tilt do.

All run equal pods in the same cluster in the same run: same environment image, server, model, probes; the rounds take
turns, under 50 requests a second, of which half come over new connections. `hundred` is 100 consecutive edits of ours
alone. Times are from the save on.

Needs a cluster with the operator beside it (make kind-up) and the model of sklearn-mnist's train.py. Takes a port of
localhost for each way, from --port on, and a namespace of its own; removes what it made.
"""

import argparse
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from updating import report
from updating.cases import CASES, HUNDRED, Case
from updating.hundred import consecutive
from updating.loop import Loop
from updating.measure import Figures, measure
from updating.others.context import Context
from updating.others.environment_image import config_of, load
from updating.others.naive import Naive
from updating.others.registry import LocalRegistry, Registry
from updating.others.sync import Sync
from updating.others.wheels import fetch
from updating.ours import NAME, Ours
from updating.project import MODEL, Wanted
from updating.site import ROOT, Site, run

WAYS = ("ours", "naive", "registry", "sync")
_BASE = "localmodel-bench/base:{namespace}"


def main() -> None:
    arguments = _parse_arguments()
    os.environ["PATH"] = run(str(ROOT / "hack" / "kind-env"), "printenv", "PATH").strip()
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL}: lmd run {MODEL.with_name('train.py')} makes it")
    site = Site(arguments.context)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.callback(site.kubectl, "delete", "namespace", site.namespace, "--ignore-not-found", "--timeout=120s")
        site.kubectl("create", "namespace", site.namespace)
        ways = list(_started(arguments.ways, site, Path(folder), arguments.port, stack))
        bench = Bench(site, ways)
        for replicas in arguments.replicas:
            bench.scale(replicas)
            for case in (case for case in CASES if case.name in arguments.case):
                bench.run(case, min(arguments.case[case.name] or arguments.rounds, case.rounds))
            if HUNDRED in arguments.case:
                bench.hundred(arguments.case[HUNDRED] or 100)


def _started(names: list[str], site: Site, folder: Path, port: int, stack: ExitStack) -> Iterator[Loop]:
    """The deployed ways; the others are copied from ours."""
    ours = Ours(site, folder / "ours", port)
    ours.start(Wanted())
    if "ours" in names:
        yield ours
    if names == ["ours"]:
        return
    base = _BASE.format(namespace=site.namespace)
    load(site, NAME, base)
    stack.callback(run, "docker", "image", "rm", "--force", base)
    config = config_of(site.get(f"lmd/{NAME}")["status"]["image"])
    wheels = fetch(folder / "wheels")
    for number, name in enumerate((name for name in WAYS[1:] if name in names), 1):
        context = Context(folder / name, base, config, wheels)
        way = _other(name, site, context, port + number, folder, stack)
        stack.callback(way.remove)
        way.start(Wanted())
        print(f"{name} serves", flush=True)
        yield way


def _other(name: str, site: Site, context: Context, port: int, folder: Path, stack: ExitStack) -> Naive:
    if name == "registry":
        registry = LocalRegistry(site, folder / "registry-program")
        stack.callback(registry.remove)
        return Registry(site, context, NAME, port, registry)
    return (Sync if name == "sync" else Naive)(site, context, NAME, port)


class Bench:
    """The ways, and the state that each has served last."""

    def __init__(self, site: Site, ways: list[Loop]) -> None:
        self._site, self._ways, self._replicas = site, ways, 1
        self._wanted = Wanted()
        self._numbers = itertools.count(2)

    def scale(self, replicas: int) -> None:
        self._replicas = replicas
        for way in self._ways:
            way.scale(replicas)

    def run(self, case: Case, rounds: int) -> None:
        """Measure each way in turn, for so many rounds, and print the results."""
        results: dict[str, list[Figures]] = {way.name: [] for way in self._ways}
        for number in range(1, rounds + 1):
            before, self._wanted = self._wanted, case.edit(self._wanted, next(self._numbers))
            for way in self._ways:
                results[way.name].append(self._round(way, case, before))
                print(f"{case.name} {number}, {way.name}: {results[way.name][-1]}", flush=True)
            if case.is_rollback:
                self._wanted = before
        print("\n".join(report.table(f"{case.name}, {self._place()}", results)), flush=True)
        print(*report.ratios(case.name + self._suffix(), results), sep="\n", flush=True)

    def hundred(self, updates: int) -> None:
        ours = next((way for way in self._ways if isinstance(way, Ours)), None)
        if ours is None:
            sys.exit("hundred: of ours only")
        self._wanted, line, kept = consecutive(self._site, ours, self._replicas, self._wanted, updates, self._numbers)
        print(f"{updates} consecutive code edits, {self._place()}: {line}", flush=True)
        print(f"ratio hundred-answered{self._suffix()} {kept:.6f}", flush=True)

    def _round(self, way: Loop, case: Case, before: Wanted) -> Figures:
        wanted = self._wanted
        way.prepare(before, wanted)
        if not case.is_rollback:
            return measure(self._site, way, self._replicas, wanted.answer, lambda: way.update(before, wanted))
        measure(self._site, way, self._replicas, wanted.answer, lambda: way.update(before, wanted))
        return measure(self._site, way, self._replicas, before.answer, lambda: way.roll_back(before))

    def _place(self) -> str:
        nodes = len(self._site.nodes)
        return f"{self._replicas} replica{'s' * (self._replicas > 1)}, {nodes} node{'s' * (nodes > 1)}"

    def _suffix(self) -> str:
        return f"-{self._replicas}-replicas" if self._replicas > 1 else ""


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = (*(case.name for case in CASES), HUNDRED)
    parser.add_argument("--context", default="kind-localmodel", help="context of the kubeconfig (default: %(default)s)")
    parser.add_argument("--port", type=int, default=6790, help="first of the ports (default: %(default)s)")
    parser.add_argument(
        "--case",
        type=_cases,
        default=dict.fromkeys(names[:-1], 0),
        help=f"of {','.join(names)} (default: but the last), each with rounds of its own if wanted, as in code-edit:5",
    )
    parser.add_argument("--ways", type=_list, default=WAYS, help=f"of {','.join(WAYS)} (default: all)")
    parser.add_argument("--replicas", type=_numbers, default=[1], help="one after the other, as in 1,3 (default: 1)")
    parser.add_argument("--rounds", type=int, default=3, help="edits of each case (default: %(default)s)")
    arguments = parser.parse_args()
    for option, given, known in (("--case", arguments.case, names), ("--ways", arguments.ways, WAYS)):
        if unknown := {*given} - {*known}:
            parser.error(f"{option}: {', '.join(sorted(unknown))} is none of {', '.join(known)}")
    return arguments


def _cases(text: str) -> dict[str, int]:
    """The rounds by case, or 0 if the number is left open."""
    return {name: int(rounds or 0) for name, _, rounds in (part.partition(":") for part in text.split(","))}


def _list(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
