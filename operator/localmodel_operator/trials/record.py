"""How far a trial is, as the decision has it, so that whoever comes next goes on with it."""

import json
from dataclasses import asdict, dataclass, replace

from localmodel.disk import state_file
from localmodel_operator.failure import Failure


@dataclass(frozen=True)
class Record:
    """A trial of `revision` with these `settings`, a digest, and the number of its stage.

    If it `passed`, the revision is to serve. `failed` says why it is not tried any more ("Reason: message"). It `began`
    at that time, in seconds since 1970.
    """

    revision: int
    settings: str
    stage: int = 0
    passed: bool = False
    failed: str = ""
    began: int = 0

    def is_of(self, revision: int, settings: str) -> bool:
        """Whether it is about this revision, and the fields of the spec are as they were."""
        return (self.revision, self.settings) == (revision, settings)

    def as_failed(self, failure: Failure) -> "Record":
        """The same trial, given up."""
        return replace(self, failed=failure.text)

    def text(self) -> str:
        """The record as text, which `parse()` reads."""
        return json.dumps(asdict(self))


def parse(text: str) -> Record | None:
    """The record in a text of `Record.text()`, also a later operator's, or None if it is empty."""
    return state_file.known(json.loads(text), Record) if text else None
