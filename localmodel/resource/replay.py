"""`spec.update.replay`, and the variable that tells a server: captured requests that a new revision must answer."""

from collections.abc import Mapping
from typing import Any

from localmodel import digests

VARIABLE = "LOCALMODEL_REPLAY"


def settings(replay: Mapping[str, Any]) -> dict[str, str]:
    """The server's variables wherever it runs."""
    return {VARIABLE: digests.canonical_json(dict(replay)).decode()} if replay else {}
