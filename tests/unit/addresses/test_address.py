"""What an address names, and what of it may be shown."""

from __future__ import annotations

import pytest

from localmodel import reasons
from localmodel.addresses import address, readers
from localmodel.errors import UserError

PIN = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@host:8443/a/churn.pkl?sig=secret", "https://host:8443/a/churn.pkl"),
        ("https://me:sec@ret@host/churn.pkl", "https://host/churn.pkl"),
        (f"https://host/churn.pkl?sig=secret#sha256={PIN}", "https://host/churn.pkl"),
        ("https://host/churn.pkl#secret", "https://host/churn.pkl"),
        ("s3://bucket/churn.pkl?versionId=secret", "s3://bucket/churn.pkl"),
        ("oci://me:secret@host:5000/models/churn:3", "oci://host:5000/models/churn:3"),
        ("hf://owner/model@main", "hf://owner/model@main"),
        ("models:/churn@champion", "models:/churn@champion"),
    ],
)
def test_no_secret_of_an_address_is_shown(text: str, shown: str) -> None:
    assert address.parse(text).shown == shown


def test_a_digest_belongs_to_the_file_and_not_to_its_address() -> None:
    parsed = address.parse(f"HTTPS://host/churn.pkl?a=b#sha256={PIN.upper()}")
    assert (parsed.scheme, parsed.text, parsed.sha256) == ("https", "HTTPS://host/churn.pkl?a=b", PIN)


@pytest.mark.parametrize(
    "text", ["s3://bucket/churn.pkl", "hf://owner/model", "models:/churn/3", "runs:/1/model", "ftp://a/b"]
)
def test_addresses_are_told_from_paths(text: str) -> None:
    assert address.is_address(text)


@pytest.mark.parametrize(
    "text", ["churn.tar", "/models/churn.tar", "models/churn.tar", "a:b", "C:\\churn.tar", "models:"]
)
def test_paths_are_told_from_addresses(text: str) -> None:
    assert not address.is_address(text)


@pytest.mark.parametrize(
    "text", ["https://", "https:///churn.pkl", "https://me:secret/w@host/churn.pkl", "https://host:99999/churn.pkl"]
)
def test_what_is_no_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UserError) as caught:
        address.parse(text)
    assert caught.value.reason == reasons.ADDRESS_INVALID
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("pin", ["", "12", PIN + "0", PIN[:-1] + "x"])
def test_a_digest_that_is_none_is_refused(pin: str) -> None:
    with pytest.raises(UserError, match=r"https://host/churn\.pkl: behind #sha256= stand the 64 hex digits"):
        address.parse(f"https://me:secret@host/churn.pkl#sha256={pin}")


def test_a_scheme_that_nothing_reads_names_those_that_can_be_read() -> None:
    with pytest.raises(UserError, match=r"ftp://host/a: ftp:// is not .*https://.*s3://.*hf://.*oci://.*models:/"):
        readers.check(address.parse("ftp://host/a"))


@pytest.mark.parametrize("text", ["hf://owner/model", "oci://host/models/churn:3"])
def test_a_digest_of_a_file_is_refused_where_several_come(text: str) -> None:
    with pytest.raises(UserError, match="#sha256= is for the address of one file"):
        readers.check(address.parse(f"{text}#sha256={PIN}"))


@pytest.mark.parametrize(
    ("text", "name"),
    [("https://host/a/my%20model.pkl?x=y/z", "my model.pkl"), ("s3://bucket/models/churn/", "churn")],
)
def test_a_file_is_named_as_in_its_address(text: str, name: str) -> None:
    assert address.parse(text).file_name == name


@pytest.mark.parametrize(
    "text", ["https://host", "https://host/", "s3://bucket", "https://host/..", "https://host/a%2Fb"]
)
def test_an_address_without_the_name_of_a_file_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="does not end with the name of a file"):
        _ = address.parse(text).file_name


@pytest.mark.parametrize(
    ("path", "is_file", "name"),
    [
        ("churn.pkl", True, "churn"),
        ("churn.v2", False, "churn.v2"),
        ("my model.onnx", True, "my-model"),
        ("…", True, "model"),
    ],
)
def test_a_model_is_named_after_its_file_or_folder(path: str, is_file: bool, name: str) -> None:
    assert address.name_of(path, is_file) == name


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        (f"https://host/a.pkl?sig=1#sha256={'AB' * 32}", f"sha256:{'ab' * 32}"),
        (f"hf://owner/model@{'0a' * 20}", "0a" * 20),
        (f"hf://owner/model@{'0a' * 20}/onnx/model.onnx", "0a" * 20),
        ("hf://owner/model@main", ""),
        ("hf://owner/model", ""),
        (f"https://me@{'0a' * 20}/a.pkl", ""),
        ("models:/churn/3", ""),
    ],
)
def test_an_address_that_can_never_name_something_else(text: str, pinned: str) -> None:
    assert address.parse(text).pinned == pinned
