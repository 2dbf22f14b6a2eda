"""An edit by way of this project: `kubectl apply -k`, until Ready and the new answer."""

import re
import shutil
import sys
from pathlib import Path

import yaml
from kind_site import MODEL, SAMPLE, Round, Site, run, timed, wait_for_answer

from localmodel import home

NAME = "bench-update"

_LMD = Path(sys.executable).with_name("lmd")
_FIRST_WITHIN = 900  # seconds: the first deployment may have to install the environment
_SENT = re.compile(r"sending \d+ of \d+ layers, (\d+) bytes")


class Ours:
    """The sample under another name, served on `port`."""

    def __init__(self, site: Site, folder: Path, port: int) -> None:
        self.site, self.folder, self.port = site, folder, port
        self.log = home.home() / f"operator-{site.cluster}" / "operator.log"
        if not self.log.exists():
            raise SystemExit(f"there is no {self.log}: make kind-up starts the operator beside the cluster")

    def start(self) -> None:
        """Deploy it for the first time."""
        shutil.copytree(SAMPLE, self.folder, ignore=shutil.ignore_patterns("*.pkl"))
        registered = run(str(_LMD), "model", "register", str(MODEL), "--name", "sklearn_mnist")
        version = int(registered.partition(",")[0].rpartition(":")[2])
        manifest = yaml.safe_load((SAMPLE / "deployment.yaml").read_text())
        manifest["metadata"]["name"] = NAME
        manifest["spec"]["service"]["localPort"] = self.port
        manifest["spec"]["models"] = [{"name": "sklearn_mnist", "version": version}]
        (self.folder / "deployment.yaml").write_text(yaml.safe_dump(manifest))
        self._apply(self.site.write_score(self.folder), _FIRST_WITHIN)

    def edit(self) -> Round:
        """One edit; the operator's log says what was sent."""
        edit = self.site.write_score(self.folder)
        logged = self.log.stat().st_size
        seconds = timed(lambda: self._apply(edit))
        with self.log.open() as log:
            log.seek(logged)
            sent = sum(int(found[1]) for found in _SENT.finditer(log.read()))
        if not sent:
            raise SystemExit(f"{self.log} tells of nothing sent: does another operator serve the cluster?")
        return Round(seconds, sent)

    def _apply(self, edit: int, within: int = 300) -> None:
        self.site.kubectl("apply", "-k", str(self.folder))
        self.site.kubectl("wait", "--for=condition=Ready", f"lmd/{NAME}", f"--timeout={within}s")
        wait_for_answer(self.port, edit)
