"""Makes HTML of values. Whatever it is given becomes text: escaped, and without what would steer a reader's eye."""

from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from localmodel.disk import size
from localmodel.output.printable import printable


class Pages:
    """The templates, with what all pages show. `place` says which deployments these are."""

    def __init__(self, place: str, read_only: bool) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["bytes"] = size.words
        self._environment.globals.update(place=place, read_only=read_only)

    def render(self, template: str, **values: object) -> HTMLResponse:
        """The page of a template, `name` for `name.html`."""
        return HTMLResponse(self._environment.get_template(f"{template}.html").render(values))

    def message(self, status: int, text: str) -> HTMLResponse:
        """The page that says why there is no other."""
        answer = self.render("message", title=HTTPStatus(status).phrase, text=text)
        answer.status_code = status
        return answer


def _shown(value: object) -> object:
    return printable(value) if type(value) is str else value  # what is HTML already is a class of its own
