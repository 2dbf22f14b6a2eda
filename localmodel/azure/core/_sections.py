"""The parts of an Environment with settable attributes; those without meaning here are refused."""

from pathlib import Path

from localmodel.azure.core.conda_dependencies import CondaDependencies
from localmodel.azure.exceptions import UserErrorException
from localmodel_untrusted.files import UnreadableError, decoded, read_file

_INSTEAD = {
    "interpreter_path": "the Python is the environment's own; name its version with conda_dependencies",
    "conda_dependencies_file": "read the file: Environment.from_conda_specification",
    "base_image_registry": "log in with your engine's own command (docker login)",
    "build_context": "use base_dockerfile; a Dockerfile here has no context",
    "arguments": "limits belong to the deployment",
    "shm_size": "limits belong to the deployment",
    "platform": "images are built for this machine",
    "gpu_support": "the engine decides",
    "shared_volumes": "a deployment mounts nothing",
}


class _Section:
    _known: tuple[str, ...] = ()

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self._known:
            advice = _INSTEAD.get(name, f"choose from {', '.join(self._known)}")
            raise UserErrorException(f"Environment: {name} has no effect here; {advice}")
        super().__setattr__(name, value)


class PythonSection(_Section):
    """Packages; with `user_managed_dependencies` those that the image has, and no others."""

    _known = ("conda_dependencies", "user_managed_dependencies")

    def __init__(self) -> None:
        self.conda_dependencies = CondaDependencies()
        self.user_managed_dependencies = False


class DockerSection(_Section):
    """The image below the packages. `enabled` is what build_local() does when it is not told."""

    _known = ("base_image", "base_dockerfile", "enabled")

    def __init__(self) -> None:
        self.base_image: str | None = None
        self.base_dockerfile: str | None = None
        self.enabled = False

    def dockerfile_text(self) -> str | None:
        """The Dockerfile's text, read from the file if a path was given.

        Raises:
            UserErrorException: it is neither.
        """
        given = self.base_dockerfile
        if given is None or "\n" in given.strip() or given.lstrip().upper().startswith("FROM "):
            return given
        if not Path(given).is_file():
            raise UserErrorException(
                f"Environment.docker.base_dockerfile: {given}: no such file, and no Dockerfile's text"
            )
        try:
            return decoded(read_file(given) or b"")
        except UnreadableError as error:
            raise UserErrorException(f"Environment.docker.base_dockerfile: {given}: {error}") from None
