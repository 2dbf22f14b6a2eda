#!/usr/bin/env python3
"""Prints docs/how-to/azure-yaml.md, with the converter's own tables of fields."""

from localmodel.azureml_files.fields import Fate, Field, Format
from localmodel.azureml_files.v1 import fields as v1_fields
from localmodel.azureml_files.v2 import fields as v2_fields

PAGE = """\
# Azure ML's deployment files

Made from `localmodel/azureml_files/` by `hack/docs`; edit that one.

## Bring one in
```sh
lmd import azureml deployment.yml                     # v2, managed or Kubernetes; endpoint.yml may stand beside it
lmd import azureml --ic inferenceconfig.json --dc deploymentconfig.json --model iris:1 --name iris    # v1
lmd apply -k iris
```
The folder that is written holds the manifest, the script and what kustomize needs; with `--apply` it serves at once and
no folder is written. Code that a ConfigMap cannot hold (folders, binary files, more than 900 kB) is kept in the store.

A model that the file names by path is registered in the store. One that it names by reference (`azureml:iris:3`) has to
be there already: `az ml model download -n iris -v 3`, then `lmd model register iris --name iris`, and `--model iris` if
the number differs. The same holds for environments (`lmd env create`).

Unknown fields are refused, with file and line. `azureml-defaults` and `azureml-inference-server-http` are left out of
the requirements: the server is not part of the script's environment here.

## Take one out
```sh
lmd export azureml -k iris --kind managed azure       # or kubernetes, or v1; NAME instead of -k: one that is deployed
az ml online-endpoint create -f azure/endpoint.yml
az ml online-deployment create -f azure/deployment.yml --all-traffic
```
With `--models references` the models' files stay here, and the file refers to those that are registered in Azure ML.
What Azure ML cannot say, and what is left to fill in (instance type, cluster), is told.

## What becomes of each field
**mapped**: it becomes what is said. *noted*: it has no meaning here, which the command says with the reason given.
*refused*: nothing is written, and the command says what to do.

{tables}"""

_TITLES = {
    v2_fields.DEPLOYMENT: "v2: online deployment",
    v2_fields.ENDPOINT: "v2: online endpoint",
    v1_fields.INFERENCE: "v1: inference configuration (`--ic`)",
    v1_fields.DEPLOYMENT: "v1: deployment configuration (`--dc`)",
}
_FATES = {Fate.MAPPED: "**mapped**", Fate.NOTED: "*noted*", Fate.REFUSED: "*refused*"}


def render() -> str:
    """The page."""
    return PAGE.format(tables="\n".join(_table(title, format_) for format_, title in _TITLES.items()))


def _table(title: str, format_: Format) -> str:
    rows = [_row(field) for field in format_.fields]
    return "\n".join([f"### {title}", "| field | is | what it becomes, or why not |", "|---|---|---|", *rows, ""])


def _row(field: Field) -> str:
    return f"| `{field.path}` | {_FATES[field.fate]} | {field.text} |"


if __name__ == "__main__":
    print(render(), end="")
