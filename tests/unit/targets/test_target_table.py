"""The one table of targets, and those that read it."""

from pathlib import Path

import click
import pytest

from localmodel.cli.target_option import target_options
from localmodel.errors import UserError
from localmodel.store import environment_uses, uses
from localmodel.target_table import TARGETS, Entry, on_cluster
from localmodel.targets.make import make


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_made_by_its_name_and_knows_it(name: str) -> None:
    assert make(name).name == name


def test_an_unknown_target_is_refused_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"unknown target 'aks'; choose process, docker or kind$"):
        make("aks")


def test_a_new_line_of_the_table_is_an_option_and_its_folder_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TARGETS, "podman", Entry("nowhere", "Podman", "pods"))
    assert not on_cluster("podman")

    @click.command()
    @target_options
    def command(target: object) -> None: ...

    (option,) = (one for one in command.params if one.name == "where")
    assert isinstance(option.type, click.Choice) and "podman" in option.type.choices
    record = tmp_path / "pods" / "digits" / "revisions" / "1" / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"target": "podman", "number": 1, "build": "key", "environment": {"LOCALMODEL_MODEL": "m:1@d"}}')
    (use,) = uses.gather(tmp_path / "store")
    assert str(use) == "digits (podman, revision 1)" and use.models == ("m:1",)
    assert environment_uses.keys(tmp_path) == {"key": "digits (podman, revision 1)"}
