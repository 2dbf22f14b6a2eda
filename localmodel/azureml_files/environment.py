"""Reads the environment of an Azure ML file from its conda file, Dockerfile or image's name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from localmodel.azureml_files.draft import At, EnvironmentDraft
from localmodel.azureml_files.fields import refusal
from localmodel.azureml_files.references import located
from localmodel.environments.formats import conda, dockerfile, server_packages
from localmodel.environments.formats.definition import Definition
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec
from localmodel_untrusted.files import UnreadableError, decoded, read_file

_AZURES_IMAGES = "mcr.microsoft.com/azureml/"
_PYTHON_IN_A_NAME = re.compile(r"(?:py|python)[:-]?3[.]?(\d+)")


@dataclass(frozen=True)
class ReadEnvironment:
    """An environment that is not a reference, with its variables and notes."""

    spec: EnvironmentSpec
    variables: Mapping[str, str]
    notes: tuple[str, ...]


def find(draft: EnvironmentDraft, folder: Path, code: Mapping[str, bytes]) -> ReadEnvironment:
    """Read the files that the draft names, in the folder.

    Raises:
        UserError: EnvironmentInvalid, AzureFieldRefused; with the place in the file.
    """
    packages = _packages(draft, folder)
    requirements, dropped = server_packages.split(packages.spec.requirements)
    spec, notes = _based(draft, folder, replace(packages.spec, requirements=requirements))
    notes = [*packages.notes, *notes]
    if dropped:
        notes.append(_about_the_server(dropped, code))
    return ReadEnvironment(spec, packages.variables, tuple(notes))


def _packages(draft: EnvironmentDraft, folder: Path) -> Definition:
    if draft.conda is None:
        return Definition(EnvironmentSpec())
    try:
        if isinstance(draft.conda, At):
            return conda.define(_file(draft.conda, folder))
        return conda.define(yaml.safe_dump(dict(draft.conda)) + "\n")
    except UserError as error:
        raise located(error, draft.conda_where) from None


def _based(draft: EnvironmentDraft, folder: Path, spec: EnvironmentSpec) -> tuple[EnvironmentSpec, list[str]]:
    """The environment with its image, unless that is the default of its Python."""
    if draft.dockerfile is not None:
        text = _dockerfile_text(draft.dockerfile, folder)
        python, notes = _python(draft, spec, text, draft.dockerfile.where)
        try:
            # line breaks tell a text from a path
            based = dockerfile.read(text.rstrip() + "\n", python)
        except UserError as error:
            raise located(error, draft.dockerfile.where) from None
        return replace(based, requirements=spec.requirements), notes
    if draft.image is None:
        return spec, []
    if draft.conda is not None and draft.image.text.startswith(_AZURES_IMAGES):
        return spec, [f"{draft.image.where}: not used: Python and packages are those of the conda file"]
    python, notes = _python(draft, spec, draft.image.text, draft.image.where)
    return replace(spec, python=python, base_image=draft.image.text), notes


def _python(draft: EnvironmentDraft, spec: EnvironmentSpec, image: str, where: str) -> tuple[str, list[str]]:
    """The conda file's Python, or the one in the image's name."""
    if draft.conda is not None:
        return spec.python, []
    match = _PYTHON_IN_A_NAME.search(image)
    python = f"3.{match[1]}" if match else spec.python
    return python, [f"{where}: the image is taken to have Python {python}; correct the environment's python if not"]


def _dockerfile_text(named: At, folder: Path) -> str:
    """The Dockerfile's text: v2 names a file, v1 may contain the text."""
    return named.text if "\n" in named.text.strip() else _text(named, folder)


def _text(named: At, folder: Path) -> str:
    path = _file(named, folder)
    try:
        return decoded(read_file(path) or b"")
    except UnreadableError as error:
        raise refusal(f"{named.where}: {path}: {error}") from None


def _file(named: At, folder: Path) -> Path:
    path = folder / named.text
    if not path.is_file():
        raise refusal(f"{named.where}: {path}: no such file")
    return path


def _about_the_server(dropped: tuple[str, ...], code: Mapping[str, bytes]) -> str:
    note = f"{', '.join(dropped)}: left out, the server is not part of the script's environment"
    if any(b"azureml.core" in content for content in code.values()):
        note += "; for the import of azureml.core add azureml-core to spec.environment.requirements"
    return note
