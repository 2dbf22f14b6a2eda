"""Converts `azureml:` references to models and environments into the store's."""

import re

from localmodel.azureml_files.draft import At
from localmodel.azureml_files.fields import refusal
from localmodel.errors import UserError

_REFERENCE = re.compile(r"azureml:([A-Za-z0-9][A-Za-z0-9._-]*)(?::([^:@/]+)|@([A-Za-z0-9._-]+))?")
_REGISTER = {"model": "lmd model register PATH --name NAME", "environment": "lmd env create NAME --conda FILE"}
_ELSEWHERE = ("azureml://", "azureml:/", "/subscriptions/")


def in_store(reference: At, kind: str) -> str:
    """The reference in the store's form: "name", "name:3", "name@alias". `kind` is "model" or "environment".

    Raises:
        UserError: AzureFieldRefused.
    """
    register = f"register it here ({_REGISTER[kind]}) and refer to azureml:NAME:VERSION"
    if reference.text.startswith(_ELSEWHERE):
        raise refusal(f"{reference.where}: {reference.text} is in Azure: download it, {register}")
    match = _REFERENCE.fullmatch(reference.text)
    if match is None:
        raise refusal(f"{reference.where}: {reference.text!r} is not azureml:NAME:VERSION or azureml:NAME@latest")
    name, version, alias = match.groups()
    if version is not None and not (version.isdecimal() and int(version)):
        raise refusal(f"{reference.where}: the store counts versions 1, 2, 3, and has no {version!r}: {register}")
    if version is not None:
        return f"{name}:{int(version)}"
    return name if alias in (None, "latest") else f"{name}@{alias}"


def located(error: UserError, where: str) -> UserError:
    """The error with the place in the file that asks for what is missing."""
    return UserError(error.reason, "\n".join(f"{where}: {line}" for line in str(error).splitlines()))
