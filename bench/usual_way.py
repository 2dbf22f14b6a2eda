"""The same edit by the usual way: docker build, kind load docker-image, kubectl set image, kubectl rollout status."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import environment_image
import ours
from kind_site import MODEL, Round, Site, run, timed, wait_for_answer

from localmodel import home

_NAME = "bench-update-usual"
_REPOSITORY = "localmodel-bench/update"
_BASE = "base"


class UsualWay:
    """A copy of our own pods, whose image `docker build` makes, served on `port`."""

    def __init__(self, site: Site, folder: Path, port: int) -> None:
        self.site, self.folder, self.port = site, folder, port

    def start(self) -> None:
        """Deploy it for the first time; ours must be there to be copied."""
        self.folder.mkdir()
        environment_image.load(self.site, self._image(_BASE))
        shutil.copy(MODEL, self.folder)
        (self.folder / "Dockerfile").write_text(self._dockerfile())
        edit = self.site.write_score(self.folder)
        image = self._build_and_load(edit)
        for child in (self._deployment(image), self._service()):
            self.site.kubectl("apply", "-f", "-", text=json.dumps(child))
        self._wait(edit)

    def edit(self) -> Round:
        """One edit; `docker save` is asked for what `kind load` sent."""
        edit = self.site.write_score(self.folder)
        seconds = timed(lambda: self._update(edit))
        return Round(seconds, _saved_size(self._image(edit)) * len(self.site.nodes))

    def remove_images(self) -> None:
        """Remove what was built, from the engine and the nodes."""
        listed = run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", _REPOSITORY).split()
        for image in listed:
            if image.startswith(self._image("")):
                run("docker", "image", "rm", "--force", image)
                for node in self.site.nodes:
                    subprocess.run(["docker", "exec", node, "crictl", "rmi", image], capture_output=True)

    def _image(self, edit: object) -> str:
        return f"{_REPOSITORY}:{self.site.namespace}-{edit}"

    def _update(self, edit: int) -> None:
        image = self._build_and_load(edit)
        self.site.kubectl("set", "image", f"deployment/{_NAME}", f"scoring={image}")
        self._wait(edit)

    def _build_and_load(self, edit: int) -> str:
        image = self._image(edit)
        run("docker", "build", "--quiet", "--tag", image, str(self.folder))
        run("kind", "load", "docker-image", image, "--name", self.site.cluster)
        return image

    def _wait(self, edit: int) -> None:
        self.site.kubectl("rollout", "status", f"deployment/{_NAME}", "--timeout=300s")
        wait_for_answer(self.port, edit)

    def _dockerfile(self) -> str:
        """FROM our own environment image, so that server and packages are the same bytes; code last, to be cached."""
        config = self._running_config()
        variables = [pair for pair in config["Env"] if pair.startswith(("AML_", "AZUREML_"))]
        model = next(pair.partition("=")[2] for pair in variables if pair.startswith("AZUREML_MODEL_DIR="))
        return "\n".join(
            [
                f"FROM {self._image(_BASE)}",
                *(f"ENV {pair}" for pair in variables),
                f"WORKDIR {config['WorkingDir']}",
                f"USER {config['User']}",
                f"ENTRYPOINT {json.dumps(config['Entrypoint'])}",
                f"COPY {MODEL.name} {model}/",
                f"COPY score.py {config['WorkingDir']}/",
            ]
        )

    def _running_config(self) -> Any:
        """Configuration of the image that ours runs, from the store."""

        def blob(digest: str) -> Any:
            return json.loads((home.store() / "images" / "blobs" / digest.replace(":", "/")).read_bytes())

        reference = self.site.get(f"lmd/{ours.NAME}")["status"]["image"]
        return blob(blob(reference.partition("@")[2])["config"]["digest"])["config"]

    def _deployment(self, image: str) -> Any:
        spec = self.site.get(f"deployment/{ours.NAME}")["spec"]
        pod = spec["template"]["spec"]
        pod["containers"][0]["image"] = image
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": _NAME},
            "spec": {
                "replicas": spec["replicas"],
                "strategy": spec["strategy"],
                "selector": {"matchLabels": {"app": _NAME}},
                "template": {"metadata": {"labels": {"app": _NAME}}, "spec": pod},
            },
        }

    def _service(self) -> Any:
        (port,) = self.site.get(f"service/{ours.NAME}")["spec"]["ports"]
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": _NAME},
            "spec": {
                "type": "NodePort",
                "selector": {"app": _NAME},
                "ports": [{**port, "nodePort": self._node_port()}],
            },
        }

    def _node_port(self) -> int:
        """The node port that kind maps to our localhost port."""
        for node in self.site.nodes:
            mapped = json.loads(run("docker", "inspect", node, "--format", "{{json .NetworkSettings.Ports}}"))
            for name, bindings in mapped.items():
                if any(binding["HostPort"] == str(self.port) for binding in bindings or []):
                    return int(name.partition("/")[0])
        raise SystemExit(f"cluster {self.site.cluster} maps no node port to {self.port}; choose others with --port")


def _saved_size(image: str) -> int:
    """Bytes of `docker save`."""
    size = 0
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as process:
        while process.stdout and (chunk := process.stdout.read(1 << 20)):
            size += len(chunk)
    return size
