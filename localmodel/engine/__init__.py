"""Base images, and all calls to Docker: building environments, containers, kind's nodes.

The Docker SDK is an extra, so this package is imported only where an engine is needed.
"""

from importlib.util import find_spec

from localmodel import reasons
from localmodel.errors import UserError

if find_spec("docker") is None:
    raise UserError(
        reasons.DOCKER_PACKAGE_MISSING, "Python's package for Docker is not installed: pip install 'localmodel[docker]'"
    )
