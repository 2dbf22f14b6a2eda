"""The names that scripts import first."""

from localmodel import __version__ as VERSION
from localmodel.azure.core.environment import Environment
from localmodel.azure.core.model import Model
from localmodel.azure.core.webservice import Webservice
from localmodel.azure.core.workspace import Workspace

__all__ = ["VERSION", "Environment", "Model", "Webservice", "Workspace"]
