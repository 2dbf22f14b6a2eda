"""Bodies that are compressed on the way."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest

from localmodel_server.errors import BadRequestError
from localmodel_server.payloads.compression import compress, inflate


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate"])
def test_compressed_bodies_are_inflated_up_to_the_limit(encoding: str) -> None:
    text = b"0" * 100_000
    raw = zlib.compressobj(wbits=-15)
    body = {
        "gzip": gzip.compress(text),
        "deflate": zlib.compress(text),
        "raw deflate": raw.compress(text) + raw.flush(),
    }
    encoding, sent = encoding.split()[-1], body[encoding]
    assert b"".join(inflate(sent, encoding.upper(), 100_000)) == text
    for wrong, limit, status in ((sent, 99_999, 413), (sent[:-9], 100_000, 400), (b"no", 100, 400)):
        with pytest.raises(BadRequestError) as caught:
            list(inflate(wrong, encoding, limit))
        assert caught.value.status == status
    with pytest.raises(BadRequestError, match="not br") as caught:
        list(inflate(sent, "br", 100))
    assert caught.value.status == 415


def test_answers_are_compressed_when_that_pays() -> None:
    text = b"0" * 5000
    assert compress(text, "") == (text, "")
    assert compress(text, "gzip;q=0, br") == (text, "")
    assert compress(b"small", "gzip") == (b"small", "")
    made, encoding = compress(text, "deflate, GZIP;q=0.5")
    assert encoding == "gzip" and gzip.GzipFile(fileobj=io.BytesIO(made)).read() == text
    made, encoding = compress(text, "deflate")
    assert encoding == "deflate" and zlib.decompress(made) == text
