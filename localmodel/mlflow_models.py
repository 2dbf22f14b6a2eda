"""Models of an MLflow tracking server, or of a local store of MLflow's, by their addresses.

An address is `models:/name@alias`, `models:/name/3` or `runs:/id/path`. MLFLOW_TRACKING_URI, or
`mlflow.set_tracking_uri()` in this program, says where they are.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import yaml

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel_untrusted.files import UnreadableError, read_file

_ADDRESS = re.compile(r"models:/{1,3}(?P<model>[^/@]+)([/@][^/]+)?|runs:/{1,3}[^/]+/(.*/)?(?P<path>[^/]+)/?")
_REGISTERED = re.compile(r"models:/{1,3}(?P<model>[^/@]+)(@(?P<alias>[^/]+)|/(?P<version>\d+))")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 300
# In MLflow's messages: the status of an answer that is not MLflow's own, and the code before its sentences.
_STATUS = re.compile(r"failed with error code (\d{3})")
_CODE = re.compile(r"^[A-Z_]{5,}: ")
_REFUSALS = {
    "401": "the server wants to know who asks: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
    "or MLFLOW_TRACKING_TOKEN",
    "403": "the server does not let this user read the model",
}
# MLflow tries for minutes otherwise, and says nothing meanwhile.
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


def is_address(text: object) -> bool:
    """Whether it is the address of a model in MLflow, and not a path or a name."""
    return isinstance(text, str) and text.startswith(("models:/", "runs:/"))


def model_name(address: str) -> str:
    """What the store calls the model: as MLflow does, or the path's last part.

    Raises:
        UserError: MlflowRefused, if it is not an address.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UserError(
            reasons.MLFLOW_REFUSED,
            f"{address!r} is not the address of a model: write models:/NAME@ALIAS, models:/NAME/VERSION or "
            "runs:/ID/PATH",
        )
    return _NOT_IN_A_NAME.sub("-", match["model"] or match["path"])[:255].strip(".-_") or "model"


def fetch(address: str, folder: Path, progress: Progress) -> Path:
    """Download the model into the folder, and return its path there.

    Raises:
        UserError: MlflowMissing, MlflowRefused.
    """
    name = model_name(address)
    try:
        mlflow, artifacts = import_module("mlflow"), import_module("mlflow.artifacts")
        refused: type[Exception] = import_module("mlflow.exceptions").MlflowException
    except ImportError:
        raise UserError(
            reasons.MLFLOW_MISSING, f"{address}: MLflow's client is missing; pip install 'localmodel[mlflow]'"
        ) from None
    with progress.step("download") as done, _few_retries():
        try:
            target = folder / name
            downloaded = Path(artifacts.download_artifacts(artifact_uri=address, dst_path=str(target)))
        except (refused, OSError, ImportError) as error:
            where = _public(mlflow.get_tracking_uri())
            raise UserError(
                reasons.MLFLOW_REFUSED,
                f"{address}: {_why(error)} (asked at {where}; MLFLOW_TRACKING_URI names another place)",
            ) from None
        done(_version(downloaded) or address)
    return downloaded


def version_of(address: str) -> str:
    """What a registered model's address names now, for comparison; "" where it is another address, or is not known."""
    match = _REGISTERED.fullmatch(address)
    if match is None:
        return ""
    with _few_retries(), contextlib.suppress(Exception):  # fetch() has a sentence for it
        client = import_module("mlflow").MlflowClient()
        if match["alias"]:
            version = client.get_model_version_by_alias(match["model"], match["alias"])
        else:
            version = client.get_model_version(match["model"], match["version"])
        return f"{version.name}/{version.version} of {version.creation_timestamp}"
    return ""


@contextlib.contextmanager
def _few_retries() -> Iterator[None]:
    if _RETRIES in os.environ:
        yield
        return
    os.environ[_RETRIES] = "1"
    try:
        yield
    finally:
        os.environ.pop(_RETRIES, None)


def _why(error: Exception) -> str:
    """What MLflow's client could not do, in one sentence."""
    text = str(error).strip()
    if "unsupported URI" in text:
        return "a database as the store needs all of MLflow: pip install mlflow"
    if status := _STATUS.search(text):
        return _REFUSALS.get(status[1], f"what answers there is not MLflow, or it is in trouble (status {status[1]})")
    if "failed with exception" in text:
        return "no MLflow server answers"
    line = _CODE.sub("", _public((text.splitlines() or [type(error).__name__])[0])).rstrip(".")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _public(text: str) -> str:
    """The text without names and passwords in addresses."""
    return re.sub(r"://[^/@\s]+@", "://", text)


def _version(folder: Path) -> str:
    """Which version an alias names, as MLflow has written it beside the model; "" where it has not."""
    try:
        meta = yaml.safe_load(read_file(folder / "registered_model_meta") or b"")
        return f"version {meta['model_version']} of {meta['model_name']}"
    except (UnreadableError, yaml.YAMLError, TypeError, KeyError):
        return ""
