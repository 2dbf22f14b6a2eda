#!/usr/bin/env python3
"""Prints docs/how-to/azure-yaml.md, with the converter's own tables of fields."""

from localmodel.azureml_files.fields import Fate, Field, Format
from localmodel.azureml_files.v1 import fields as v1_fields
from localmodel.azureml_files.v2 import fields as v2_fields

PAGE = """\
# Import Azure ML's YAML files

`hack/docs` makes this page from `localmodel/azureml_files/`.

## Import
```sh
lmd import azureml deployment.yml                     # v2, managed or Kubernetes; endpoint.yml may be beside it
lmd import azureml --ic inferenceconfig.json --dc deploymentconfig.json --model iris:1 --name iris    # v1
lmd apply -k iris
```
The command writes a folder with the manifest, the script and what kustomize needs. With `--apply` it deploys directly
and writes no folder. Code that a ConfigMap cannot contain (folders, binary files, more than 900 kB) goes into the
store.

If the file names a model by path, the command registers it in the store. A model that it names by reference
(`azureml:iris:3`) must already be there: run `az ml model download -n iris -v 3`, then
`lmd model register iris --name iris`, and use `--model iris` if the number differs. The same applies to
environments (`lmd env create`).

Unknown fields are refused, with file and line. `azureml-defaults` and `azureml-inference-server-http` are left out of
the requirements, because the server is not part of the script's environment here.

## Export
```sh
lmd export azureml -k iris --kind managed azure       # or kubernetes, or v1; NAME instead of -k exports a deployment
az ml online-endpoint create -f azure/endpoint.yml
az ml online-deployment create -f azure/deployment.yml --all-traffic
```
With `--models references`, the models' files stay here, and the file refers to the models that are registered in
Azure ML. The command lists what Azure ML cannot express, and what you must fill in (instance type, cluster).

## What becomes of each field
**mapped**: the last column says what it becomes. *noted*: it has no meaning here; the command says so with this
reason. *refused*: the command writes nothing and says what to do.

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
    return "\n".join([f"### {title}", "| field | result | what it becomes, or why not |", "|---|---|---|", *rows, ""])


def _row(field: Field) -> str:
    return f"| `{field.path}` | {_FATES[field.fate]} | {field.text} |"


if __name__ == "__main__":
    print(render(), end="")
