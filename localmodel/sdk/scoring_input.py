"""Where a deployment's script expects an array or a table: its swagger document, asked for once a revision."""

from collections.abc import Mapping
from typing import Any

from localmodel.sdk import scoring
from localmodel.targets import http
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

_SECONDS = 10.0


class ScoringInput:
    """What the service said of its input, as long as the same revision answers."""

    def __init__(self) -> None:
        self._document: Mapping[str, Any] | None = None
        self._revision = ""

    def place(self, data: object, url: str) -> scoring.Place:
        """Where the service behind the scoring address expects the data.

        Raises:
            UserError: Unreachable, InputAmbiguous.
        """
        document = self._document
        if document is None:
            document, self._revision = ask(url)
            self._document = document
        return scoring.find_place(data, document)

    def forget_unless(self, revision: str) -> None:
        """Ask again before the next request, when another revision than the one asked has answered."""
        if revision != self._revision:
            self.forget()

    def forget(self) -> None:
        """Ask again before the next request."""
        self._document = None


def ask(url: str) -> tuple[Mapping[str, Any], str]:
    """The document of the service behind the scoring address, empty where it has none, and the revision it is of.

    Raises:
        UserError: Unreachable.
    """
    # 3.1 can express what 2.0 cannot, and is rarely replaced by a document of the user's own.
    answer = http.request(f"{url.removesuffix('/score')}/swagger.json?version=3.1", timeout=_SECONDS)
    document = _document(answer.body) if answer.status == 200 else {}
    return document, answer.headers.get("x-localmodel-revision", "")


def _document(body: bytes) -> Mapping[str, Any]:
    """The document, which may be the user's own; an empty one where it is none."""
    try:
        value = json_text.parse(body)
    except UnreadableError:
        return {}
    return value if isinstance(value, dict) else {}
