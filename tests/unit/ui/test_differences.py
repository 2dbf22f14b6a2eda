"""What differs between two revisions."""

from __future__ import annotations

import pytest

from localmodel.ui import differences
from localmodel.ui.differences import Change
from localmodel.updates.plan import Facts

HASH = " \\\n    --hash=sha256:00\n"


def test_models_and_packages_that_differ() -> None:
    before, after = {"scaler:1": "sha256:11", "gone:1": ""}, {"scaler:2": "sha256:22", "new:7": ""}
    assert differences.models(before, after) == [
        Change("gone", "1", ""),
        Change("new", "", "7"),
        Change("scaler", "1 sha256:11", "2 sha256:22"),
    ]
    assert differences.models(before, before) == []
    locks = f"numpy==1.0{HASH}six==1.0{HASH}", f"numpy==2.0{HASH}six==1.0{HASH}extra @ https://x{HASH}"
    assert differences.packages(*locks) == [
        Change("extra @ https://x", "", "another source"),
        Change("numpy", "1.0", "2.0"),
    ]


def test_settings_are_told_field_by_field_and_variables_only_as_other_ones() -> None:
    before = Facts(
        variables={"KEY": "sha256:1", "GONE": "sha256:2", "SAME": "sha256:3"},
        secrets={"TOKEN": "uid/1"},
        server={"workers": "1"},
        fixed={"spec.resources": "sha256:4"},
        beside={"spec.replicas": "1"},
    )
    after = Facts(
        variables={"KEY": "sha256:9", "NEW": "sha256:2", "SAME": "sha256:3"},
        secrets={"TOKEN": "uid/2"},
        server={"workers": "2"},
        capture={"percentage": "10"},
        fixed={"spec.resources": "sha256:5"},
        beside={"spec.replicas": "3"},
    )
    assert differences.settings(before, after) == [
        Change("spec.capture.percentage", "", "10"),
        Change("spec.env.GONE", "a value", ""),
        Change("spec.env.KEY", "a value", "another value"),
        Change("spec.env.NEW", "", "a value"),
        Change("spec.env.TOKEN", "a value", "another value"),
        Change("spec.replicas", "1", "3"),
        Change("spec.resources", "a value", "another value"),
        Change("spec.server.workers", "1", "2"),
    ]
    assert differences.settings(before, before) == []


def test_parts_are_the_same_by_their_digests() -> None:
    before, after = {"base": "a", "lock": "b"}, {"base": "a", "lock": "c"}
    assert dict(differences.parts(before, after)) == {
        "Base image": True,
        "Scoring server": True,
        "Packages": False,
        "Code and models": True,
        "Settings": True,
    }


def test_lines_stand_beside_each_other_with_those_around_them() -> None:
    before = "\n".join(f"line {number}" for number in range(1, 31))
    after = before.replace("line 20", "line twenty\nline more")
    (file,) = differences.files({"a.py": before.encode(), "same": b"1"}, {"a.py": after.encode(), "same": b"1"})
    assert (file.path, file.note) == ("a.py", "")
    changed = [(row.before, row.after) for row in file.rows if row.differs]
    assert changed == [((20, "line 20"), (20, "line twenty")), (None, (21, "line more"))]
    assert [row.before[0] for row in file.rows if row.before] == [17, 18, 19, 20, 21, 22, 23]
    assert [row.cut for row in file.rows][:2] == [True, False]


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        (b"\xff", b"ab", "not text: 1 bytes before, 2 bytes after"),
        (b"\xff", None, "not text: 1 bytes before, none after"),
        (b"a\n", b"a\r\n", "differs in its line ends, in whether it is executable, or in being there"),
        (b"", None, "differs in its line ends, in whether it is executable, or in being there"),
        (b"x\n" * 5000, b"y", "longer than 1000 lines"),
    ],
)
def test_files_without_lines_to_show_have_a_note(before: bytes, after: bytes | None, note: str) -> None:
    (file,) = differences.files({"file": before}, {} if after is None else {"file": after})
    assert not file.rows and file.note == note


def test_a_new_file_is_shown_whole() -> None:
    (file,) = differences.files({}, {"score.py": b"a\nb\n"})
    assert [(row.before, row.after) for row in file.rows] == [(None, (1, "a")), (None, (2, "b"))]
