"""The admin port's application: who calls, what is asked, and the answer in JSON.

====================  ==========================================================================
`GET /state`        what serves, what is prepared, what the pod has
`POST /prepare`     a bundle, or nothing; answered when the revision could serve
`POST /trial`       the prepared revision is tried on clients' requests as the body says (admin/bodies.py)
`POST /commit`      the prepared revision serves when this is answered, with the state
`POST /abort`       the prepared revision is forgotten
`POST /answered`    the `last` so many captured requests, with two answers of what serves (replay/answered.py)
`POST /replay`      what is on hold is asked what another pod has answered so; answered with the state
`POST /leave`       the pod is about to end: it closes idle connections and says how many may still bring a request
====================  ==========================================================================
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from localmodel_server.admin import token
from localmodel_server.admin.bodies import receive_answered, receive_last, receive_trial
from localmodel_server.admin.errors import RefusedError, refusal
from localmodel_server.admin.report import report
from localmodel_server.admin.revisions import Revisions
from localmodel_server.admin.settings import AdminSettings
from localmodel_server.admin.spool import receive_to
from localmodel_server.admin.swaps import Order, Swaps, answer_of
from localmodel_server.errors import ClientGoneError
from localmodel_server.life.loader import Loader
from localmodel_server.log import logger
from localmodel_server.messages.asgi import send_json
from localmodel_server.state import ServerState

_METHODS = {
    "/state": "GET",
    **dict.fromkeys(["/prepare", "/trial", "/commit", "/abort", "/answered", "/replay", "/leave"], "POST"),
}
_NO_BODY = hashlib.sha256().hexdigest()


class AdminApplication:
    """Answers the operator's calls."""

    def __init__(
        self,
        settings: AdminSettings,
        state: ServerState,
        loader: Loader,
        revisions: Revisions,
        swaps: Swaps,
        ignored: str | None,
        close_idle: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._state = state
        self._loader = loader
        self._revisions = revisions
        self._swaps = swaps
        self._ignored = ignored
        self._close_idle = close_idle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        started = time.monotonic()
        try:
            status, answer = 200, await self._answer(scope, receive)
        except ClientGoneError:
            return
        except token.ForbiddenError as error:
            status, answer = 403, {"reason": "Forbidden", "message": str(error)}
        except Exception as error:
            refused = refusal(error)
            status, answer = refused.status, refused.body
        if scope["path"] != "/state" or status != 200:
            milliseconds = (time.monotonic() - started) * 1000
            reason = answer.get("reason", "")
            logger.info("%s", f"admin {scope['method']} {scope['path']!a} {status} {reason} {milliseconds:.0f}")
        await send_json(send, status, json.dumps(answer).encode(), [])

    async def _answer(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        path = scope["path"]
        if path not in _METHODS:
            raise RefusedError(404, "NotFound", f"there is nothing at {path}; this port answers {', '.join(_METHODS)}")
        if scope["method"] != _METHODS[path]:
            raise RefusedError(405, "NotAllowed", f"{scope['method']} is not allowed on {path}")
        claims = await self._claims(scope)
        order = Order(claims.epoch, claims.content)
        if path == "/prepare":
            return answer_of(await self._prepare(order, claims.body, scope, receive), order)
        if path == "/answered":
            return await self._swaps.answered(await receive_last(scope, receive, claims.body))
        if path == "/trial":
            await self._swaps.try_out(order, await receive_trial(scope, receive, claims.body))
        elif path == "/replay":
            await self._swaps.replay(order, *await receive_answered(scope, receive, claims.body))
        elif claims.body not in ("", _NO_BODY):
            raise RefusedError(400, "BadBundle", f"{path} takes no body")
        if path == "/commit":
            await self._swaps.commit(order)
        elif path == "/abort":
            await self._swaps.abort(order)
        elif path == "/leave":
            # SIGTERM does the same, and may be seconds away.
            self._state.drain()
            return {"revision": self._swaps.serves.revision, "kept": self._close_idle()}
        pod = await asyncio.to_thread(report, self._settings, self._state, self._loader, self._revisions, self._swaps)
        return {**pod, "ignored": self._ignored}

    async def _claims(self, scope: Scope) -> token.Claims:
        name = token.HEADER.encode()
        text = next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
        action = scope["path"][1:]
        # In a thread: the first call imports cryptography.
        return await asyncio.to_thread(
            token.read_token, text, self._settings.key, self._settings.pod, action, time.time()
        )

    async def _prepare(self, order: Order, digest: str, scope: Scope, receive: Receive) -> Any:
        self._swaps.check(order)
        if digest in ("", _NO_BODY):
            return await self._swaps.prepare(order, None)
        limit = self._settings.max_bundle_bytes
        bundle, received = await receive_to(self._revisions.folder.incoming, scope, receive, limit)
        try:
            if received != digest:
                raise RefusedError(400, "BadBundle", f"the body's SHA-256 is {received}, and {digest} was signed")
            return await self._swaps.prepare(order, bundle)
        finally:
            bundle.unlink(missing_ok=True)
