"""lmd model and lmd store, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support.lmd_command import Lmd


@pytest.fixture
def lmd(tmp_path: Path) -> Lmd:
    (tmp_path / "ridge.bin").write_text("weights")
    lmd = Lmd(tmp_path)
    lmd("model", "register", "ridge.bin", "--name", "ridge", "--tag", "area=diabetes", "--tag", "type=regression")
    return lmd


def test_what_was_told_is_listed_found_and_shown(lmd: Lmd) -> None:
    told = ("--property", "alpha=0.5", "--framework", "ScikitLearn", "--framework-version", "1.5")
    assert lmd("model", "register", "ridge.bin", "--name", "ridge", "--description", "R", *told).out == "ridge:2\n"
    rows = lmd("model", "list").out.splitlines()
    assert [row.split()[:2] for row in rows] == [["NAME", "VERSION"], ["ridge", "1"], ["ridge", "2"]]
    assert "area=diabetes type=regression" in rows[1] and "ScikitLearn" in rows[2]
    for option in (["--tag", "area=diabetes"], ["--tag", "area"], ["--tag", "area", "--tag", "type=regression"]):
        assert len(lmd("model", "list", *option).out.splitlines()) == 2
    assert [each["version"] for each in json.loads(lmd("model", "list", "--latest", "-o", "json").out)] == [2]
    shown = lmd("model", "show", "ridge").out
    assert "version:     2\n" in shown and "alpha=0.5" in shown and "ScikitLearn 1.5" in shown
    assert yaml.safe_load(lmd("model", "show", "ridge:1", "-o", "yaml").out)["tags"]["area"] == "diabetes"


def test_tags_and_aliases_move(lmd: Lmd) -> None:
    assert lmd("model", "alias", "ridge", "champion").out == "ridge@champion is ridge:1\n"
    assert (
        lmd("model", "update", "ridge@champion", "--tag", "area=age", "--remove-tag", "type").out
        == "ridge:1 area=age\n"
    )
    shown = json.loads(lmd("model", "show", "ridge@champion", "-o", "json").out)
    assert (shown["tags"], shown["aliases"], shown["uses"]) == ({"area": "age"}, ["champion"], [])
    assert lmd("model", "alias", "ridge", "champion", "--remove").code == 0
    gone = lmd("model", "show", "ridge@champion")
    assert gone.code == 1 and "no alias champion" in gone.err


def test_a_model_is_written_out_and_not_over_something(lmd: Lmd) -> None:
    assert lmd("model", "download", "ridge", "--target-dir", "out").out == "out/ridge.bin\n"
    again = lmd("model", "download", "ridge", "--target-dir", "out")
    assert again.code == 1 and "out/ridge.bin exists already" in again.err
    assert lmd("model", "download", "ridge", "--target-dir", "out", "--overwrite").code == 0
    assert (lmd.folder / "out" / "ridge.bin").read_text() == "weights"


def test_a_deleted_version_frees_its_space(lmd: Lmd) -> None:
    unclear = lmd("model", "delete", "ridge")
    assert unclear.code == 2 and "ridge:1" in unclear.err
    assert lmd("model", "delete", "ridge:1").out == "deleted ridge:1\n"
    assert lmd("model", "delete", "ridge:1").code == 1
    freed = int(lmd("store", "gc").out.split()[0])
    assert freed > len("weights")
    assert lmd("store", "gc").out == "0 bytes freed\n"
    assert lmd("model", "register", "ridge.bin", "--name", "ridge").out == "ridge:2\n"


def test_damage_is_found_and_is_a_failure(lmd: Lmd) -> None:
    assert lmd("store", "verify").out == "the store is intact\n"
    assert lmd("model", "verify", "ridge").out == "ridge is intact\n"
    digest = json.loads(lmd("model", "list", "-o", "json").out)[0]["weights"]["digest"]
    (lmd.home / "store" / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(bytes(2048))
    for command in (("store", "verify"), ("model", "verify", "ridge")):
        found = lmd(*command)
        assert found.code == 1 and f"{digest} is damaged" in found.out
    listed = lmd("store", "verify", "-o", "json")
    assert listed.code == 1 and json.loads(listed.out)[0]["what"] == digest


def test_a_file_goes_to_another_machine(lmd: Lmd) -> None:
    assert lmd("model", "export", "ridge:1", "ridge.tar").out == "ridge.tar\n"
    there = {"LOCALMODEL_HOME": str(lmd.folder / "there")}
    assert lmd("model", "import", "ridge.tar", env=there).out == "ridge:1\n"
    assert lmd("model", "import", "ridge.tar", "--name", "other", env=there).out == "other:1\n"
    assert json.loads(lmd("model", "list", "-o", "json", env=there).out)[1]["tags"]["area"] == "diabetes"


def test_a_wrong_pair_is_a_wrong_use(lmd: Lmd) -> None:
    wrong = lmd("model", "update", "ridge", "--tag", "area")
    assert wrong.code == 2 and "write KEY=VALUE" in wrong.err
