"""How an image reaches the places from which pods get it: the nodes of a kind cluster, or a registry."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from localmodel.image import Image


@dataclass(frozen=True)
class Delivered:
    """How far a delivery is. Places are named as their user knows them: a node, a registry's address.

    `to` have the image; to those `on_the_way` it is being sent, beyond this call; `failed` says of others why not.
    `again_after` is in how many seconds it makes sense to try those that failed again (None: none failed).
    """

    to: tuple[str, ...]
    on_the_way: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    again_after: float | None = None
    what: str = "nodes"

    @property
    def complete(self) -> bool:
        return not self.on_the_way and not self.failed

    @property
    def usable(self) -> bool:
        """Whether a pod could start somewhere: a place that is broken must not hold the others up."""
        return bool(self.to)

    @property
    def message(self) -> str:
        """`delivered to 2 of 3 nodes; node x: why`."""
        every = len(self.to) + len(self.on_the_way) + len(self.failed)
        parts = [f"delivered to {len(self.to)} of {every} {self.what}"]
        if self.on_the_way:
            parts.append(f"on its way to {', '.join(sorted(self.on_the_way))}")
        parts += [f"{name}: {why}" for name, why in sorted(self.failed.items())]
        return "; ".join(parts)


class Delivery(Protocol):
    """Made once, for the life of an operator. Every method is safe to call from several passes at once."""

    # of containers: "Never" where nothing can be pulled, "IfNotPresent" where a registry has it
    pull_policy: str
    # what to say when a delivery is complete
    everywhere: str

    def repository(self, owner_uid: str) -> str:
        """Repository of the images of the LocalModelDeployment with this uid."""

    async def lacking(self, reference: str) -> list[str]:
        """Names of the places from which a pod could not get the image now; a place that does not answer is one.

        Cheap enough for each pass: what was seen a moment ago is believed, until something speaks against it.
        """

    async def deliver(self, image: Image, reference: str, done: Callable[[], None]) -> Delivered:
        """Bring the image to every place that lacks it, to all at once.

        Returns after a few seconds at the latest, whatever a place does. What is then still on the way goes on, and
        `done()` is called whenever a place has it, or has failed. Calling it again joins what is under way. A place
        that failed is left alone for a while, longer each time.
        """

    def doubt(self) -> None:
        """A pod could not use an image (ErrImageNeverPull, ErrImagePull, …): believe nothing, look again."""

    def renew(self) -> None:
        """A node is new, or ready again: believe nothing, and try at once where it failed before."""

    def swept(self, references: Collection[str]) -> None:
        """These were removed from nodes."""

    def stop(self) -> None:
        """Let go of what is on the way."""
