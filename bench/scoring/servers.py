"""The servers that are compared, and how each is started for one model and a number of workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scoring import forms
from scoring.cases import APPS
from scoring.environments import ensure
from scoring.forms import Form


@dataclass(frozen=True)
class Place:
    """Where one server runs. `folder` is its own and empty; `model` is the folder with model.joblib."""

    folder: Path
    model: Path
    port: int
    spare_ports: tuple[int, int]
    workers: int


@dataclass(frozen=True)
class Command:
    """A command line, and variables in addition to this process's."""

    arguments: list[str]
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """One server in one setting. The settings of a peer share its name, and ours is compared with the fastest one."""

    name: str
    peer: str
    form: Form
    environments: tuple[str, ...]
    command: Callable[[Place], Command]

    @property
    def is_ours(self) -> bool:
        return self.peer == "ours"


def _ours(script: str) -> Callable[[Place], Command]:
    def command(place: Place) -> Command:
        python = ensure("server") / "python"
        variables = {
            "LOCALMODEL_PYTHON": str(ensure("user") / "python"),
            "AML_APP_ROOT": str(APPS / script),
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "WORKER_COUNT": str(place.workers),
            "LOCALMODEL_MODEL_NAME": "digits",
        }
        options = ["--host", "127.0.0.1", "--port", str(place.port)]
        return Command([str(python), "-I", "-m", "localmodel_server", *options], variables)

    return command


def _azureml(script: str) -> Callable[[Place], Command]:
    def command(place: Place) -> Command:
        program = ensure("azureml") / "azmlinfsrv"
        script_path = APPS / script / "score.py"
        options = ["--entry_script", str(script_path), "--port", str(place.port), "--worker_count", str(place.workers)]
        return Command([str(program), *options, "--model_dir", str(place.model)])

    return command


def _mlserver(batch: bool) -> Callable[[Place], Command]:
    def command(place: Place) -> Command:
        settings = {
            "debug": False,
            "host": "127.0.0.1",
            "http_port": place.port,
            "grpc_port": place.spare_ports[0],
            "metrics_port": place.spare_ports[1],
            # For one worker, predicting in the server itself is faster than a worker process.
            "parallel_workers": 0 if place.workers == 1 else place.workers,
        }
        model = {
            "name": "digits",
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": str(place.model / "model.joblib")},
            **({"max_batch_size": 32, "max_batch_time": 0.002} if batch else {}),
        }
        (place.folder / "settings.json").write_text(json.dumps(settings))
        (place.folder / "model-settings.json").write_text(json.dumps(model))
        return Command([str(ensure("mlserver") / "mlserver"), "start", str(place.folder)])

    return command


def _bentoml(batch: bool) -> Callable[[Place], Command]:
    def command(place: Place) -> Command:
        options = ["--host", "127.0.0.1", "--port", str(place.port), "--working-dir", str(APPS)]
        variables = {
            "BENCH_WORKERS": str(place.workers),
            "BENCH_BATCH": str(int(batch)),
            "BENTOML_HOME": str(place.folder),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        return Command([str(ensure("bentoml") / "bentoml"), "serve", "bento_service:Digits", *options], variables)

    return command


def _litserve(largest_batch: int) -> Callable[[Place], Command]:
    def command(place: Place) -> Command:
        arguments = [str(place.port), str(place.workers), str(largest_batch)]
        return Command([str(ensure("litserve") / "python"), str(APPS / "lit_server.py"), *arguments])

    return command


def _kserve(place: Place) -> Command:
    options = [f"--http_port={place.port}", f"--workers={place.workers}", "--enable_grpc=false"]
    quiet = ["--enable_latency_logging=false", "--event_loop=uvloop"]
    return Command([str(ensure("kserve") / "python"), str(APPS / "kserve_server.py"), *options, *quiet])


def _uvicorn(environment: str, app: str) -> Callable[[Place], Command]:
    def command(place: Place) -> Command:
        options = ["--host", "127.0.0.1", "--port", str(place.port), "--workers", str(place.workers)]
        more = ["--app-dir", str(APPS), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        # On a busy machine a worker needs longer to start than the default of five seconds.
        more += ["--timeout-worker-healthcheck", "60"]
        return Command([str(ensure(environment) / "uvicorn"), app, *options, *more])

    return command


SERVERS = (
    Server("ours", "ours", forms.SCORE, ("server", "user"), _ours("schema")),
    Server("ours-text", "ours", forms.SCORE, ("server", "user"), _ours("text")),
    Server("ours-binary", "ours", forms.OPEN_INFERENCE_BINARY, ("server", "user"), _ours("schema")),
    Server("control", "control", forms.SCORE, ("control",), _uvicorn("control", "control_app:app")),
    Server("azureml", "azureml", forms.SCORE, ("azureml",), _azureml("text")),
    Server("azureml-schema", "azureml", forms.SCORE, ("azureml",), _azureml("schema")),
    Server("mlserver", "mlserver", forms.OPEN_INFERENCE, ("mlserver",), _mlserver(batch=False)),
    Server("mlserver-batch", "mlserver", forms.OPEN_INFERENCE, ("mlserver",), _mlserver(batch=True)),
    Server("bentoml", "bentoml", forms.PREDICT, ("bentoml",), _bentoml(batch=False)),
    Server("bentoml-batch", "bentoml", forms.PREDICT, ("bentoml",), _bentoml(batch=True)),
    Server("litserve", "litserve", forms.PREDICT, ("litserve",), _litserve(1)),
    Server("litserve-batch", "litserve", forms.PREDICT, ("litserve",), _litserve(32)),
    Server("kserve", "kserve", forms.KSERVE, ("kserve",), _kserve),
    Server("kserve-binary", "kserve-binary", forms.OPEN_INFERENCE_BINARY, ("kserve",), _kserve),
    Server("fastapi", "fastapi", forms.SCORE, ("fastapi",), _uvicorn("fastapi", "fastapi_app:app")),
)
