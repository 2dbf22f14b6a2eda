from dataclasses import replace

import pytest

from localmodel.disk.executable import Executable
from localmodel.oci.layout import Blob
from localmodel.store import ModelVersion
from localmodel.updates.revision import Revision, beyond, bundle_digest, code_digest, model_dir

BEFORE = Revision("base", "server", "lock", "bundle", "settings")
FILES = {"score.py": b"a", "util.py": b"b"}


def model(name: str = "digits", version: int = 1, digest: str = "sha256:1") -> ModelVersion:
    return ModelVersion(name, version, digest, Blob("sha256:w", 1), "2026-01-01")


@pytest.mark.parametrize(
    ("now", "cause"),
    [
        (replace(BEFORE, bundle="other"), "bundle changed"),
        (replace(BEFORE, lock="other", base="other"), "base, lock changed"),
        (Revision("1", "2", "3", "4", "5"), "base, server, lock, bundle, settings changed"),
        (BEFORE, "the same as revision 7"),
    ],
)
def test_the_cause_names_what_differs(now: Revision, cause: str) -> None:
    assert now.changes_from(BEFORE, 7) == cause


def test_the_first_revision_was_created() -> None:
    assert BEFORE.changes_from(None, 0) == "created"


def test_code_is_its_files_and_which_of_them_is_the_entry() -> None:
    digest = code_digest("score.py", FILES)
    assert code_digest("score.py", dict(reversed(FILES.items()))) == digest
    others = [
        code_digest("util.py", FILES),
        code_digest("score.py", {**FILES, "score.py": b"A"}),
        code_digest("score.py", {"score.py": b"a"}),
        code_digest("score.py", {"score.py": b"b", "util.py": b"a"}),
    ]
    assert len({digest, *others}) == 5


def test_a_bundle_is_code_and_models_by_name_version_and_content() -> None:
    others = [
        bundle_digest("code", [model()]),
        bundle_digest("other", [model()]),
        bundle_digest("code", []),
        bundle_digest("code", [model(name="letters")]),
        bundle_digest("code", [model(version=2)]),
        bundle_digest("code", [model(digest="sha256:2")]),
        bundle_digest("code", [model(), model(name="letters")]),
    ]
    assert len(set(others)) == 7
    assert bundle_digest("code", [model(name="letters"), model()]) == others[-1]


def test_the_model_folder_is_the_versions_with_one_model_and_above_them_with_several() -> None:
    assert model_dir("/app", [model()]) == "/app/azureml-models/digits/1"
    assert model_dir("/app", [model(), model(name="letters")]) == "/app/azureml-models"
    assert model_dir("/app", []) == "/app/azureml-models"


def test_what_can_be_executed_is_other_code_and_what_cannot_has_the_digest_it_always_had() -> None:
    files = {"score.py": b"x", "a/b": b"y"}
    plain = "sha256:a02e3f378e59e7a6d4242b0abc5ad5b803793c7dfdad995090307300f5842d83"
    assert code_digest("score.py", files) == plain
    assert code_digest("score.py", {**files, "a/b": Executable(b"y")}) != plain


@pytest.mark.parametrize(
    ("limit", "superseded", "failed", "gone"),
    [
        (5, [1, 2, 3, 4, 5], [], []),
        (5, [1, 2, 3, 4, 5, 6], [], [1]),
        (2, [7, 10, 12, 13, 14, 15], [12, 13, 14, 15], [12, 13, 14]),
        (2, [7, 8, 9, 10, 12, 13], [8, 12], [7, 8, 9]),
        (1, [1, 2, 3], [3], [1]),
        (0, [1, 2, 3], [3], [1, 2, 3]),
    ],
)
def test_failed_revisions_push_none_out_that_have_served(
    limit: int, superseded: list[int], failed: list[int], gone: list[int]
) -> None:
    assert sorted(beyond(limit, superseded, {*superseded} - {*failed})) == gone
