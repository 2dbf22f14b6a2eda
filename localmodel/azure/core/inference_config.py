"""The script of a deployment, and its environment."""

from pathlib import Path

from localmodel import entry_script as scripts
from localmodel.azure.core.environment import Environment
from localmodel.azure.exceptions import UserErrorException, refuse, translated

_ENVIRONMENT = "Give environment=: Environment.from_conda_specification(name, file), or from_docker_image(name, image)."


class InferenceConfig:
    """The entry script, the folder that goes with it, and the environment.

    Without `source_directory` the script is deployed with the modules beside it; with it the whole folder is, and
    `entry_script` is looked for in it.

    Raises:
        UserErrorException: the script is missing, has a name that cannot be imported, does not parse, or has no
            init() and run(); the message names file and line.
    """

    def __init__(
        self,
        entry_script: str | Path,
        runtime: str | None = None,
        conda_file: str | None = None,
        extra_docker_file_steps: str | None = None,
        source_directory: str | Path | None = None,
        enable_gpu: bool | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: object = None,
        cuda_version: str | None = None,
        environment: Environment | None = None,
    ) -> None:
        refuse(
            "InferenceConfig",
            runtime=(None if runtime == "python" else runtime, "Leave it out: scripts are Python."),
            conda_file=(conda_file, _ENVIRONMENT),
            extra_docker_file_steps=(extra_docker_file_steps, "Use Environment.from_dockerfile."),
            enable_gpu=(enable_gpu, "The engine decides what a container sees."),
            base_image=(base_image, _ENVIRONMENT),
            base_image_registry=(base_image_registry, _ENVIRONMENT),
            cuda_version=(cuda_version, "Take an image that has it: Environment.from_docker_image."),
        )
        self.entry_script = str(entry_script)
        self.source_directory = None if source_directory is None else str(source_directory)
        self.description = description
        self.environment = environment
        self.validate_configuration()

    @property
    def script(self) -> Path:
        """The script's file."""
        return Path(self.source_directory or ".", self.entry_script)

    @property
    def folder(self) -> str | None:
        """The source folder's absolute path."""
        return None if self.source_directory is None else str(Path(self.source_directory).absolute())

    def validate_configuration(self) -> None:
        """Check the files again.

        Raises:
            UserErrorException: they are not valid any more.
        """
        if self.environment is not None and not isinstance(self.environment, Environment):
            raise UserErrorException(
                f"InferenceConfig: environment is a {type(self.environment).__name__}; "
                "give an Environment, such as Environment.get(workspace, name)"
            )
        if self.source_directory is not None and not Path(self.source_directory).is_dir():
            raise UserErrorException(f"InferenceConfig: source_directory {self.source_directory}: no such folder")
        path = self.script
        if not path.is_file():
            where = f" in {self.source_directory}" if self.source_directory else f" in {Path.cwd()}"
            raise UserErrorException(f"InferenceConfig: entry_script {self.entry_script}: no such file{where}")
        if path.suffix != ".py" or not path.stem.isidentifier():
            raise UserErrorException(
                f"InferenceConfig: entry_script {self.entry_script}: the file is imported, so its name ends in .py "
                "and is otherwise letters, digits and '_', not beginning with a digit"
            )
        with translated(UserErrorException):
            scripts.check({self.entry_script: path.read_bytes()}, self.entry_script)
