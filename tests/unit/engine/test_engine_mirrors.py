"""Where an image is asked for when a mirror stands in its registry's place."""

import pytest

from localmodel.engine.build import mirrored

MIRRORS = {"docker.io": "mirror.example/hub", "docker.io/team/": "mirror.example/team", "ghcr.io": "mirror.example/gh"}


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ("python:3.11-slim", "mirror.example/hub/library/python:3.11-slim"),
        ("docker.io/library/python", "mirror.example/hub/library/python"),
        ("other/image:1", "mirror.example/hub/other/image:1"),
        ("team/image@sha256:00", "mirror.example/team/image@sha256:00"),
        ("ghcr.io/x/y:1", "mirror.example/gh/x/y:1"),
        ("quay.io/x/y:1", "quay.io/x/y:1"),
        ("localhost/x:1", "localhost/x:1"),
        ("registry:5000/x:1", "registry:5000/x:1"),
    ],
)
def test_the_longest_start_that_fits_counts(reference: str, asked: str) -> None:
    assert mirrored(reference, MIRRORS) == asked


def test_without_mirrors_the_name_is_asked_for_as_it_is() -> None:
    assert mirrored("python:3.11-slim", {}) == "python:3.11-slim"
