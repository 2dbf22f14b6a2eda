"""How long an installed environment stays after its last use, in case something needs it again."""

import math
import os

from localmodel import reasons
from localmodel.errors import UserError

VARIABLE = "LOCALMODEL_KEEP_ENVIRONMENTS"
DEFAULT = 3600.0  # seconds


def seconds() -> float:
    """The retention in seconds, from the variable or the default.

    Raises:
        UserError: VariableInvalid.
    """
    text = os.environ.get(VARIABLE)
    try:
        duration = float(text) if text else DEFAULT
    except ValueError:
        duration = math.nan
    if not duration >= 0:
        raise UserError(reasons.VARIABLE_INVALID, f"{VARIABLE}: {text!r} is not a number of seconds, 0 or more")
    return duration
