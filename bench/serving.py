#!/usr/bin/env python3
"""How many requests our scoring server answers, beside other Python model servers, with the same model and payload.

Each server is first asked whether it answers what the model itself does. Then wrk keeps one after the other busy, in
rounds that start with another server each; the medians count. A load is tried again, up to twice, while other
programs take part of the processors. Only ratios mean something on a shared machine.

Needs wrk (apt-get install wrk), and the package index the first time: each server gets an environment of its own in
the user's cache folder. A case is <model><rows>-c<connections>, as in lr32-c8; `start` is the time to the first answer.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from scoring import wrk
from scoring.cases import CASES, HEADLINE, Case, Pictures, read_case, train
from scoring.check import WrongAnswer, check
from scoring.environments import ensure
from scoring.process import Running, StartError, free_ports, machine_seconds, stopping
from scoring.report import Results, Sample, as_json, as_table
from scoring.servers import SERVERS, Place, Server

_DISTURBED = 0.4  # of a processor, by other programs
_TRIES = 3


def main() -> None:
    arguments = _parse_arguments()
    wrk.require()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and the servers with it
    servers = _servers(arguments.servers)
    names = [name for name in arguments.cases if name != "start"]
    cases = tuple(read_case(name) for name in (CASES if names == ["all"] else names))
    results = Results(servers, cases, arguments.workers)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(results, folder, train(ensure("user") / "python", folder), arguments.seconds)
        if "start" in arguments.cases:
            bench.measure_starts(arguments.rounds)
        for model in dict.fromkeys(case.model for case in cases):
            bench.measure_model(model, arguments.rounds)
    print(as_json(results) if arguments.output == "json" else as_table(results))
    if arguments.output == "table":
        for ratio, number in results.ratios().items():
            print(f"ratio {ratio} {number:.2f}")
    if results.failures:
        sys.exit("\n".join(results.failures.values()))


class Bench:
    """One run: its results, a folder for files, the pictures to ask for, and seconds for each load."""

    def __init__(self, results: Results, folder: Path, pictures: Pictures, seconds: int) -> None:
        self.results, self.folder, self.pictures, self.seconds = results, folder, pictures, seconds

    def measure_starts(self, rounds: int) -> None:
        """Start and stop each server in turn, with the linear model."""
        for _ in range(rounds):
            for server in self.results.servers:
                running: list[Running] = []
                with stopping(running):
                    self._start(server, "lr", running)

    def measure_model(self, model: str, rounds: int) -> None:
        """Start all servers with one model, check their answers, then load one after the other."""
        running: list[Running] = []
        with stopping(running):
            for server in self.results.servers:
                if server.name not in self.results.failures:
                    self._start(server, model, running)
            good = [candidate for candidate in running if self._is_right(candidate, model)]
            cases = [case for case in self.results.cases if case.model == model]
            for number in range(rounds):
                for case in cases:
                    for candidate in good[number % len(good) :] + good[: number % len(good)]:
                        if number == 0:
                            self._load(candidate, case, 1)
                        self.results.samples[candidate.server.name, case].append(
                            self._load_undisturbed(candidate, case)
                        )
            for candidate in good:
                self.results.memory.setdefault(candidate.server.name, candidate.memory())

    def _start(self, server: Server, model: str, running: list[Running]) -> None:
        """Start it, and add it to `running`; a failure is noted."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        port, *spare = free_ports(3)
        place = Place(folder, self.folder / model, port, (spare[0], spare[1]), self.results.workers)
        started = Running(server, place)
        running.append(started)
        try:
            started.wait_until_answers(server.form.write(self.pictures.rows[:1]))
        except StartError as error:
            self._fail(started, str(error))
        else:
            self.results.starts[server.name].append(started.ready_seconds)
            _tell(f"{server.name} with {model} answers after {started.ready_seconds:.1f} s")

    def _is_right(self, server: Running, model: str) -> bool:
        if server.server.name in self.results.failures:
            return False
        try:
            check(server, self.pictures, model)
        except WrongAnswer as error:
            self._fail(server, str(error))
            return False
        return True

    def _fail(self, server: Running, text: str) -> None:
        self.results.failures[server.server.name] = text
        server.stop()  # or it would take time from the others, trying
        _tell(text)

    def _load_undisturbed(self, server: Running, case: Case) -> Sample:
        """Try again while other programs take part of the processors; the least disturbed try counts."""
        tries: list[Sample] = []
        while len(tries) < _TRIES and all(sample.others > _DISTURBED for sample in tries):
            tries.append(self._load(server, case, self.seconds))
        return min(tries, key=lambda sample: sample.others)

    def _load(self, server: Running, case: Case, seconds: int) -> Sample:
        machine, own = machine_seconds(), server.processor_seconds()
        request = server.server.form.write(self.pictures.rows[: case.rows])
        seen = wrk.load(server.port, server.server.form.path, request, self.folder / "body", case.connections, seconds)
        used = server.processor_seconds() - own
        others = (machine_seconds() - machine - used - seen.processor_seconds) / seen.seconds
        figures = f"{seen.rate:.0f}/s, p50 {seen.p50:.2f} ms, p99 {seen.p99:.2f} ms; others {others:.2f}"
        _tell(f"{server.server.name} {case}: {figures}")
        return Sample(seen, used / max(seen.requests, 1) * 1e6, others)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--servers", type=_names, help=f"of {','.join(server.name for server in SERVERS)} (default: all)"
    )
    cases = ("start", *HEADLINE)
    parser.add_argument("--cases", type=_names, default=cases, help=f"or all (default: {','.join(cases)})")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=3, help="of each load (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="of each server (default: %(default)s)")
    parser.add_argument("--output", choices=("table", "json"), default="table", help="(default: %(default)s)")
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _servers(names: tuple[str, ...] | None) -> tuple[Server, ...]:
    known = {server.name: server for server in SERVERS}
    unknown = set(names or ()) - set(known)
    if unknown:
        raise SystemExit(f"there is no server {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return tuple(known[name] for name in names) if names else SERVERS


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
