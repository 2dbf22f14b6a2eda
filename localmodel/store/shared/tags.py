"""The tags of a shared store's repository. None ever names something else later, so their list is the store's state.

models.iris.3                  the manifest of iris:3
models.iris.3.record           its record
models.iris.3.record-2-5f0c…   its record after a change
models.iris.3.claim-8d1e…      a writer has wanted the number 3
models.iris.3.deleted          it was deleted
models.iris.aliases-1-77ab…    the aliases of iris
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from localmodel import digests, reasons
from localmodel.errors import UserError

STORE = "localmodel-store"
DELETED = ""
_LONGEST = 128
_UNIQUE = 12  # hexadecimal digits, which keep two writers from writing one tag
_TAG = re.compile(
    r"(?P<kind>models|environments|code)\.(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\."
    r"(?:(?P<number>[1-9][0-9]{0,8})(?:\.(?P<what>[a-z]+)(?:-(?P<edit>[0-9]{1,9}))?(?:-[0-9a-f]{12})?)?"
    r"|aliases-(?P<aliases>[0-9]{1,9})-[0-9a-f]{12})"
)


@dataclass(frozen=True)
class Key:
    """What a tag is about: a version, or with the number 0 the aliases of a name. `kind` is its records' folder."""

    kind: str
    name: str
    number: int = 0

    def __str__(self) -> str:
        """The tag that it is, or that its other tags begin with."""
        return ".".join([self.kind, self.name, *([str(self.number)] if self.number else [])])

    @property
    def path(self) -> str:
        """The same, so that it can be taken apart: names may contain dots and digits."""
        return f"{self.kind}/{self.name}/{self.number}"

    @classmethod
    def of(cls, path: str) -> "Key":
        kind, name, number = path.split("/")
        return cls(kind, name, int(number))


@dataclass(frozen=True)
class _Tag:
    text: str
    key: Key
    what: str
    edit: int


def of_record(key: Key) -> str:
    """The tag of a version's first record, where `lmd model pull` looks for it, too."""
    return f"{key}.record"


def of_change(key: Key, texts: Iterable[str], manifest: bytes) -> str:
    """The tag of a version's next record, or of a name's next aliases."""
    last = max((tag.edit for tag in _parsed(texts) if tag.key == key), default=0)
    what = "record" if key.number else "aliases"
    return f"{key}.{what}-{last + 1}-{digests.of_bytes(manifest)[7 : 7 + _UNIQUE]}"


def of_claim(key: Key) -> str:
    return f"{key}.claim-{uuid4().hex[:_UNIQUE]}"


def of_deletion(key: Key) -> str:
    return f"{key}.deleted"


def check_length(key: Key) -> None:
    """Check that a registry takes the tags of a version.

    Raises:
        UserError: SharedStoreInvalid.
    """
    longest = f"{key.kind}..{10**8}.record-{10**4}-{'0' * _UNIQUE}"
    if len(key.name) > (most := _LONGEST - len(longest)):
        raise UserError(
            reasons.SHARED_STORE_INVALID,
            f"the name {key.name} has {len(key.name)} characters; in a shared store it may have {most}, because it "
            "becomes a tag of the registry",
        )


def numbers(texts: Iterable[str], kind: str, name: str) -> list[int]:
    """The numbers that versions of the name have, had or were to get; one that is wanted twice is there twice."""
    return [tag.key.number for tag in _parsed(texts) if (tag.key.kind, tag.key.name) == (kind, name) and tag.key.number]


def state(texts: Iterable[str]) -> Mapping[Key, str]:
    """The tag of the newest record of each version, DELETED, or the tag of the newest aliases of a name.

    Of two changes that were made at the same time, one counts, and it is the same for all who look.
    """
    newest, whole, deleted = dict[Key, _Tag](), set[Key](), set[Key]()
    for tag in _parsed(texts):
        if tag.what in ("record", "aliases"):
            newest[tag.key] = max(newest.get(tag.key, tag), tag, key=lambda one: (one.edit, one.text))
        elif tag.what == "":
            whole.add(tag.key)
        elif tag.what == "deleted":
            deleted.add(tag.key)
    seen = {key: tag.text for key, tag in newest.items() if key in whole or not key.number}
    return {**seen, **dict.fromkeys(deleted, DELETED)}


def _parsed(texts: Iterable[str]) -> Iterator[_Tag]:
    for text in texts:
        if match := _TAG.fullmatch(text):
            key = Key(match["kind"], match["name"], int(match["number"] or 0))
            what = match["what"] or ("aliases" if match["aliases"] else "")
            yield _Tag(text, key, what, int(match["edit"] or match["aliases"] or 1))
