"""Decides from plain values whether a request to the page is allowed.

A browser lets every web page send requests to 127.0.0.1, and anybody's name may lead there (DNS rebinding). So the Host
has to be the page's own, what is sent has to come from the page itself, and all of it needs the token: in the first
address, and then in a cookie. The cookie belongs to 127.0.0.1, and not to `localhost`, under which the deployments
are printed. But a browser sends it to every port of 127.0.0.1: whoever serves something there can read it.
"""

import hmac
import secrets
import time
from dataclasses import dataclass

ADDRESS = "127.0.0.1"
TOKEN = "token"  # noqa: S105 - the name of the parameter
_FROM_HERE = ("same-origin", "none")
# What may be sent although nothing may be changed: a request to a model.
_HARMLESS = "/try"
PUBLIC = "/static/"
_SECONDS_OF_A_CODE = 60.0


@dataclass(frozen=True)
class Asked:
    """What counts of a request. `host` is empty where there is not exactly one; `token` is that of the address."""

    method: str
    path: str
    host: str
    token: str = ""
    cookie: str = ""
    origin: str = ""
    site: str = ""
    mode: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether a request may be answered (200); else the status of what is answered in its place, and why.

    A status of 303 sets the cookie and leads to the address without the token; 307 leads to 127.0.0.1.
    """

    status: int
    why: str = ""


_ALLOWED = Verdict(200)


class Access:
    """The rules of one page on a port of this machine."""

    def __init__(self, port: int, read_only: bool = False) -> None:
        self.port = port
        self.read_only = read_only
        self.token = secrets.token_urlsafe(32)
        self.cookie = f"localmodel-ui-{port}"  # a browser's cookies are those of all ports
        self._port = "" if port == 80 else f":{port}"  # as a browser writes it in Host and Origin
        self._codes: dict[str, float] = {}

    @property
    def origin(self) -> str:
        """The page's origin, as a browser writes it."""
        return f"http://{ADDRESS}{self._port}"

    def address(self, path: str = "/") -> str:
        """The address for a person, who may use it again."""
        return f"{self.origin}{path}?{TOKEN}={self.token}"

    def single_use(self, path: str) -> str:
        """The address for a browser's command line, which others can read: it works once, within a minute."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = time.monotonic() + _SECONDS_OF_A_CODE
        return f"{self.origin}{path}?{TOKEN}={code}"

    def judge(self, asked: Asked) -> Verdict:
        """Whether the request may be answered."""
        if asked.host != f"{ADDRESS}{self._port}":
            if asked.host == f"localhost{self._port}" and asked.method == "GET":
                return Verdict(307)
            return Verdict(421, f"The address of this page is {self.origin}; open it there.")
        sends = asked.method not in ("GET", "HEAD")
        if sends and asked.origin != self.origin:
            return Verdict(403, "Only the page itself may send this.")
        if asked.site and asked.site not in _FROM_HERE and (sends or asked.mode != "navigate"):
            return Verdict(403, "A page of another site may not ask for this.")
        if asked.path.startswith(PUBLIC):
            return _ALLOWED
        if asked.token:
            if asked.method == "GET" and self._opens(asked.token):
                return Verdict(303)
            if not _same(asked.cookie, self.token):
                return Verdict(401, _WRONG)
        elif not _same(asked.cookie, self.token):
            return Verdict(401, _MISSING)
        if sends and self.read_only and not asked.path.endswith(_HARMLESS):
            return Verdict(403, "Nothing can be changed from here: the page was started with --read-only.")
        return _ALLOWED

    def _opens(self, token: str) -> bool:
        if _same(token, self.token):
            return True
        return self._codes.pop(token, 0.0) > time.monotonic()


_MISSING = "Open the address that lmd ui has printed: it contains the token that this page asks for."
_WRONG = "This address was used already, or is that of an earlier page. Open the one that lmd ui has printed."


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())
