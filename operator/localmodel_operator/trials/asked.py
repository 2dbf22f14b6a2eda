"""What a person asks of a trial by annotation: to promote the revision, or to abort."""

from collections.abc import Mapping

from localmodel_operator.records.pin import Pin


def names(annotations: Mapping[str, str], annotation: str, revision: int, generation: int) -> bool:
    """Whether the annotation names this revision, and this generation if it names one (`3 generation=7`)."""
    request = Pin(annotations.get(annotation, ""), "")
    return request.number == str(revision) and request.generation in (None, generation)
