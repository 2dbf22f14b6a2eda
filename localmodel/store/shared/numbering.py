"""Numbers a version so that no two writers get the same number from a registry, which cannot compare and swap.

A writer claims the number with a tag that nobody else writes, and then lists the tags. It has the number if it sees no
other claim: of two writers, the one that wrote its claim later sees the earlier one. Who sees another claim goes on to
the next number, so that numbers may be left out. It holds where a registry lists a tag as soon as it has accepted it.
"""

import random
import time
from collections.abc import Callable, Collection

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.store.shared import tags
from localmodel.store.shared.tags import Key

_LONGEST_PAUSE = 0.2  # seconds, so that two writers do not meet at every number
_MOST_LOOKS = 20


def claimed(first: Key, listed: Callable[[], Collection[str]], put: Callable[[str], None]) -> Key:
    """The key with a number that is this writer's, at least that of `first`; `put` writes a tag.

    Raises:
        UserError: SharedStoreInvalid.
    """
    key, texts = first, listed()
    while True:
        taken = tags.numbers(texts, key.kind, key.name)
        key = Key(key.kind, key.name, max(key.number, *(number + 1 for number in taken), 1))
        claim = tags.of_claim(key)
        put(claim)
        texts = _with(claim, listed)
        if tags.numbers(texts, key.kind, key.name).count(key.number) == 1:
            return key
        _pause()


def _with(claim: str, listed: Callable[[], Collection[str]]) -> Collection[str]:
    """The tags, of which the claim is one."""
    for _ in range(_MOST_LOOKS):
        if claim in (texts := listed()):
            return texts
        _pause()
    raise UserError(
        reasons.SHARED_STORE_INVALID,
        "the registry does not list a tag that it has accepted, so that two writers could get one number; "
        "use another registry for the store",
    )


def _pause() -> None:
    time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - it is no secret
