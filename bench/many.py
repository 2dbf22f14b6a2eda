#!/usr/bin/env python3
"""What very many resources at rest cost an operator, and how long an edit takes among them.

They are suspended, or have no replicas, as many as `--scaled-to-zero` says.
An operator of its own, with a home of its own, serves one deployment, first alone and then among the others. An
edit's seconds are from the patch until the status says that the new revision answers; the best of `--edits` counts.

usage: bench/many.py --context kind-localmodel [--count 1000] [--scaled-to-zero 0] [--rest 330] [--edits 5]
Needs a cluster in which no other operator runs. Makes a namespace, and removes it in the end.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from updating.site import ROOT, Site, run

LMD = Path(sys.executable).with_name("lmd")
OURS = "/apis/localmodel.dev/v1alpha1"
SERVING = "serving"
_QUIET = 3.0  # seconds in a row of next to no processor time: what a start does has been done
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", required=True)
    parser.add_argument("--count", type=int, default=1000, help="resources at rest")
    parser.add_argument("--scaled-to-zero", type=int, default=0, help="how many of them have no replicas")
    parser.add_argument("--rest", type=float, default=330.0, help="seconds for which it is watched at rest")
    parser.add_argument("--edits", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["PATH"] = run(str(ROOT / "hack" / "kind-env"), "printenv", "PATH").strip()
    site = Site(arguments.context)
    with tempfile.TemporaryDirectory() as folder, site.api() as api:
        site.kubectl("create", "namespace", site.namespace)
        try:
            measure(site, api, Path(folder), arguments)
        finally:
            site.kubectl("delete", "namespace", site.namespace, "--timeout=600s")


def measure(site: Site, api: httpx.Client, home: Path, arguments: argparse.Namespace) -> None:
    bench = Bench(site, api, home)
    with bench.operator() as process:
        site.kubectl("apply", "-f", "-", text=yaml.safe_dump(serving("0")))
        site.kubectl("wait", "--for=condition=Durable", f"lmd/{SERVING}", "--timeout=600s")
        report("edit alone", bench.edits(arguments.edits), "s")
        site.kubectl("wait", "--for=condition=Durable", f"lmd/{SERVING}", "--timeout=600s")
    report("cpu of a start, alone", bench.start(), "s")
    with bench.operator() as process:
        settle(process)
        before = cpu(process)
        at_zero, suspended = arguments.scaled_to_zero, arguments.count - arguments.scaled_to_zero
        kinds: list[dict[str, Any]] = [*[{"replicas": 0}] * at_zero, *[{"suspend": True}] * suspended]
        resting = [manifest(f"resting-{number:04}", **fields) for number, fields in enumerate(kinds)]
        site.kubectl("create", "-f", "-", text=yaml.safe_dump_all(resting))
        bench.wait_for_all()
        settle(process)
        report(f"cpu for {arguments.count} new ones", cpu(process) - before, "s")
    report("cpu of a start, among them", bench.start(), "s")
    with bench.operator() as process:
        report("edit while it starts", bench.edit("at-start"), "s")
        report("edit among them", bench.edits(arguments.edits), "s")
        site.kubectl("wait", "--for=condition=Durable", f"lmd/{SERVING}", "--timeout=600s")
        settle(process)
        used, versions = cpu(process), bench.versions()
        time.sleep(arguments.rest)
        report("cpu at rest", (cpu(process) - used) / arguments.rest * 100, "%")
        report("memory at rest", memory(process), "MiB")
        report("written at rest", len(bench.versions() ^ versions), "objects")


def manifest(name: str, **fields: Any) -> dict[str, Any]:
    script = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"
    return {
        "apiVersion": "localmodel.dev/v1alpha1",
        "kind": "LocalModelDeployment",
        "metadata": {"name": name},
        "spec": {
            "scoring": {"entryScript": "score.py", "source": {"inline": {"score.py": script}}},
            "service": {"expose": "None"},
            **fields,
        },
    }


def serving(edition: str) -> dict[str, Any]:
    return manifest(SERVING, env=[{"name": "EDITION", "value": edition}])


class Bench:
    def __init__(self, site: Site, api: httpx.Client, home: Path) -> None:
        self._site, self._api, self._home = site, api, home
        self._all = f"{OURS}/namespaces/{site.namespace}/localmodeldeployments"

    @contextmanager
    def operator(self) -> Iterator[int]:
        """An operator, from when it holds the lease until the end; its process id."""
        log = self._home / "operator.log"
        command = [LMD, "operator", "run", "--context", self._site.context, "--store", self._home / "store"]
        environment = {**os.environ, "LOCALMODEL_HOME": str(self._home)}
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            while "holds the lease" not in log.read_text():
                if process.poll() is not None:
                    sys.exit(f"the operator ended: {log.read_text()[-2000:]}")
                time.sleep(0.02)
            yield process.pid
        finally:
            process.terminate()
            process.wait(60)

    def start(self) -> float:
        """Seconds of processor time from a start until there is nothing left to do."""
        with self.operator() as process:
            settle(process)
            return cpu(process)

    def edits(self, count: int) -> float:
        """Seconds of the quickest of some edits, each made when the one before lasts."""
        seconds = []
        for number in range(count):
            self._site.kubectl("wait", "--for=condition=Durable", f"lmd/{SERVING}", "--timeout=600s")
            seconds.append(self.edit(f"{time.time_ns()}-{number}"))
        return min(seconds)

    def edit(self, edition: str) -> float:
        began = time.perf_counter()
        body = {"spec": {"env": [{"name": "EDITION", "value": edition}]}}
        edited = self._api.patch(
            f"{self._all}/{SERVING}", json=body, headers={"Content-Type": "application/merge-patch+json"}
        ).json()
        while not is_ready(self._api.get(f"{self._all}/{SERVING}").json(), edited["metadata"]["generation"]):
            time.sleep(0.02)
        return time.perf_counter() - began

    def wait_for_all(self) -> None:
        """Wait until nothing is under way for any resource."""
        while any(is_under_way(resource) for resource in self._api.get(self._all).json()["items"]):
            time.sleep(0.5)

    def versions(self) -> set[tuple[str, str]]:
        listed = self._site.get("lmd,deployments,services,configmaps,controllerrevisions,events")["items"]
        return {(item["metadata"]["uid"], item["metadata"]["resourceVersion"]) for item in listed}


def is_under_way(resource: Any) -> bool:
    conditions = resource.get("status", {}).get("conditions", [])
    return not conditions or "Reconciling" in {condition["type"] for condition in conditions}


def is_ready(resource: Any, generation: int) -> bool:
    conditions = resource.get("status", {}).get("conditions", [])
    return ("Ready", "True", generation) in {
        (condition["type"], condition["status"], condition["observedGeneration"]) for condition in conditions
    }


def settle(process: int) -> None:
    """Wait until a process does next to nothing any more."""
    quiet = 0.0
    while quiet < _QUIET:
        before = cpu(process)
        time.sleep(0.5)
        quiet = quiet + 0.5 if cpu(process) - before <= 0.03 else 0.0


def cpu(process: int) -> float:
    """Seconds of processor time of a process and its ended children."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def memory(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def report(what: str, figure: float, unit: str) -> None:
    print(f"{what:28} {figure:8.2f} {unit}", flush=True)


if __name__ == "__main__":
    main()
