"""The library's front door: deploy a script with its models, and find what is deployed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from localmodel.disk import home
from localmodel.disk.home_errors import telling
from localmodel.notebook import html
from localmodel.output.progress import Progress
from localmodel.project import arguments, definition, drafting, given
from localmodel.project.drafting import Parts
from localmodel.project.given import Packages
from localmodel.project.server_options import ServerOptions
from localmodel.resource.manifest import Manifests
from localmodel.sdk import deployment_table, offered
from localmodel.sdk.connections import Connections
from localmodel.sdk.deployment import Deployment
from localmodel.sdk.deployment_table import DeploymentList
from localmodel.sdk.offered import Script
from localmodel.sdk.progress import reporter
from localmodel.store import Environments, Models, Store
from localmodel.targets.make import make
from localmodel.targets.target import Target


@telling
class Client:
    """The deployments of one target, and the store of models and environments.

    >>> with localmodel.Client() as client:
    ...     digits = client.deploy("digits", "score.py", models="model.pkl", environment=["scikit-learn"])
    ...     digits.score({"data": [[0, 1, 2]]})

    Threads may share a client, and it works beside a running event loop, as in a notebook. The store and the
    deployments of this machine are kept in LOCALMODEL_HOME.

    Args:
        target: `process` (this machine, no container), `docker` or `kind`; None: LOCALMODEL_TARGET, else `process`.
        context: the cluster, as kubectl's configuration names it; only for kind.
        namespace: the namespace, if it is not that of the context; only for kind.

    Raises:
        UserError: TargetUnknown.
    """

    def __init__(self, target: str | None = None, *, context: str | None = None, namespace: str | None = None) -> None:
        self._target = make(target, context, namespace)
        self._connections = Connections()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(target={self._target.name!r})"

    def _repr_html_(self) -> str:
        return html.text(repr(self)) + deployment_table.every(self._target)

    @classmethod
    def _of(cls, target: Target) -> "Client":
        """For the commands, which have made their target."""
        client = cls.__new__(cls)
        client._target, client._connections = target, Connections()
        return client

    @property
    def models(self) -> Models:
        """The models in the store."""
        return Store(home.store()).models

    @property
    def environments(self) -> Environments:
        """The environments in the store."""
        return Store(home.store()).environments

    def deploy(
        self,
        name: str,
        script: Script | None = None,
        *,
        source_directory: str | Path | None = None,
        models: given.Model | Iterable[given.Model] = (),
        environment: given.Environment | None = None,
        variables: Mapping[str, str] | None = None,
        port: int | None = None,
        server: ServerOptions | None = None,
        replicas: int = 1,
        timeout: float | None = None,
        progress: bool | Progress | None = None,
    ) -> Deployment:
        """Create the deployment, or replace the one of this name, and return when it serves.

        An earlier revision keeps serving until the new one answers.

        Args:
            name: lower-case letters, digits and `-`; starts with a letter, at most 48 characters.
            script: the path of the entry script, with init() and run(). Or a model that is served without one: its
                path, its address in MLflow, a ModelVersion, its `name`, `name:version` or `name@alias` in the store, or
                the object that was trained. Or a function that answers requests: its source becomes the script. None:
                the one of `models` is served without a script.
            source_directory: the folder of the script's source; `script` is then a path in it. Without it, the source
                is the script and all modules (`*.py`) of its folder.
            models: each a ModelVersion, `name`, `name:version`, `name@alias`, or the path of a file or folder, which is
                then registered as a model and is not part of the source: under the deployment's name, or as
                `name=path` says. An address such as `name=hf://owner/model@main` is fetched with each update.
            environment: an EnvironmentVersion, `name`, `name:version`, a file (requirements.txt, conda.yml,
                Dockerfile), a list of requirements, or an EnvironmentSpec. None: for a script, Python without packages;
                for a model without one, what it needs; for an object or a function, the packages of this program that
                it needs.
            variables: environment variables for the script.
            port: the port on localhost; None: the one that it has, or else 6789 or the next free one.
            server: options of the server, such as `{"workers": 2}`.
            replicas: how many pods serve it; only for kind.
            timeout: seconds until it must serve; None: 300.
            progress: None shows each step in a notebook or on a terminal, and logs it elsewhere; True prints it; False
                logs it to the logger `localmodel`; a Progress is called.

        Raises:
            DeployError: it does not serve. The text has the script's file and line, and its traceback, if it failed.
            UserError: a named thing does not exist or is not valid (DeploymentNameInvalid, ModelNotFound ...).
        """
        arguments.check(name=name, source_directory=source_directory, environment=environment)
        arguments.check(variables=variables, server=server, timeout=timeout, progress=progress)
        definition.check_name(name)
        wanted = given.as_list(models)
        store, progress = Store(home.store()), reporter(progress)
        what = offered.read(script, source_directory, wanted, name, progress)
        packages = Packages(spec=what.environment) if what.environment else None
        if environment is not None or (packages is None and what.code):
            packages = given.environment(environment, store, progress)
        parts = Parts(
            code=what.code,
            model_place=what.model_place,
            models=wanted if what.model is None else [what.model],
            environment=packages,
            environment_file=given.environment_file(environment),
            variables=variables or {},
            port=port,
            server=server or {},
            replicas=replicas,
        )
        deployment = Deployment(name, self._target, self._connections)
        draft = drafting.draft(Manifests(definition.empty(name), {}), parts, progress)
        values: dict[str, object] = {
            "script": script,
            "models": models or None,
            "environment": environment,
            "variables": variables,
        }
        values |= {"port": port, "server": server, "replicas": replicas}
        deployment._apply(draft, timeout, progress, given.file_of(environment), values)
        return deployment

    def get(self, name: str) -> Deployment:
        """The deployment of this name, whichever program made it.

        Raises:
            UserError: DeploymentNotFound.
        """
        return Deployment(self._target.get(name).name, self._target, self._connections)

    def list(self) -> list[Deployment]:
        """Every deployment of the target, sorted by name."""
        names = sorted(deployment.name for deployment in self._target.deployments())
        return DeploymentList([Deployment(name, self._target, self._connections) for name in names], self._target)

    def close(self) -> None:
        """Close the connections. Deployments keep serving, and the client can be used again."""
        self._connections.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
