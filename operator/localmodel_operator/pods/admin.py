"""Signed calls with an epoch to the admin port of pods, through the API server's pod proxy.

The proxy strips Authorization, so the token has a header of its own. A pod refuses calls that are older than what it
serves.
"""

import asyncio
import base64
import contextlib
import hashlib
import logging
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from localmodel import digests, reasons
from localmodel.reasons import Reason
from localmodel_operator.cluster import Cluster, PodUnreachableError
from localmodel_operator.pods import pod_state
from localmodel_operator.pods.bundle import BundleArchive
from localmodel_operator.pods.last_states import LastStates
from localmodel_operator.records.keys import Signer

log = logging.getLogger(__name__)

PORT = 5002

_HEADER = "X-Localmodel-Token"
_VALID_FOR = 120  # seconds
_QUICKLY = 5.0  # seconds, for calls without work for the pod
_AT_LENGTH = 90.0  # seconds, for asking captured requests, which ends after a minute
_MOST_CHARACTERS = 8192  # of a pod's message, which becomes part of a status
_REASON = re.compile(r"[A-Z][A-Za-z]{0,99}")  # as conditions accept it
_CANNOT_TAKE = (400, 413, 507)  # the bundle, or no room for it: new pods may still serve the revision


class RevisionFailedError(Exception):
    """The candidate does not serve. `reason` is a word for programs."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class CannotTakeError(Exception):
    """The pod cannot take a second revision beside the one it serves; the text says why."""


class SupersededError(Exception):
    """The pod is not in the expected state: it knows a later decision, or lacks something."""


class _Json:
    """The body of a call that is no bundle."""

    called = "JSON"

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._text = digests.canonical_json(dict(value))
        self.digest = hashlib.sha256(self._text).hexdigest()
        self.size = len(self._text)

    def chunks(self) -> Iterator[bytes]:
        yield self._text


class Admin:
    """A client for the servers in pods."""

    def __init__(self, cluster: Cluster, signer: Signer) -> None:
        self._cluster, self._signer = cluster, signer
        self.last_states = LastStates()

    async def state(self, pod: Mapping[str, Any]) -> pod_state.PodState | None:
        """The pod's state, or None while it does not answer."""
        try:
            status, answer = await self._call(pod, "state", 0, "", seconds=_QUICKLY)
        except PodUnreachableError:
            return None
        if status != 200:
            return None
        try:
            return pod_state.read(answer)
        except ValueError as error:
            log.warning("%s: what its server says of itself cannot be used: %s", pod["metadata"]["name"], error)
            return None

    async def prepare(self, pod: Mapping[str, Any], epoch: int, content: str, bundle: BundleArchive | None) -> None:
        """Have the pod load and prove a revision beside the one that serves; without a bundle, one that it has.

        Raises:
            RevisionFailedError, CannotTakeError, SupersededError, PodUnreachableError.
        """
        _check(*await self._call(pod, "prepare", epoch, content, bundle))

    async def try_out(self, pod: Mapping[str, Any], epoch: int, content: str, trial: Mapping[str, Any]) -> None:
        """Have the pod try what it has prepared on clients' requests. Raises the errors of `prepare()`."""
        _check(*await self._call(pod, "trial", epoch, content, _Json(trial)))

    async def answered(self, pod: Mapping[str, Any], last: int) -> Mapping[str, Any] | None:
        """What the pod was asked last, with its answers, for `replay()`; None if it does not answer, or is older."""
        try:
            status, answer = await self._call(pod, "answered", 0, "", _Json({"last": last}), seconds=_AT_LENGTH)
        except PodUnreachableError:
            return None
        return answer if status == 200 else None

    async def replay(
        self, pod: Mapping[str, Any], epoch: int, content: str, answered: Mapping[str, Any]
    ) -> pod_state.PodState | None:
        """Have a pod on hold answer what another was asked. Raises the errors of `prepare()`.

        Returns its state, or None if that cannot be read.
        """
        status, answer = await self._call(pod, "replay", epoch, content, _Json(answered), seconds=_AT_LENGTH)
        _check(status, answer)
        try:
            return pod_state.read(answer)
        except ValueError:
            return None

    async def commit(self, pod: Mapping[str, Any], epoch: int, content: str) -> None:
        """Have the pod serve what it has prepared. Raises the errors of `prepare()`."""
        _check(*await self._call(pod, "commit", epoch, content, seconds=_QUICKLY))

    async def abort(self, pod: Mapping[str, Any], epoch: int, content: str) -> None:
        """Have the pod forget what it has prepared; if it does not answer, it forgets it with the next decision."""
        with contextlib.suppress(PodUnreachableError):
            await self._call(pod, "abort", epoch, content, seconds=_QUICKLY)

    async def leave(self, pod: Mapping[str, Any]) -> tuple[str, int] | None:
        """Have a terminating pod send its clients away; return its revision, and how many connections are left.

        None if it does not answer, or was made by an older operator.
        """
        try:
            status, answer = await self._call(pod, "leave", 0, "", seconds=_QUICKLY)
        except PodUnreachableError:
            return None
        revision, kept = answer.get("revision"), answer.get("kept")
        if status != 200 or not isinstance(revision, str) or type(kept) is not int:
            return None
        return revision, kept

    async def _call(
        self,
        pod: Mapping[str, Any],
        action: str,
        epoch: int,
        content: str,
        body: "BundleArchive | _Json | None" = None,
        seconds: float | None = None,
    ) -> tuple[int, dict[str, Any]]:
        metadata, digest = pod["metadata"], ""
        if body:
            digest = await asyncio.to_thread(lambda: body.digest)
            log.info("%s: sending %s of %d bytes", metadata["name"], body.called, body.size)
        payload = {
            "action": action,
            "pod": metadata["uid"],
            "epoch": epoch,
            "content": content,
            "body": digest,
            "expires": int(time.time()) + _VALID_FOR,
        }
        return await self._cluster.ask_pod(
            "GET" if action == "state" else "POST",
            metadata["namespace"],
            f"{metadata['name']}:{PORT}",
            action,
            {_HEADER: self._token(digests.canonical_json(payload))},
            body,
            seconds,
        )

    def _token(self, payload: bytes) -> str:
        return ".".join(base64.urlsafe_b64encode(part).decode() for part in (payload, self._signer.sign_call(payload)))


def _check(status: int, answer: Mapping[str, Any]) -> None:
    if status == 200:
        return
    message = str(answer.get("message", answer))[:_MOST_CHARACTERS]
    if status == 409:
        raise SupersededError(message)
    if status in _CANNOT_TAKE:
        raise CannotTakeError(message)
    if status == 422:
        reason = str(answer.get("reason"))
        raise RevisionFailedError(Reason(reason) if _REASON.fullmatch(reason) else reasons.INIT_FAILED, message)
    raise PodUnreachableError(f"{status} {message}")
