"""What libraries say of a bucket that refuses whoever asks, in one sentence and without their own words."""

from __future__ import annotations

import pytest

from localmodel.addresses import address, buckets
from localmodel.errors import UserError


class HttpError(Exception):
    code = 401


class AzureSigningError(Exception):
    """Of a key that is none."""


@pytest.mark.parametrize(
    ("uri", "error", "advice"),
    [
        ("gs://bucket/x", OSError("Forbidden: https://signed/secret\nno"), "GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs://bucket/x", HttpError("no, 401 secret"), "GOOGLE_APPLICATION_CREDENTIALS"),
        ("az://box/x", ValueError("Must provide either a connection_string or account_name!"), "ACCOUNT_NAME"),
        ("az://box/x", AzureSigningError("secret"), "ACCOUNT_KEY"),
        ("s3://bucket/x", PermissionError("secret"), "AWS_ACCESS_KEY_ID"),
    ],
)
def test_a_refusal_says_how_to_sign_in(uri: str, error: Exception, advice: str) -> None:
    refused = pytest.raises(UserError, match="the bucket does not let you read it")
    with refused as caught, buckets._translated(address.parse(uri)):
        raise error
    assert caught.value.reason == "AddressRefused" and advice in str(caught.value) and "secret" not in str(caught.value)


def test_other_errors_are_none() -> None:
    with (
        pytest.raises(UserError, match=r"gcsfs cannot read it \(OSError\)"),
        buckets._translated(address.parse("gs://b/x")),
    ):
        raise OSError("secret")
