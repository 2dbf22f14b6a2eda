"""Every reason: one CamelCase word for programs, with what it means and what to do.

Conditions and Events have one, and so has each `UserError`. Scripts match on their text, so a text never changes. To
add one, add a constant to a module here and run `hack/docs`: they make the tables of `docs/troubleshooting.md`.
"""

from localmodel.reasons.commands import *  # noqa: F403
from localmodel.reasons.status import *  # noqa: F403
from localmodel.reasons.store import *  # noqa: F403
from localmodel.reasons.table import TABLES as TABLES
from localmodel.reasons.table import Reason as Reason
from localmodel.reasons.table import Row as Row
