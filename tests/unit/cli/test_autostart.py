"""What starts deployments at login is what systemd and launchd read, and nothing is enabled unasked."""

import configparser
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from localmodel import autostart
from localmodel.cli import main

COMMAND = ["/opt/my tools/lmd", "start", "--all", "--target", "process"]
VARIABLES = {"LOCALMODEL_HOME": '/home/me/100% "mine"'}


def test_the_unit_is_one_that_systemd_reads(tmp_path: Path) -> None:
    text = autostart.unit(COMMAND, VARIABLES)
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    service = parser["Service"]
    assert service["ExecStart"] == '"/opt/my tools/lmd" "start" "--all" "--target" "process"'
    assert service["Environment"] == '"LOCALMODEL_HOME=/home/me/100%% \\"mine\\""'
    # the servers outlive the command that has started them
    assert (service["KillMode"], service["RemainAfterExit"]) == ("process", "yes")
    assert parser["Install"]["WantedBy"] == "default.target"
    if verify := shutil.which("systemd-analyze"):
        path = tmp_path / autostart.UNIT
        path.write_text(autostart.unit(["/bin/true", "50%", "$HOME"], VARIABLES))
        result = subprocess.run([verify, "--user", "verify", str(path)], capture_output=True, text=True, check=False)
        assert autostart.UNIT not in result.stderr


def test_the_agent_is_one_that_launchd_reads_and_is_disabled() -> None:
    agent = plistlib.loads(autostart.agent(COMMAND, VARIABLES))
    assert agent["ProgramArguments"] == COMMAND and agent["EnvironmentVariables"] == VARIABLES
    assert agent["RunAtLoad"] and agent["AbandonProcessGroup"] and agent["Disabled"]


def test_it_says_what_it_wrote_and_how_to_undo_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    home, config = tmp_path / "home", tmp_path / "config"
    # no systemctl: nothing can be enabled here
    variables = {"LOCALMODEL_HOME": str(home), "XDG_CONFIG_HOME": str(config), "PATH": str(tmp_path)}
    path = config / "systemd/user/localmodel.service"
    written = CliRunner().invoke(main, ["autostart"], env=variables)
    assert written.exit_code == 0 and written.output.splitlines()[:2] == [
        f"wrote {path}",
        "enable it: systemctl --user enable localmodel.service",
    ]
    assert f"LOCALMODEL_HOME={home}" in path.read_text() and '"start" "--all"' in path.read_text()
    assert "undo: lmd autostart --off" in written.output
    refused = CliRunner().invoke(main, ["autostart", "--now"], env=variables)
    assert refused.exit_code == 1 and "systemctl is not installed" in refused.output
    assert CliRunner().invoke(main, ["autostart", "--off"], env=variables).output == f"removed {path}\n"
    assert not path.exists()


def test_what_starts_another_home_s_deployments_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    first, second = tmp_path / 'one "100%"', tmp_path / "two"
    variables = {"XDG_CONFIG_HOME": str(tmp_path), "PATH": str(tmp_path)}
    path = tmp_path / "systemd/user/localmodel.service"
    assert CliRunner().invoke(main, ["autostart"], env={**variables, "LOCALMODEL_HOME": str(first)}).exit_code == 0
    before = path.read_text()
    for words in (["autostart"], ["autostart", "--off"]):
        refused = CliRunner().invoke(main, words, env={**variables, "LOCALMODEL_HOME": str(second)})
        assert refused.exit_code == 1
        assert f"LOCALMODEL_HOME={shlex.quote(str(first))} lmd autostart --off" in refused.stderr
        assert path.read_text() == before
    assert autostart.home_of(autostart.agent(COMMAND, VARIABLES)) == VARIABLES["LOCALMODEL_HOME"]
    assert autostart.home_of(b"[Unit]\n") == ""
