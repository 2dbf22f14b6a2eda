"""A deployment whose image is made: what the files for another system are written from."""

from collections.abc import Mapping
from dataclasses import dataclass

from localmodel.resource.spec import DeploymentSpec, Variable
from localmodel.store import ModelVersion


@dataclass(frozen=True)
class Packed:
    """A deployment with its image.

    Attributes:
        name: the deployment's name.
        spec: its spec, with environment and script filled in.
        variables: those of the user: values, or references to objects of a cluster.
        models: the versions that are in the image.
        image: the reference that a node or an engine uses.
    """

    name: str
    spec: DeploymentSpec
    variables: tuple[Variable, ...]
    models: tuple[ModelVersion, ...]
    image: str


@dataclass(frozen=True)
class Written:
    """Files by path, with notes on what they cannot say and what is left to do."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
