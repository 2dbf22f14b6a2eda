"""A requirement is read once, whoever wrote it; what installers get is written from what was read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.bad_requirements import BAD, SECRET, filled_in
from support.examples import examples

from localmodel import data
from localmodel.environments.formats import asked
from localmodel.environments.locks import lock as locks
from localmodel.errors import UserError
from localmodel.requirements import requirement
from localmodel.resource import schema
from localmodel.resource.spec import EnvironmentSpec

GOOD = {
    "six": "six",
    " six ": "six",
    "Six==1.17.0": "Six==1.17.0",
    "numpy >=1.19, <2": "numpy<2,>=1.19",
    "torch==2.1.0+cpu": "torch==2.1.0+cpu",
    "a (>=1)": "a>=1",
    "ruamel.yaml~=0.18": "ruamel.yaml~=0.18",
    "uvicorn[standard, x]>=0.3": "uvicorn[standard,x]>=0.3",
    "six; python_version<'3.12'": 'six ; python_version < "3.12"',
    "a ; sys_platform == 'linux' and (python_version>='3.9' or extra=='b')": (
        'a ; sys_platform == "linux" and (python_version >= "3.9" or extra == "b")'
    ),
    "six @ https://h.example/x/six-1.0-py3-none-any.whl": "six @ https://h.example/x/six-1.0-py3-none-any.whl",
    "torch @ https://h/torch-2.1.0%2Bcpu-cp311-cp311-linux_x86_64.whl ; python_version < '4'": (
        'torch @ https://h/torch-2.1.0%2Bcpu-cp311-cp311-linux_x86_64.whl ; python_version < "4"'
    ),
    "six==1.0 --hash=sha256:ab --hash sha256:cd": "six==1.0",
}


def pattern(field: str) -> re.Pattern[str]:
    """The pattern that the CRD has for a field of the environment."""
    crd = yaml.safe_load((data.path("crds") / "localmodeldeployments.yaml").read_text())
    found = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    found = found["environment"]["properties"][field]
    (rule,) = found.get("items", found)["x-kubernetes-validations"]
    inside = re.fullmatch(r"self\.matches\(r'(.*)'\)", rule["rule"])
    assert inside
    return re.compile(inside[1])


def manifest(**environment: object) -> dict[str, object]:
    source = {"entryScript": "score.py", "source": {"inline": {"score.py": "x = 1"}}}
    spec = {"scoring": source, "models": [], "environment": environment}
    return {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize("text", GOOD)
def test_a_requirement_is_written_anew(text: str) -> None:
    found = requirement.read(text, "here")
    assert found.text == GOOD[text]
    assert requirement.checked(text, "here") == text.strip()
    assert pattern("requirements").fullmatch(text)
    assert schema.validate(manifest(requirements=[text]))


def test_demanded_hashes_are_no_part_of_what_is_written() -> None:
    assert requirement.read("six==1.0 --hash=sha256:ab --hash sha256:cd", "").hashes == {"sha256:ab", "sha256:cd"}


@pytest.mark.parametrize("what", BAD)
def test_what_no_installer_may_get_is_refused_at_every_door(what: str) -> None:
    text = filled_in(BAD[what])
    with pytest.raises(UserError, match=r"(?s)^here") as error:
        requirement.read(text, "here")
    assert error.value.reason == "EnvironmentInvalid"
    assert SECRET not in str(error.value) and str(error.value).isascii() and str(error.value).isprintable()
    with pytest.raises(UserError, match=r"^environment\[1\]") as error:
        asked.requirements(("six", text), "environment")
    assert error.value.reason == "RequirementsUnresolvable"
    with pytest.raises(UserError, match=r"spec\.environment\.requirements\[0\]") as error:
        schema.validate(manifest(requirements=[text]))
    assert error.value.reason == "InvalidManifest" and SECRET not in str(error.value)


@pytest.mark.parametrize(
    "what",
    sorted(
        set(BAD)
        - {"an option in a version", "an option in a marker", "a comment in a marker", "a query", "a login"}
        - {what for what in BAD if what.startswith("a file's name")}
        - {"another package's wheel", "the address of a source", "a folder of an address"}
    ),
)
def test_the_api_server_refuses_what_a_pattern_can_see(what: str) -> None:
    assert not pattern("requirements").fullmatch(filled_in(BAD[what]))


@pytest.mark.parametrize(
    ("image", "good"),
    [
        ("python:3.11-slim", True),
        ("localhost:5000/team/base@sha256:" + "a" * 64, True),
        ("localmodel.dev/base:" + "a" * 32, True),
        ("sha256:" + "a" * 64, True),
        ("", False),
        ("python:3.11 AS tools", False),
        ("../containers/x", False),
        ("--platform=x", False),
        ("a\nRUN x", False),
        ("http://u:p@h/i", False),
        ("${HOME}", False),
    ],
)
def test_the_name_of_an_image(image: str, good: bool) -> None:
    assert bool(pattern("baseImage").fullmatch(image)) == good
    if good:
        asked.read(EnvironmentSpec(base_image=image))
        assert schema.validate(manifest(baseImage=image))
        return
    with pytest.raises(UserError, match=r"spec\.environment\.baseImage"):
        asked.read(EnvironmentSpec(base_image=image))
    with pytest.raises(UserError, match=r"spec\.environment\.baseImage"):
        schema.validate(manifest(baseImage=image))


@pytest.mark.parametrize("python", ["3.11'; import os", "3", "", "2.7"])
async def test_a_stored_environment_with_another_python_is_not_resolved(python: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"spec\.environment\.python: Python .* is not supported"):
        await locks.resolve(EnvironmentSpec(python), None, tmp_path)


_CHARACTERS = "aB1.-_ [](),;@=<>!~'\"#$\\{}/:?*+&%|\t\r\n\x00\x0b\x85\u2028é"
_WORDS = (
    *("six", "==", "1.0", " @ ", "https://h/", "six-1.0-py3-none-any.whl", "python_version", " ; ", "'3'", " and "),
    *("===", "os_name == 'a'", " -r ", "--hash=sha256:ab", "git+", "file:", ".tar.gz", "--index-url=", "${X}"),
)
# Text that comes near to requirements, and any text at all
_PIECES = st.lists(
    st.sampled_from((*_CHARACTERS, *_WORDS)),
    max_size=12,
).map("".join)


@settings(max_examples=examples(300), deadline=None)
@given(st.one_of(_PIECES, st.text(max_size=40)))
def test_whatever_the_text_an_installer_gets_one_line_that_reads_back_as_the_same(text: str) -> None:
    try:
        found = requirement.read(text, "here")
    except UserError:
        return
    assert pattern("requirements").fullmatch(text), "the API server would refuse what the reader takes"
    assert found.text.isascii() and found.text.isprintable() and not re.search(r"[$\\]|\s[#-]", found.text)
    assert found.text.splitlines() == [found.text]
    again = Requirement(found.text)
    assert canonicalize_name(again.name) == found.name and found.text.startswith(again.name)
    assert again == Requirement(re.sub(r"\s+--hash[= ]\w+:[0-9a-fA-F]+", "", text).strip())
    assert again.url is None or again.url.endswith(".whl")
    assert requirement.read(found.text, "here").text == found.text
