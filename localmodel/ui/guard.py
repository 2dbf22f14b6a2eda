"""Applies the rules of access to every request, and the headers that keep a browser from running what others wrote."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localmodel.ui.access import ADDRESS, PUBLIC, TOKEN, Access, Asked
from localmodel.ui.pages import Pages

# `same-origin`, because with `no-referrer` a browser does not say where a form comes from.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Stands before the application."""

    def __init__(self, app: ASGIApp, access: Access, pages: Pages) -> None:
        self._app, self._access, self._pages = app, access, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the page has no web sockets
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["cache-control"] = "no-cache" if scope["path"].startswith(PUBLIC) else "no-store"
            await send(message)

        answer = self._instead(Request(scope))
        await (answer or self._app)(scope, receive, send_with_headers)

    def _instead(self, request: Request) -> Response | None:
        """The answer to a request that does not reach the application, or None."""
        access, verdict = self._access, self._access.judge(_asked(request, self._access.cookie))
        if verdict.status == 200:
            return None
        if verdict.status == 307:
            return RedirectResponse(str(request.url.replace(scheme="http", hostname=ADDRESS)), 307)
        if verdict.status == 303:
            answer = RedirectResponse(str(request.url.remove_query_params(TOKEN)), 303)
            answer.set_cookie(access.cookie, access.token, path="/", httponly=True, samesite="strict")
            return answer
        return self._pages.message(verdict.status, verdict.why)


def _asked(request: Request, cookie: str) -> Asked:
    headers = request.headers
    hosts = headers.getlist("host")
    return Asked(
        method=request.method,
        path=request.scope["path"],  # that of the URL is parsed again
        host=hosts[0] if len(hosts) == 1 else "",
        token=request.query_params.get(TOKEN, ""),
        cookie=request.cookies.get(cookie, ""),
        origin=headers.get("origin", ""),
        site=headers.get("sec-fetch-site", ""),
        mode=headers.get("sec-fetch-mode", ""),
    )
