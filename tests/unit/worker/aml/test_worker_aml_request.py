"""What a ``@rawhttp`` script finds in its request."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from localmodel_worker.aml.aml_request import AMLRequest, is_rawhttp, rawhttp
from localmodel_worker.client_errors import BadRequestError

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="one.png"\r\nContent-Type: Image/PNG; x=y\r\n\r\n'
    b"\x00\r\n\xff\r\n"
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="two.png"\r\n\r\nline 1\nline 2\r\n'
    b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n3\r\n--b--\r\n'
)


def request(
    body: bytes = b"",
    content_type: str | None = None,
    target: str = "/score",
    method: str = "POST",
    headers: list[tuple[str, str]] | None = None,
) -> AMLRequest:
    sent = [("host", "model.test:8080"), *(headers or [])]
    if content_type:
        sent.append(("content-type", content_type))
    return AMLRequest(method, target, sent, body)


def test_the_body() -> None:
    made = request(b"\x00\xc3\xa9", "application/octet-stream")
    assert made.data == made.get_data() == made.get_data(False) == b"\x00\xc3\xa9"
    assert made.get_data(as_text=True) == "\x00é"
    assert made.content_length == 3
    assert made.stream.read(1) == b"\x00" and made.stream.read() == b"\xc3\xa9"


def test_the_body_is_there_even_when_the_client_calls_it_a_form() -> None:
    assert request(b'{"a": 1}', "application/x-www-form-urlencoded").data == b'{"a": 1}'


def test_a_request_without_a_body() -> None:
    made = request(method="get")
    assert (made.method, made.data, made.content_length, made.content_type, made.mimetype) == (
        "GET",
        b"",
        None,
        None,
        "",
    )
    assert not made.form and not made.files and not made.is_json


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"])
def test_json(content_type: str) -> None:
    made = request(b'{"a": "\xc3\xa9"}', content_type)
    assert made.is_json
    assert made.json == made.get_json() == {"a": "é"}


def test_json_of_another_content_type_is_refused_unless_forced() -> None:
    made = request(b"[1]", "text/plain")
    assert made.get_json(force=True) == [1]
    assert made.get_json(silent=True) is None
    with pytest.raises(BadRequestError, match="Content-Type: application/json") as caught:
        made.get_json()
    assert caught.value.status == 415


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xff", b"[" * 200_000])
def test_bad_json_is_the_clients_fault(body: bytes) -> None:
    made = request(body, "application/json")
    assert made.get_json(silent=True) is None
    with pytest.raises(BadRequestError, match="the request's body") as caught:
        _ = made.json
    assert caught.value.status == 400
    assert isinstance(caught.value, ValueError)


def test_query_parameters() -> None:
    made = request(target="/score?a=1&a=2&b=&c=x%20y+z&d=%C3%A9")
    assert made.args["a"] == "1" and made.args.getlist("a") == ["1", "2"]
    assert made.args.get("a", type=int) == 1 and made.args.get("b", 7, type=int) == 7
    assert made.args.get("missing") is None and made.args.getlist("missing") == []
    assert made.args.get("missing", default="x") == "x"
    assert made.args.to_dict() == dict(made.args) == {"a": "1", "b": "", "c": "x y z", "d": "é"}
    assert made.args.to_dict(flat=False)["a"] == ["1", "2"]
    assert json.loads(json.dumps(made.args))["c"] == "x y z"
    assert "a" in made.args and "missing" not in made.args


def test_a_missing_parameter_is_the_clients_fault() -> None:
    with pytest.raises(BadRequestError, match=r"^the request has no 'a'$") as caught:
        request().args["a"]
    assert isinstance(caught.value, KeyError)


def test_parameters_cannot_be_changed_by_halves() -> None:
    args: Any = request(target="/?a=1").args
    with pytest.raises(TypeError, match="to_dict"):
        args["a"] = "2"
    with pytest.raises(TypeError, match="to_dict"):
        args.update(a="2")
    assert args.copy() == {"a": "1"}


def test_a_flood_of_parameters_is_refused() -> None:
    with pytest.raises(BadRequestError, match="more than 1000"):
        _ = request(target="/?" + "a&" * 1001).args


def test_an_urlencoded_form() -> None:
    made = request(b"a=1&a=2&x=%C3%A9", "application/x-www-form-urlencoded; charset=utf-8", "/?a=0&q=9")
    assert made.form.getlist("a") == ["1", "2"] and made.form["x"] == "é"
    assert made.values.getlist("a") == ["0", "1", "2"] and made.values["q"] == "9"
    assert not made.files


def test_uploads(tmp_path: Path) -> None:
    made = request(FORM, 'multipart/form-data; boundary="b"')
    assert made.form.to_dict() == {"n": "3"}
    assert list(made.files) == ["image"]
    one, two = made.files.getlist("image")
    assert one is made.files["image"]
    assert (one.name, one.filename, one.content_type, one.mimetype) == (
        "image",
        "one.png",
        "Image/PNG; x=y",
        "image/png",
    )
    assert one.headers["content-type"] == "Image/PNG; x=y" and one.content_length == 4
    assert one.read(1) == b"\x00" and one.read() == b"\r\n\xff"
    one.seek(0)
    one.save(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == b"\x00\r\n\xff"
    two.save(copy := io.BytesIO())
    two.stream.seek(0)
    assert copy.getvalue() == b"line 1\nline 2" and list(two) == [b"line 1\n", b"line 2"]
    assert io.TextIOWrapper(made.files["image"]).readable()


def test_a_field_in_which_no_file_was_chosen_is_false() -> None:
    made = request(FORM.replace(b"one.png", b""), "multipart/form-data; boundary=b")
    assert not made.files["image"] and made.files.getlist("image")[1]


def test_a_broken_upload_is_the_clients_fault() -> None:
    for body, content_type in ((FORM[:-8], "multipart/form-data; boundary=b"), (FORM, "multipart/form-data")):
        with pytest.raises(BadRequestError, match="multipart/form-data") as caught:
            _ = request(body, content_type).files
        assert caught.value.status == 400


def test_headers() -> None:
    made = request(headers=[("x-custom", "1"), ("accept", "a"), ("accept", "b")])
    assert made.headers["X-CUSTOM"] == made.headers.get("x-custom") == "1"
    assert made.headers.get("x-custom", type=int) == 1 and made.headers.get("missing", "d") == "d"
    assert "x-Custom" in made.headers and "missing" not in made.headers
    assert dict(made.headers) == {"Host": "model.test:8080", "X-Custom": "1", "Accept": "a, b"}
    assert list(made.headers) == list(made.headers.items()) == list(dict(made.headers).items())
    with pytest.raises(BadRequestError):
        _ = made.headers["missing"]


def test_cookies() -> None:
    made = request(headers=[("cookie", 'a=1; b="x\\054y"'), ("cookie", "c=; broken; a=2")])
    assert made.cookies.to_dict() == {"a": "1", "b": "x,y", "c": ""}
    assert request().cookies.get("a") is None


def test_the_address() -> None:
    made = request(target="/sc%C3%A4re/a?x=1%20")
    assert (made.path, made.full_path, made.query_string) == ("/scäre/a", "/scäre/a?x=1%20", b"x=1%20")
    assert made.url == "http://model.test:8080/scäre/a?x=1%20"
    assert (made.base_url, made.host) == ("http://model.test:8080/scäre/a", "model.test:8080")
    assert made.remote_addr is None


def test_the_environment_satisfies_a_wsgi_application() -> None:
    seen = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.append((environ["PATH_INFO"], environ["HTTP_X_A"], environ["wsgi.input"].read(3)))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    environ = dict(request(b"abc", "text/x", "/sc%C3%A4re?q=1", headers=[("x-a", "1")]).environ)
    assert environ["CONTENT_LENGTH"] == "3" and environ["CONTENT_TYPE"] == "text/x" and environ["SERVER_PORT"] == "8080"
    answer = validator(application)(environ, lambda *_: lambda _: None)
    assert b"".join(answer) == b"ok"
    answer.close()  # type: ignore[attr-defined]
    assert seen == [("/sc\xc3\xa4re", "1", b"abc")]


def test_rawhttp_speaks_for_one_function() -> None:
    @rawhttp
    def marked(data: Any) -> Any:
        return data

    def plain(data: Any) -> Any:
        return data

    assert is_rawhttp(marked) and marked(1) == 1
    assert not is_rawhttp(plain) and not is_rawhttp(len) and not is_rawhttp(None)


def test_rawhttp_is_seen_through_other_decorators() -> None:
    @rawhttp
    def marked(data: Any) -> Any:
        return data

    @functools.wraps(marked, updated=())
    def outer(data: Any) -> Any:
        return marked(data)

    assert is_rawhttp(outer)


def test_rawhttp_is_seen_through_decorators_that_hide_what_they_wrap() -> None:
    @rawhttp
    def marked(data: Any) -> Any:
        return data

    def timed(data: Any) -> Any:
        return marked(data)

    def logged(data: Any) -> Any:
        return timed(data)

    assert is_rawhttp(logged)


def test_rawhttp_on_a_method() -> None:
    class Model:
        def score(self, data: Any) -> tuple[Model, Any]:
            return self, data

    model = Model()
    run = rawhttp(model.score)
    assert is_rawhttp(run) and run(1) == (model, 1)
    assert not is_rawhttp(Model.score)


def test_what_only_flask_has_is_told_with_a_way_to_get_it() -> None:
    with pytest.raises(AttributeError, match=r"'root_url'.*flask\.Request\(request\.environ\)"):
        _ = request(b"").root_url
    assert not hasattr(request(b""), "root_url")
