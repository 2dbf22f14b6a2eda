"""This project's way: kubectl apply -k."""

import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from localmodel.disk import home
from updating.project import PYTHON, Wanted, script, write_model
from updating.site import SAMPLE, Site, run

NAME = "bench-ours"

_LMD = Path(sys.executable).with_name("lmd")
_MODEL = "bench-update"
_FIRST_WITHIN = 900  # seconds: the first deployment may have to install the environment
# of layers to a node, and of a bundle to a pod
_SENT = re.compile(r"(?:sending|sent) [^\n]*?\b(\d+) bytes")
_SERVE = "localmodel.dev/serve-revision"


class Ours:
    """Implements `Loop`."""

    name = "ours"
    selector = f"localmodel.dev/deployment={NAME}"

    def __init__(self, site: Site, folder: Path, port: int) -> None:
        self._site, self._folder, self.port = site, folder, port
        self._log = home.home() / f"operator-{site.cluster}" / "operator.log"
        if not self._log.exists():
            raise SystemExit(
                f"there is no {self._log}: lmd operator up --context {site.context} starts it beside the cluster"
            )
        self._logged = 0
        self._manifest: Any = {}
        self._number = 0

    def start(self, wanted: Wanted) -> None:
        self._folder.mkdir()
        for file in ("kustomization.yaml", "kustomizeconfig.yaml"):
            shutil.copy(SAMPLE / file, self._folder)
        self._manifest = yaml.safe_load((SAMPLE / "deployment.yaml").read_text())
        self._manifest["metadata"]["name"] = NAME
        self._manifest["spec"]["service"]["localPort"] = self.port
        self._manifest["spec"]["environment"]["python"] = PYTHON
        self._base = list(self._manifest["spec"]["environment"]["requirements"])
        write_model(self._new_model, wanted)
        self._save(wanted, model=True)
        self._apply()
        self._wait(_FIRST_WITHIN)

    def scale(self, replicas: int) -> None:
        self._manifest["spec"]["replicas"] = replicas
        self._write()
        self._apply()
        self._wait()
        self._site.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=300s")

    def prepare(self, before: Wanted, wanted: Wanted) -> None:
        self._number = int(self._resource()["status"]["revisions"]["serving"])
        if wanted.model != before.model:
            write_model(self._new_model, wanted)

    def update(self, before: Wanted, wanted: Wanted) -> None:
        self._logged = self._log.stat().st_size
        self._save(wanted, model=wanted.model != before.model)
        self._apply()

    def roll_back(self, wanted: Wanted) -> None:
        self._logged = self._log.stat().st_size
        self._site.kubectl("annotate", f"lmd/{NAME}", "--overwrite", f"{_SERVE}={self._number} {time.time()}")

    def is_durable(self, api: httpx.Client) -> bool:
        path = f"/apis/localmodel.dev/v1alpha1/namespaces/{self._site.namespace}/localmodeldeployments/{NAME}"
        resource = api.get(path).json()
        return _is_true(resource, "Ready") and _is_true(resource, "Durable")

    def sent(self) -> int:
        """The bytes in the operator's log: layers to nodes, and bundles to pods."""
        with self._log.open() as log:
            log.seek(self._logged)
            return sum(int(match[1]) for match in _SENT.finditer(log.read())) // len(self._site.nodes)

    @property
    def _new_model(self) -> Path:
        return self._folder / "model"

    def _save(self, wanted: Wanted, model: bool) -> None:
        spec = self._manifest["spec"]
        (self._folder / "score.py").write_text(script(wanted))
        if model:
            registered = run(str(_LMD), "model", "register", str(self._new_model), "--name", _MODEL)
            version = int(registered.partition(",")[0].rpartition(":")[2])
            spec["models"] = [{"name": _MODEL, "version": version}]
        spec["env"] = [{"name": "EDIT", "value": str(wanted.variable)}]
        spec["environment"]["requirements"] = [*self._base, *wanted.requirements]
        self._write()

    def _write(self) -> None:
        (self._folder / "deployment.yaml").write_text(yaml.safe_dump(self._manifest))

    def _apply(self) -> None:
        self._site.kubectl("apply", "-k", str(self._folder))

    def _wait(self, within: int = 300) -> None:
        for condition in ("Ready", "Durable"):
            self._site.kubectl("wait", f"--for=condition={condition}", f"lmd/{NAME}", f"--timeout={within}s")

    def _resource(self) -> Any:
        return self._site.get(f"lmd/{NAME}")


def _is_true(resource: Any, kind: str) -> bool:
    generation = resource["metadata"]["generation"]
    return any(
        condition["type"] == kind
        and condition["status"] == "True"
        and condition.get("observedGeneration") == generation
        for condition in resource.get("status", {}).get("conditions", [])
    )
