"""Environments, which become versions in the store when they are registered."""

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from localmodel.azure.core._build import ImageBuildDetails, build_local
from localmodel.azure.core._sections import DockerSection, PythonSection
from localmodel.azure.core.conda_dependencies import CondaDependencies
from localmodel.azure.core.workspace import Workspace
from localmodel.azure.exceptions import UserErrorException, refuse, translated
from localmodel.environments import folder
from localmodel.environments.formats import conda, requirements_txt, server_packages
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion

_REGISTRY = "Log in with your engine's own command (docker login); the image is then pulled with that."


class Environment:
    """Python packages, image and variables.

    `version` is None until the environment comes from the store. Attributes: `python.conda_dependencies`,
    `python.user_managed_dependencies`, `docker.base_image`, `docker.base_dockerfile` (a text, or a file's path),
    `environment_variables`.
    """

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", name):
            raise UserErrorException(
                f"Environment: {name!r} is not a valid name: use letters, digits, '.', '_' and '-'"
            )
        self.name = name
        self.version: str | None = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.environment_variables: dict[str, str] = {}

    @staticmethod
    def from_conda_specification(name: str, file_path: str | Path) -> "Environment":
        """An environment with the packages of a conda file."""
        made = Environment(name)
        with translated(UserErrorException):
            # parsed completely here, so that errors have the file's lines
            made.environment_variables = dict(conda.define(Path(file_path)).variables)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_pip_requirements(name: str, file_path: str | Path, pip_version: str | None = None) -> "Environment":
        """An environment with the packages of a requirements.txt."""
        refuse("Environment.from_pip_requirements", pip_version=(pip_version, "Leave it out: pip is not used."))
        with translated(UserErrorException):
            spec = requirements_txt.read(Path(file_path))
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies.create(
            pip_packages=spec.requirements, python_version=spec.python
        )
        return made

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str | Path,
        conda_specification: str | Path | None = None,
        pip_requirements: str | Path | None = None,
    ) -> "Environment":
        """An environment on an image that is built from a Dockerfile (its path or its text)."""
        made = _on_image("Environment.from_dockerfile", name, conda_specification, pip_requirements)
        made.docker.base_dockerfile = str(dockerfile)
        made._spec()
        return made

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: object = None,
        conda_specification: str | Path | None = None,
        pip_requirements: str | Path | None = None,
    ) -> "Environment":
        """An environment on an image; without requirements it has the image's packages."""
        refuse("Environment.from_docker_image", container_registry=(container_registry, _REGISTRY))
        made = _on_image("Environment.from_docker_image", name, conda_specification, pip_requirements)
        made.docker.base_image = image
        return made

    @staticmethod
    def get(
        workspace: Workspace, name: str, version: str | int | None = None, label: str | None = None
    ) -> "Environment":
        """A registered environment, by default its latest version.

        Raises:
            UserErrorException: there is none of this name or version.
        """
        if label is not None and label.lower() != "latest":
            raise UserErrorException(f"Environment.get: unknown label {label!r}; the only one is 'latest'")
        with translated(UserErrorException):
            stored = workspace.store.environments.get(name, _number(version))
        return _from_version(stored)

    @staticmethod
    def list(workspace: Workspace) -> dict[str, "Environment"]:
        """The latest version of each environment, by name."""
        with translated(UserErrorException):
            registered = workspace.store.environments.list(latest=True)
        return {version.name: _from_version(version) for version in registered}

    def register(self, workspace: Workspace) -> "Environment":
        """Register it as the next version, or as the latest if that is the same."""
        with translated(UserErrorException):
            return _from_version(
                workspace.store.environments.register(self.name, self._spec(), self.environment_variables)
            )

    def clone(self, new_name: str) -> "Environment":
        """A copy under another name, not registered yet."""
        made = copy.deepcopy(self)
        made.name = Environment(new_name).name
        made.version = None
        return made

    def build(self, workspace: Workspace, image_build_compute: str | None = None) -> ImageBuildDetails:
        """Build the image on this machine, and return when it is done."""
        refuse("Environment.build", image_build_compute=(image_build_compute, "Leave it out: it is built here."))
        return ImageBuildDetails(self.build_local(workspace, useDocker=True))

    def build_local(
        self,
        workspace: Workspace,
        platform: str | None = None,
        *,
        useDocker: bool | None = None,
        pushImageToWorkspaceAcr: bool | None = None,
    ) -> str:
        """Build it on this machine, as a virtual environment or, with `useDocker`, an image.

        Returns the path of its Python, or the image's name. By default it is an image if `docker.enabled`.

        Raises:
            UserErrorException: it does not resolve or install, or there is no container engine for an image.
        """
        refuse(
            "Environment.build_local",
            platform=(platform, "Leave it out: it is built for this machine."),
            pushImageToWorkspaceAcr=(pushImageToWorkspaceAcr, "Leave it out: no registry is used."),
        )
        with translated(UserErrorException):
            return build_local(self._spec(), self.docker.enabled if useDocker is None else useDocker)

    def save_to_directory(self, path: str | Path, overwrite: bool = False) -> None:
        """Write conda_dependencies.yml, azureml_environment.json and what the image needs into a folder."""
        with translated(UserErrorException):
            folder.save(self._as_version(), Path(path), overwrite)

    @staticmethod
    def load_from_directory(path: str | Path) -> "Environment":
        """The environment that `save_to_directory()` wrote, not registered."""
        with translated(UserErrorException):
            definition = folder.load(Path(path))
        return _made(definition.name, definition.spec, definition.variables)

    def _as_version(self) -> EnvironmentVersion:
        return EnvironmentVersion(
            name=self.name,
            version=int(self.version or 0),
            digest="",
            spec=self._spec(),
            variables=dict(self.environment_variables),
            created="",
        )

    def _spec(self) -> EnvironmentSpec:
        """The environment as the library's spec."""
        image, dockerfile = self.docker.base_image, self.docker.dockerfile_text()
        if image and dockerfile:
            raise UserErrorException(
                "Environment.docker: one of base_image and base_dockerfile, and None for the other"
            )
        with translated(UserErrorException):
            text = self.python.conda_dependencies.serialize_to_string()
            spec = server_packages.left_out(conda.define(text)).spec
        if self.python.user_managed_dependencies:
            if not (image or dockerfile):
                raise UserErrorException(
                    "Environment.python.user_managed_dependencies: packages of one's own need docker.base_image or "
                    "docker.base_dockerfile; to use this machine's Python, list its packages instead"
                )
            spec = replace(spec, requirements=())
        return replace(spec, base_image=image, dockerfile=dockerfile)

    def __repr__(self) -> str:
        return f"Environment(name={self.name!r}, version={self.version!r})"


