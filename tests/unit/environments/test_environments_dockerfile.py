"""Environments on an image of the user's."""

import pytest

from localmodel.environments.formats import dockerfile
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec


def test_the_python_is_that_of_the_last_from() -> None:
    text = "FROM golang:1 AS tool\nRUN true\nFROM --platform=linux/amd64 docker.io/library/python:3.12-slim\n"
    assert dockerfile.read(text) == EnvironmentSpec("3.12", dockerfile=text)


def test_an_image_that_tells_no_python_is_expected_to_have_the_default() -> None:
    found = dockerfile.define("FROM ubuntu:22.04\nRUN apt-get install -y python3.10\n")
    assert found.spec.python == "3.11"
    assert "--python" in found.notes[0]
    assert dockerfile.define("FROM ubuntu:22.04\n", "3.10").spec.python == "3.10"
    assert dockerfile.define("FROM ubuntu:22.04\n", "3.10").notes == ()


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("RUN true\n", "(Dockerfile)", "no FROM"),
        ("FROM x\nRUN true \\\n  && true\nCOPY a b\n", "(Dockerfile):4", "no files beside it"),
        ("FROM x\nADD . /x\n", "(Dockerfile):2", "no files beside it"),
        ("FROM x\nRUN pip install -i https://me:geheim@i.example/simple x\n", "(Dockerfile):2", "history"),
    ],
)
def test_what_a_dockerfile_may_not_have(text: str, place: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        dockerfile.read(text)
    assert str(error.value).startswith(place + ": ")
    assert words in str(error.value)
    assert "geheim" not in str(error.value)


def test_files_of_another_stage_and_of_the_web_may_be_copied() -> None:
    dockerfile.read("FROM x AS a\nFROM python:3.11\nCOPY --from=a /x /y\nADD https://files.example/x /y\n")


def test_an_image_by_reference() -> None:
    assert dockerfile.image("registry.example/python:3.9-slim").spec == EnvironmentSpec(
        "3.9", base_image="registry.example/python:3.9-slim"
    )
    with pytest.raises(UserError):
        dockerfile.image("not an image")
    with pytest.raises(UserError, match=r"Python 3\.6 is not supported"):
        dockerfile.image("python:3.6")
