"""Python packages in conda's YAML, which are installed with pip's tools (docs/azure-compatibility.md)."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from localmodel.azure.exceptions import UserErrorException, refuse
from localmodel.resource.spec import EnvironmentSpec
from localmodel_untrusted.files import UnreadableError, decoded, read_file

_INDEX = "Write the index into packages.toml beside the store: every install on this machine then uses it."


class CondaDependencies:
    """The file's content: Python, channels, conda packages and pip packages.

    Raises:
        UserErrorException: the file is missing or is not a conda environment file.
    """

    def __init__(self, conda_dependencies_file_path: str | Path | None = None) -> None:
        self._channels: list[str] = ["conda-forge"]
        self._conda: list[str] = [f"python={EnvironmentSpec().python}"]
        self._pip: list[str] = []
        if conda_dependencies_file_path is not None:
            self._read(Path(conda_dependencies_file_path))

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Iterable[str] | None = None,
        conda_packages: Iterable[str] | None = None,
        python_version: str = EnvironmentSpec().python,
        pin_sdk_version: bool = True,
    ) -> "CondaDependencies":
        """Dependencies made of these packages. `pin_sdk_version` may be anything: no SDK is added."""
        refuse("CondaDependencies.create", pip_indexurl=(pip_indexurl, _INDEX))
        made = CondaDependencies()
        made.set_python_version(python_version)
        for package in _listed("conda_packages", conda_packages):
            made.add_conda_package(package)
        for package in _listed("pip_packages", pip_packages):
            made.add_pip_package(package)
        return made

    @property
    def conda_channels(self) -> Iterator[str]:
        return iter(self._channels)

    @property
    def conda_packages(self) -> Iterator[str]:
        return iter(self._conda)

    @property
    def pip_packages(self) -> Iterator[str]:
        return iter(self._pip)

    def get_python_version(self) -> str | None:
        """The wanted Python as it was written, or None."""
        for package in self._conda:
            if _name(package) == "python":
                return package.partition("=")[2].lstrip("=") or None
        return None

    def set_python_version(self, version: str) -> None:
        self._conda = [f"python={version}", *_without(self._conda, "python")]

    def add_channel(self, channel: str) -> None:
        if channel not in self._channels:
            self._channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        self._channels = [known for known in self._channels if known != channel]

    def add_conda_package(self, conda_package: str) -> None:
        """Add the package, in place of another version."""
        self._conda = [*_without(self._conda, _name(conda_package)), conda_package]

    def remove_conda_package(self, conda_package: str) -> None:
        self._conda = _without(self._conda, _name(conda_package))

    def add_pip_package(self, pip_package: str) -> None:
        """Add the package, in place of another version.

        Raises:
            UserErrorException: it is an option and not a package.
        """
        if pip_package.lstrip().startswith("-"):
            raise UserErrorException(f"add_pip_package: {pip_package!r} is an option of pip, not a package. {_INDEX}")
        self._pip = [*_without(self._pip, _name(pip_package)), pip_package]

    def remove_pip_package(self, pip_package: str) -> None:
        self._pip = _without(self._pip, _name(pip_package))

    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Replace all pip packages by these."""
        self._pip = []
        for package in _listed("pip_requirements", pip_requirements):
            self.add_pip_package(package)

    def set_pip_index_url(self, index_url: str) -> None:
        """Refuse the call, with the place where an index belongs. Raises `UserErrorException`."""
        refuse("CondaDependencies.set_pip_index_url", index_url=(index_url, _INDEX))

    def set_pip_option(self, pip_option: str) -> None:
        """Refuse the call, with the place where an index belongs. Raises `UserErrorException`."""
        refuse("CondaDependencies.set_pip_option", pip_option=(pip_option, _INDEX))

    def as_dict(self) -> dict[str, Any]:
        """The file's content as plain values."""
        dependencies: list[Any] = [*self._conda]
        if self._pip:
            dependencies.append({"pip": [*self._pip]})
        return {"channels": [*self._channels], "dependencies": dependencies}

    def serialize_to_string(self) -> str:
        """The file's text."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False)

    def save(self, path: str | Path | None = None) -> str:
        """Write the file, by default conda_dependencies.yml here; returns its path."""
        file = Path(path or "conda_dependencies.yml")
        file.write_text(self.serialize_to_string())
        return str(file)

    def save_to_file(self, base_directory: str | Path, conda_file_path: str | None = None) -> str:
        """Write the file below a folder; returns its path inside it."""
        name = conda_file_path or "conda_dependencies.yml"
        self.save(Path(base_directory, name))
        return name

    def _read(self, path: Path) -> None:
        content = _parsed(path)
        unknown = sorted(set(content) - {"name", "channels", "dependencies", "prefix", "variables"})
        if unknown:
            raise UserErrorException(f"{path}: {', '.join(unknown)}: not a key of a conda environment file")
        self._channels = list(content.get("channels") or [])
        self._conda = []
        for entry in content.get("dependencies") or []:
            if isinstance(entry, str):
                self._conda.append(entry)
            elif isinstance(entry, dict) and set(entry) == {"pip"}:
                self.set_pip_requirements(entry["pip"] or [])
            else:
                raise UserErrorException(f"{path}: dependencies: {entry!r} is neither a package nor a list under pip")


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = read_file(path)
        if text is None:
            raise UnreadableError("No such file or directory")
        content = yaml.safe_load(decoded(text))
    except UnreadableError as error:
        raise UserErrorException(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserErrorException(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserErrorException(f"{path}: not a conda environment file: it has no keys such as dependencies")
    return content


def _listed(argument: str, packages: Iterable[str] | None) -> list[str]:
    # A string is a sequence of strings, and each letter would become a package.
    if isinstance(packages, str):
        raise UserErrorException(f"{argument} is one string; give a list: [{packages!r}]")
    return list(packages or [])


def _name(package: str) -> str:
    match = re.search(r"[A-Za-z0-9][A-Za-z0-9._-]*", package.rpartition("::")[2])
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else package


def _without(packages: list[str], name: str) -> list[str]:
    return [package for package in packages if _name(package) != name]