def _on_image(call: str, name: str, conda_file: str | Path | None, pip_file: str | Path | None) -> Environment:
    if conda_file and pip_file:
        raise UserErrorException(f"{call}: one of conda_specification and pip_requirements, not both")
    if conda_file:
        return Environment.from_conda_specification(name, conda_file)
    if pip_file:
        return Environment.from_pip_requirements(name, pip_file)
    made = Environment(name)
    made.python.user_managed_dependencies = True
    return made


def _number(version: str | int | None) -> int | None:
    if version is None:
        return None
    if not str(version).isdecimal():
        raise UserErrorException(f"Environment.get: versions are numbers here, not {version!r}")
    return int(version)


def _from_version(version: EnvironmentVersion) -> Environment:
    made = _made(version.name, version.spec, version.variables)
    made.version = str(version.version)
    return made


def _made(name: str, spec: EnvironmentSpec, variables: Mapping[str, str]) -> Environment:
    made = Environment(name)
    made.python.conda_dependencies = CondaDependencies.create(
        pip_packages=spec.requirements, python_version=spec.python
    )
    made.python.user_managed_dependencies = spec.is_own_base and not spec.requirements
    made.docker.base_image = spec.base_image
    made.docker.base_dockerfile = spec.dockerfile
    made.environment_variables = dict(variables)
    return made
