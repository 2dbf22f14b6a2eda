"""The engine runs the container of a compose.yaml as the file says, and it answers as the deployment does."""

from __future__ import annotations

import json
import time
from typing import Any

import yaml
from docker_lmd import DockerLmd
from support import oci_registry
from support.lmd_command import ask, script

from localmodel.targets.ports import spare

REQUEST = {"data": [1, 2]}


def test_compose_runs_what_a_registry_has(lmd: DockerLmd, engine: Any) -> None:
    answer = script("[json.loads(raw_data)['data'], __import__('os').environ['PRICE']]")
    assert lmd.apply(answer, name="words", env=[{"name": "PRICE", "value": "5 $NET"}]).code == 0
    by_lmd = lmd("invoke", "words", "--data", json.dumps(REQUEST)).out
    (lmd.folder / "registry").mkdir()
    with oci_registry.serving(lmd.folder / "registry") as host:
        written = lmd("export", "compose", "words", "--push", f"{host}/team/words:1")
        assert written.code == 0, written.err
        assert written.out == "docker compose --file words-compose/compose.yaml up --detach --wait\n"
        service = yaml.safe_load((lmd.folder / "words-compose" / "compose.yaml").read_text())["services"]["words"]
        assert service["image"].startswith(f"{host}/team/words@sha256:")
        engine.images.pull(service["image"])
    try:
        assert _answer(engine, service) == json.loads(by_lmd) == [[1, 2], "5 $NET"]
    finally:
        engine.images.remove(service["image"])


def _answer(engine: Any, service: Any) -> Any:
    """What the service answers once the file's own health check passes."""
    port = spare()
    container = engine.containers.run(
        service["image"],
        detach=True,
        environment={name: value.replace("$$", "$") for name, value in service["environment"].items()},
        read_only=service["read_only"],
        tmpfs=dict.fromkeys(service["tmpfs"], ""),
        cap_drop=service["cap_drop"],
        security_opt=service["security_opt"],
        ports={"5001/tcp": ("127.0.0.1", port)},
    )
    try:
        _, *check = service["healthcheck"]["test"]
        deadline = time.monotonic() + 60
        while container.exec_run(check).exit_code != 0:
            assert time.monotonic() < deadline, container.logs().decode()
            time.sleep(0.2)
        return ask(port, REQUEST).body
    finally:
        container.remove(force=True)
