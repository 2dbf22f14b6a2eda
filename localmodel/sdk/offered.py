"""What a program gives as the script: a path, a model that needs none, or a function to make one of."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol

from localmodel import mlflow_models, no_code, reasons
from localmodel.disk import home
from localmodel.errors import UserError
from localmodel.output.paths import absolute
from localmodel.output.progress import Progress
from localmodel.project import arguments, drafting, given
from localmodel.project.drafting import Code
from localmodel.project.given import Model, own_python
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import ModelVersion, Store

if TYPE_CHECKING:
    from localmodel.sdk.function_script import FunctionScript


class Estimator(Protocol):
    """A fitted object that predicts, such as one of scikit-learn."""

    @property
    def predict(self) -> Callable[..., Any]:
        """What takes rows and returns a prediction for each."""


# A path, a name or an address, a version of the store, a function, or an object that predicts
Script = str | Path | ModelVersion | Callable[..., Any] | Estimator


@dataclass(frozen=True)
class Offered:
    """The code, or else the model that is served without one.

    `model_place`: the path or the address that the model was read from. `environment`: what objects of this program
    need, unless something else is named.
    """

    code: Code | None = None
    model: Model | None = None
    model_place: Path | None = None
    environment: EnvironmentSpec | None = None


def read(script: Any, folder: str | Path | None, models: Sequence[Model], name: str, progress: Progress) -> Offered:
    """What Client.deploy() is given. `models` that are paths are not code; without a script, one of them is served.

    Raises:
        UserError: ArgumentInvalid; as drafting.code(), estimator.save() and function_script.of().
    """
    from localmodel.sdk import estimator, function_script  # few need them

    if script is None and len(models) == 1:
        (model,) = models
        paths = [*given.paths([model], name).values(), *([Path(str(model))] if mlflow_models.is_address(model) else [])]
        return Offered(model=model, model_place=next(iter(paths), None))
    if isinstance(script, str | Path):
        return (None if folder else _model(script)) or Offered(
            drafting.code(script, folder, given.paths(models, name), progress)
        )
    if models and not isinstance(script, FunctionType):
        raise UserError(reasons.ARGUMENT_INVALID, "models: a model is served without a script only by itself")
    if isinstance(script, ModelVersion):
        return Offered(model=script)
    if estimator.is_estimator(script):
        place = Path(tempfile.mkdtemp(prefix="localmodel-"))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        path = estimator.save(script, place)
        return Offered(model=path, environment=estimator.environment(path, name, own_python()))
    if callable(script) and not isinstance(script, type):
        return _function(function_script.of(script))
    raise arguments.wrong(
        "script", "a path of an entry script or of a model, a model, a function, or just one of models", script
    )


def _model(script: str | Path) -> Offered | None:
    """The model, if the text names one, and no script."""
    if mlflow_models.is_address(script):
        return Offered(model=script, model_place=Path(script))
    path = Path(script).expanduser()
    if path.exists():
        return Offered(model=path, model_place=absolute(path)) if no_code.is_model(path) else None
    if isinstance(script, Path) or path.suffix == ".py" or path.name != str(script):
        return None
    try:
        return Offered(model=Store(home.store()).models.find(script))
    except UserError:
        return None


def _function(made: "FunctionScript") -> Offered:
    from localmodel.sdk import function_script, installed

    code = Code(None, {function_script.ENTRY: made.text.encode()}, function_script.ENTRY)
    needed = installed.requirements(made.modules, "the function")
    return Offered(code, environment=EnvironmentSpec(own_python(), needed))
