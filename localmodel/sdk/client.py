"""The library's front door: deploy a script with its models, and find what is deployed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from localmodel.disk import home
from localmodel.disk.home_errors import telling
from localmodel.progress import Progress
from localmodel.sdk import definition, given, source
from localmodel.sdk.connections import Connections
from localmodel.sdk.deployment import Deployment
from localmodel.sdk.progress import reporter
from localmodel.sdk.server_options import ServerOptions
from localmodel.store import Environments, Models, Store
from localmodel.targets.make import make
from localmodel.targets.target import Target


@telling
class Client:
    """Deployments of one target, and the store of models and environments.

    >>> with localmodel.Client() as client:
    ...     digits = client.deploy("digits", "score.py", models="model.pkl", environment=["scikit-learn"])
    ...     digits.score({"data": [[0, 1, 2]]})

    `target` is `process` (this machine, no container), `docker` or `kind`; None: LOCALMODEL_TARGET, else `process`.
    `context` and `namespace` are those of kubectl, for kind. Store and deployments lie below LOCALMODEL_HOME. A
    client may be shared by threads, and used where an event loop runs, as in a notebook. It keeps connections, which
    close() ends; deployments live on.

    Raises:
        UserError: TargetUnknown.
    """

    def __init__(self, target: str | None = None, *, context: str | None = None, namespace: str | None = None) -> None:
        self._target = make(target, context, namespace)
        self._connections = Connections()

    @classmethod
    def _of(cls, target: Target) -> "Client":
        """For the commands, which have made their target."""
        client = cls.__new__(cls)
        client._target, client._connections = target, Connections()
        return client

    @property
    def models(self) -> Models:
        """The store's models: register, get, list, download ..."""
        return Store(home.store()).models

    @property
    def environments(self) -> Environments:
        """The store's environments: register, get, list ..."""
        return Store(home.store()).environments

    def deploy(
        self,
        name: str,
        script: str | Path,
        *,
        source_directory: str | Path | None = None,
        models: given.Model | Iterable[given.Model] = (),
        environment: given.Environment | None = None,
        variables: Mapping[str, str] | None = None,
        port: int = definition.DEFAULT_PORT,
        server: ServerOptions | None = None,
        replicas: int = 1,
        timeout: float | None = None,
        progress: bool | Progress = False,
    ) -> Deployment:
        """Create the deployment `name`, or make it what is asked for, and return when it serves.

        What served under the name before goes on serving until the new one answers.

        Args:
            script: the entry script, with init() and run().
            source_directory: the folder that is its source, which the script's path is then in; without, the source
                is the script with all modules (`*.py`) of its own folder.
            models: any number of ModelVersion, `name`, `name:version`, `name@alias`, or paths of files or folders,
                which are registered, and are no part of the code then.
            environment: a version, `name`, `name:version`, a file (requirements.txt, conda.yml, Dockerfile), a list
                of requirements, or an EnvironmentSpec; None is Python without packages.
            variables: set for the script, by name.
            port: where it answers on this machine; a process takes the next free one if it is held.
            server: settings of the server, such as {"workers": 2}; see ServerOptions.
            timeout: seconds until it has to serve; None: 300.
            progress: True prints what is going on; False leaves it to the log of `localmodel`.

        Raises:
            DeployError: it does not serve; file and line of the script, and its traceback, if that is why.
            UserError: something does not exist or cannot be (DeploymentNameInvalid, ModelNotFound, SourceTooLarge ...).
        """
        definition.check_name(name)
        store, progress = Store(home.store()), reporter(progress)
        place, entry = source.locate(script, source_directory)
        wanted = given.each(models)
        model_sources = given.paths(wanted)
        code = source.read(place, entry, model_sources.values())
        for note in code.notes:
            progress.note(note)
        chosen = given.models(wanted, store)
        packages = given.environment(environment, name, store, progress)
        manifest = definition.changed(
            definition.empty(name),
            code=store.code.register(name, code.files, entry),
            models=chosen,
            environment=packages,
            variables=variables or {},
            port=port,
            server=server or {},
            replicas=replicas,
            source=place,
            model_sources=model_sources,
            environment_source=given.environment_file(environment),
        )
        deployment = Deployment(name, self._target, self._connections)
        deployment._apply(manifest, timeout, progress, given.file_of(environment))
        return deployment

    def get(self, name: str) -> Deployment:
        """The deployment of this name, whoever made it.

        Raises:
            UserError: DeploymentNotFound.
        """
        return Deployment(self._target.get(name).name, self._target, self._connections)

    def list(self) -> list[Deployment]:
        """Every deployment of the target, by name."""
        found = sorted(one.name for one in self._target.deployments())
        return [Deployment(name, self._target, self._connections) for name in found]

    def close(self) -> None:
        """Close the connections. Deployments live on, and the client may be used again."""
        self._connections.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
