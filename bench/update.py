#!/usr/bin/env python3
"""How long an edit of score.py takes until it answers on kind, and how much it sends to the nodes.

Ours: `kubectl apply -k`, until Ready and the new answer. The usual way: `docker build`, `kind load docker-image`,
`kubectl set image`, `kubectl rollout status`, until the new answer. Both run equal pods in the same cluster in the
same run: same environment image, same server, same model, same probes; the rounds take turns.

Needs a cluster with the operator beside it (make kind-up) and the sample's model (make demo trains it). Takes two
localhost ports, PORT and PORT + 1, and a namespace of its own; removes what it made.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from kind_site import MODEL, ROOT, Round, Site, run
from ours import Ours
from usual_way import UsualWay


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", default="kind-localmodel", help="context of the kubeconfig (default: %(default)s)")
    parser.add_argument("--port", type=int, default=6790, help="first of the two ports (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="edits of each (default: %(default)s)")
    arguments = parser.parse_args()

    os.environ["PATH"] = run(str(ROOT / "hack" / "kind-env"), "printenv", "PATH").strip()
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL}: make demo trains it")
    site = Site(arguments.context)
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(site, Path(folder) / "ours", arguments.port)
        usual = UsualWay(site, Path(folder) / "usual", arguments.port + 1)
        try:
            site.kubectl("create", "namespace", site.namespace)
            ours.start()
            usual.start()
            report(*measure(ours, usual, arguments.rounds))
        finally:
            site.kubectl("delete", "namespace", site.namespace, "--ignore-not-found", "--timeout=120s")
            usual.remove_images()


def measure(ours: Ours, usual: UsualWay, rounds: int) -> tuple[list[Round], list[Round]]:
    """Our rounds, and those of the usual way."""
    done: tuple[list[Round], list[Round]] = ([], [])
    for number in range(1, rounds + 1):
        done[0].append(ours.edit())
        done[1].append(usual.edit())
        print(f"round {number}: ours {done[0][-1]}; the usual way {done[1][-1]}", flush=True)
    return done


def report(ours: list[Round], usual: list[Round]) -> None:
    """The medians, and the ratios for programs."""
    one, other = median_of(ours), median_of(usual)
    print(f"median: ours {one}; the usual way {other}")
    print(f"ratio code-edit-durable {other.seconds / one.seconds:.2f}")
    print(f"ratio code-edit-bytes {other.sent / one.sent:.0f}")


def median_of(rounds: list[Round]) -> Round:
    return Round(median(one.seconds for one in rounds), int(median(one.sent for one in rounds)))


if __name__ == "__main__":
    main()
