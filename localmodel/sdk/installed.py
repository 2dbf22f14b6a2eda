"""Which packages of this program a model or a function needs, at the versions that are installed."""

import sys
from collections.abc import Iterable
from importlib import metadata

from localmodel import reasons
from localmodel.errors import UserError


def requirements(modules: Iterable[str], needed_by: str) -> tuple[str, ...]:
    """The distributions that bring these modules, pinned; none for those that Python has itself.

    Raises:
        UserError: EnvironmentInvalid: a module is in no installed distribution.
    """
    tops = {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names)
    if not tops:
        return ()
    brought_by = metadata.packages_distributions()
    if own := sorted(tops - brought_by.keys()):
        raise UserError(
            reasons.ENVIRONMENT_INVALID,
            f"{needed_by} needs the module {own[0]}, which no installed package brings: put it beside a script with "
            "init() and run(), and deploy the script",
        )
    names = {brought_by[top][0] for top in tops}
    return tuple(sorted(f"{name}=={metadata.version(name)}" for name in names))
