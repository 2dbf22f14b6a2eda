"""The build context of a deployment's image, as a folder that needs neither this project nor a package index."""

import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from localmodel import reasons, run_coroutine
from localmodel.azure.exceptions import UserErrorException, translated
from localmodel.disk import executable, files, home
from localmodel.environments import here
from localmodel.environments.layers import environment, packages, server
from localmodel.environments.layers.packages import Kind
from localmodel.environments.locks import lock
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.project.folder import source
from localmodel.resource.spec import EnvironmentSpec
from localmodel.sdk.progress import reporter
from localmodel.store import ModelVersion, Store
from localmodel.updates import image, revision

if TYPE_CHECKING:
    from localmodel.azure.core.workspace import Workspace

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_PORT = 5001


@dataclass(frozen=True)
class _Content:
    spec: EnvironmentSpec
    variables: Mapping[str, str]
    models: tuple[ModelVersion, ...]
    entry: str
    files: Mapping[str, bytes]


class ModelPackage:
    """A Dockerfile with its context, and a Kubernetes Deployment and Service of the image.

    `location` is the folder that it was saved into, or None.
    """

    def __init__(self, workspace: "Workspace", arguments: Mapping[str, Any], reference: str) -> None:
        self.workspace = workspace
        self.location: str | None = None
        self._reference = reference
        with translated():
            self._content = _look_up(workspace.store, arguments)

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Do nothing, because the package is made when it is saved."""

    def get_logs(self, decode: bool = True, offset: int = 0) -> str:
        """A sentence that the log is that of `docker build`, because nothing was built here."""
        return ""

    def save(self, output_directory: str | Path) -> None:
        """Write the Dockerfile, its context and kubernetes.yaml, for this machine's architecture.

        Raises:
            WebserviceException: the folder exists already, or the environment's requirements do not resolve.
        """
        place = Path(output_directory)
        with translated():
            if place.exists() and (not place.is_dir() or any(place.iterdir())):
                raise UserError(reasons.FILE_EXISTS, f"{place} is there already; name another folder")
            layers = _write_layers(place, self._content.spec)
            _write_code(place, self._content)
            for model in self._content.models:
                target = place / "models" / model.inside
                target.mkdir(parents=True)
                self.workspace.store.models.download(model.name, model.version, target)
        (place / "Dockerfile").write_text(_dockerfile(layers, self._content))
        (place / "kubernetes.yaml").write_text(yaml.safe_dump_all(_kubernetes(self._reference), sort_keys=False))
        self.location = str(place)
        print(f"docker build -t {self._reference} {place}")


def _look_up(store: Store, arguments: Mapping[str, Any]) -> _Content:
    if "script" not in arguments:
        raise UserErrorException("Model.package: give inference_config, which names the entry script")
    spec, variables = EnvironmentSpec(), {}
    if "environment" in arguments:
        version = store.environments.find(arguments["environment"])
        spec, variables = version.spec, dict(version.variables)
    if spec.dockerfile is not None:
        raise UserErrorException(
            "Model.package cannot build on an environment from a Dockerfile: build and push its image, and name that "
            "with Environment.from_docker_image"
        )
    place, entry = source.locate(arguments["script"], arguments.get("source_directory"))
    models = tuple(store.models.find(reference) for reference in arguments["models"])
    code = source.read(place, entry)
    for note in code.notes:
        reporter(False).note(note)
    return _Content(spec, variables, models, entry, code.files)


def _write_layers(place: Path, spec: EnvironmentSpec) -> list[str]:
    """Write the environment's layers into the folder; return their paths in it, lowest first."""
    architecture = _ARCHITECTURES[platform.machine().lower()]
    note = reporter(False).note
    locked = here.lock(spec, lock.PLATFORMS[architecture])
    (place / "layers").mkdir(parents=True, exist_ok=True)
    names = []
    root = home.store() / "images"
    with files.together(root / "lock"):
        layout = Layout(root)
        made = environment.without_links(locked, Kind(spec.python, architecture), layout, note)
        for number, blob in enumerate(run_coroutine.run(made)):
            names.append(f"layers/{number:03}.tar")
            shutil.copyfile(layout.path(blob.digest), place / names[-1])
    return names


def _write_code(place: Path, content: _Content) -> None:
    for name, text in content.files.items():
        executable.write(place / "code" / name, text)
    (place / "models").mkdir()


def _dockerfile(layers: list[str], content: _Content) -> str:
    """The environment's layers on its base image, linked to the base image's Python, and code and models on top."""
    spec = content.spec
    started = image.container(
        [environment.VARIABLE, *(f"{key}={value}" for key, value in content.variables.items())],
        content.entry,
        content.models,
    )
    sees = "--system-site-packages " if spec.is_own_base else ""
    lines = [
        f"ARG BASE={spec.base}",
        "FROM ${BASE}",
        f"ARG PYTHON={spec.python}",
        "USER 0",
        "RUN python3 -c \"import sys; '%d.%d' % sys.version_info[:2] == '${PYTHON}' or "
        "sys.exit('the base image has another Python than ${PYTHON}')\"",
        f"ADD {' '.join(layers)} /",
        f"RUN python3 -m venv --without-pip {sees}{packages.PLACE} && python3 -m venv --without-pip {server.PLACE}",
    ]
    if spec.is_own_base:  # where its python3 is a virtual environment itself, the line above has seen past it
        site = f"{packages.PLACE}/lib/python{spec.python}/site-packages"
        code = "import sys, sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))"
        lines.append(f'RUN mkdir -p {site} && python3 -c "{code}" > {site}/base_image.pth')
    lines += [
        f"COPY models {revision.APP_ROOT}/{revision.MODELS_FOLDER}",
        f"COPY code {revision.APP_ROOT}",
        *(_env(*entry.split("=", 1)) for entry in started["Env"]),
        f"WORKDIR {started['WorkingDir']}",
        f"USER {started['User']}",
        f"EXPOSE {_PORT}",
        f"ENTRYPOINT {json.dumps(started['Entrypoint'])}",
    ]
    return "\n".join(lines) + "\n"


def _env(name: str, value: str) -> str:
    return f"ENV {name}={json.dumps(value, ensure_ascii=False)}".replace("$", "\\$")


def _kubernetes(reference: str) -> list[dict[str, Any]]:
    name = reference.rpartition("/")[2].partition(":")[0]
    labels = {"app": name}
    container = {
        "name": "scoring",
        "image": reference,
        "ports": [{"name": "http", "containerPort": _PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/livez", "port": "http"}, "periodSeconds": 10},
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": labels},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
        },
    ]
