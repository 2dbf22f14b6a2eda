"""An environment as a user of inference-schema has it, made once on this machine by the product's own code."""

from __future__ import annotations

import asyncio
import functools
import sys
from pathlib import Path

from localmodel.environments.locks import lock as locks
from localmodel.environments.venvs import venv
from localmodel.resource.spec import EnvironmentSpec
from support.cache_folder import CACHE

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_REQUIREMENTS = (
    "inference-schema[numpy-support,pandas-support]==1.8",
    "numpy==2.4.6",
    "pandas==3.1.1",
)


@functools.cache
def interpreter() -> str:
    """Path of its Python; raises UserError when it cannot be made."""
    return str(asyncio.run(_build()))


async def _build() -> Path:
    lock = await locks.resolve(EnvironmentSpec(_PYTHON, _REQUIREMENTS), None, CACHE / "locks")
    return await venv.build(lock, _PYTHON, CACHE / "environments")
