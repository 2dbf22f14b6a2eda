"""VS Code's launch.json: our entry comes in, everything else stays to the letter."""

import json
import re
from pathlib import Path

import pytest

from localmodel.debugger.debuggee import Wish
from localmodel.debugger.launch_file import NotMergeableError, entry, local_root, merge

OURS = entry("digits", Wish(5678), 5678, "${workspaceFolder}", "/var/azureml-app")


def plain(text: str) -> dict[str, object]:
    """The text of a file without URLs in its strings, as JSON."""
    content: dict[str, object] = json.loads(re.sub(r",(?=\s*[\]}])", "", re.sub(r"//.*|/\*.*?\*/", "", text)))
    return content


def test_a_new_file_is_what_vs_code_expects() -> None:
    assert json.loads(merge("", OURS)) == {"version": "0.2.0", "configurations": [OURS]}


@pytest.mark.parametrize(
    "text",
    [
        '{"version": "0.2.0", "configurations": []}',
        '{"configurations": [ ], }',
        '// first\n{\n  /* "configurations": [] */\n  "version": "0.2.0", // "configurations": [\n}\n',
        '{\n  "version": "0.2.0",\n  "configurations": [\n    {"name": "a"}, // keep\n    {"name": "b",},\n  ],\n}\n',
        "{}",
    ],
)
def test_what_was_there_stays_there(text: str) -> None:
    merged = merge(text, OURS)
    before = plain(text)
    configurations = before.pop("configurations", [])
    assert plain(merged) == {**before, "configurations": [OURS, *configurations]}  # type: ignore[misc]
    kept = [line for line in text.splitlines() if "//" in line or "/*" in line]
    assert all(line.split("[")[0] in merged for line in kept)
    assert merge(merged, OURS) == merged, "a second time changes nothing"


def test_the_entry_of_the_same_name_is_replaced_in_its_place() -> None:
    text = merge('{"configurations": [{"name": "a"}]}', OURS)
    text = text.replace('{"name": "a"}', '{"name": "a, \\"//b\\" ]"} /* a */')
    other = merge(text, {**OURS, "connect": {"host": "127.0.0.1", "port": 9}})
    assert '"port": 9' in other and '"port": 5678' not in other and '{"name": "a, \\"//b\\" ]"} /* a */' in other


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"configurations": {}}', '{"configurations": [}', "{} {}", "{\"a\": 'b'}"]
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(NotMergeableError):
        merge(text, OURS)


def test_the_ide_waits_where_the_worker_connects() -> None:
    assert entry("digits", Wish(5678, ("10.0.0.2", 9)), 0, "/a", "/b")["listen"] == {"host": "10.0.0.2", "port": 9}


def test_the_folder_is_named_from_the_workspace_if_it_is_inside() -> None:
    assert local_root(Path("/w"), Path("/w")) == "${workspaceFolder}"
    assert local_root(Path("/w/a/b"), Path("/w")) == "${workspaceFolder}/a/b"
    assert local_root(Path("/x"), Path("/w")) == "/x"
