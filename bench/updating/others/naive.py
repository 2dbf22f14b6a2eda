"""The usual way: docker build, kind load docker-image, kubectl set image, kubectl rollout status."""

import subprocess
from dataclasses import replace

import httpx

from updating.others.context import Context
from updating.others.workload import Workload
from updating.project import Wanted
from updating.site import Site, run


class Naive:
    """Implements `Loop`. `ours` is the deployment whose pods are copied."""

    name = "naive"

    def __init__(self, site: Site, context: Context, ours: str, port: int) -> None:
        self._site, self._context, self._ours = site, context, ours
        self._workload = Workload(site, f"bench-{self.name}", port)
        self._built: list[str] = []
        self._last = ""  # what was built for the last update, if anything
        self.port, self.selector = port, self._workload.selector

    def start(self, wanted: Wanted) -> None:
        self._context.write(wanted)
        self._workload.apply(self._ours, self._build_and_load(), wanted.variable)

    def scale(self, replicas: int) -> None:
        self._workload.scale(replicas)

    def prepare(self, before: Wanted, wanted: Wanted) -> None:
        self._context.prepare(before, wanted)

    def update(self, before: Wanted, wanted: Wanted) -> None:
        self._last = ""
        if self._context.save(before, wanted):
            self._last = self._build_and_load()
            self._workload.set_image(self._last)
        else:
            self._workload.set_variable(wanted.variable)
        self._workload.wait()

    def roll_back(self, wanted: Wanted) -> None:
        self._last = ""
        self._workload.undo()
        self._workload.wait()
        self._context.save(replace(wanted, code=0), wanted)  # what the next image is built from

    def is_durable(self, api: httpx.Client) -> bool | None:
        return True

    def sent(self) -> int:
        """The bytes that `kind load` sent, measured with `docker save`."""
        return _saved_size(self._last) if self._last else 0

    def remove(self) -> None:
        """Remove the built images from the engine and the nodes."""
        for image in self._built:
            run("docker", "image", "rm", "--force", image)
            for node in self._site.nodes:
                subprocess.run(["docker", "exec", node, "crictl", "rmi", image], capture_output=True, check=False)

    def _build_and_load(self) -> str:
        image = f"localmodel-bench/{self.name}:{self._site.namespace}-{len(self._built)}"
        self._context.build(image)
        self._built.append(image)
        run("kind", "load", "docker-image", image, "--name", self._site.cluster)
        return image


def _saved_size(image: str) -> int:
    size = 0
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as process:
        while process.stdout and (chunk := process.stdout.read(1 << 20)):
            size += len(chunk)
    return size
