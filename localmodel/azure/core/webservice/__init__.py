"""Deployments of this machine."""

from localmodel.azure.core.webservice.local import LocalWebservice
from localmodel.azure.core.webservice.webservice import Webservice
from localmodel.azure.exceptions import WebserviceException

__all__ = ["LocalWebservice", "Webservice", "WebserviceException"]
