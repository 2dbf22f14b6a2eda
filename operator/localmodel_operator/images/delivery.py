"""The interface for delivering an image to where pods get it: the nodes of a kind cluster, or a registry."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from localmodel.updates.held import Held
from localmodel.updates.image import Image


@dataclass(frozen=True)
class Delivered:
    """The progress of a delivery. A place is a node or a registry's address.

    `to` have the image; to those `on_the_way` it is still being sent; `failed` has the others, with the cause.
    `again_after` is after how many seconds to try failed ones again, or None if none failed.
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
        """Whether a pod could start somewhere, because a broken place must not hold up the others."""
        return bool(self.to)

    @property
    def message(self) -> str:
        """A phrase such as `delivered to 2 of 3 nodes; node x: why`."""
        every = len(self.to) + len(self.on_the_way) + len(self.failed)
        parts = [f"delivered to {len(self.to)} of {every} {self.what}"]
        if self.on_the_way:
            parts.append(f"on its way to {', '.join(sorted(self.on_the_way))}")
        parts += [f"{name}: {why}" for name, why in sorted(self.failed.items())]
        return "; ".join(parts)


class Delivery(Protocol):
    """One way of delivery, for the whole life of an operator. Several passes may call every method at once."""

    # of containers: "Never" if nothing can be pulled, "IfNotPresent" if a registry has it
    pull_policy: str
    # the message of a complete delivery
    everywhere: str

    def repository(self, owner_uid: str) -> str:
        """The repository of the images of the LocalModelDeployment with this uid."""

    async def lacking(self, reference: str) -> list[str]:
        """Names of the places from which a pod could not get the image now, including those that do not answer.

        It is cheap enough for each pass, because recent answers are reused until `doubt()` or `renew()`.
        """

    async def deliver(
        self, image: Image, reference: str, held: Mapping[str, Held], done: Callable[[], None]
    ) -> Delivered:
        """Send the image to every place that lacks it, to all at the same time.

        `held` are files of it that nodes have, by the node's name; they need not be sent.

        It returns after a few seconds at the latest. Unfinished transfers continue, and `done()` is called whenever one
        has ended. Calling it again joins them. A place that failed is left alone for a while, longer each time.
        """

    def doubt(self) -> None:
        """Forget all answers, because a pod could not use an image (ErrImageNeverPull, ErrImagePull, …)."""

    def renew(self) -> None:
        """Forget all answers and failures, because a node is new or ready again."""

    def swept(self, references: Collection[str]) -> None:
        """Note that these images were removed from nodes."""

    def stop(self) -> None:
        """Cancel the transfers."""
