"""The gate of a process: what lmd apply says, what serves meanwhile, and the how-to's own examples."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.lmd_command import Lmd, Result, answers, load, script
from support.server.scoring_server_process import eventually

ROOT = Path(__file__).parents[3]
HOW_TO = (ROOT / "docs" / "how-to" / "gate.md").read_text()


def blocks(language: str) -> list[str]:
    """The page's blocks of code."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", HOW_TO, re.MULTILINE | re.DOTALL)
    return [content for named, content in found if named == language]


def expecting(**expect: Any) -> dict[str, Any]:
    """spec.update with one request that is answered 1."""
    return {"gate": {"requests": [{"name": "one", "body": "1", "expect": expect}]}}


ONE = expecting(json=1)


def test_a_wrong_answer_is_told_and_the_old_revision_goes_on(lmd: Lmd) -> None:
    assert lmd.apply(script("1"), update=ONE).code == 0
    result = lmd.apply(script("7"), update=ONE)
    assert result.code == 1 and result.out == ""
    assert "error: revision 2 does not serve: gate: request 1 (one): $: expected 1, got 7\n" in result.err
    assert f"revision 1 goes on serving at http://localhost:{lmd.port}/score" in result.err
    assert lmd.ask() == (200, 1, 1)
    status = lmd.status()
    assert status["serving"] == 1 and status["ready"] is False
    assert "gate: request 1 (one): $: expected 1, got 7" in status["message"]
    assert "revision 2 does not serve: gate: request 1 (one): $: expected 1, got 7\n" in lmd("history", "digits").out


def test_correcting_the_gate_alone_is_enough(lmd: Lmd) -> None:
    lmd.apply(script("1"), update=ONE)
    assert lmd.apply(script("7"), update=ONE).code == 1
    assert lmd.apply(script("7"), update=expecting(json=7)).code == 0
    assert lmd.ask().body == 7 and lmd.status()["ready"] is True
    # The other way round: a gate that what serves does not pass is told, and what serves goes on.
    result = lmd.apply(script("7"), update=ONE)
    assert result.code == 1 and "expected 1, got 7" in result.err
    assert lmd.ask().body == 7


def test_the_same_gate_again_changes_nothing(lmd: Lmd) -> None:
    lmd.apply(script("1"), update=ONE)
    written_out = {"name": "one", "method": "POST", "body": "1", "expect": {"status": 200, "json": 1, "fields": []}}
    result = lmd.apply(script("1"), update={"gate": {"requests": [written_out]}})
    assert result.code == 0 and lmd.ask().revision == 1


@pytest.mark.parametrize(
    ("code", "expect", "said"),
    [
        ("1.25", {"json": 1, "tolerance": "0.2"}, "$: expected 1 within 0.2, got 1.25"),
        ("{'a': [1]}", {"fields": [{"path": "$.a[0]", "equals": 2}]}, "$.a[0]: expected 2, got 1"),
        ("1", {"status": 404}, "status: expected 404, got 200: 1"),
        ("{}['age']", {}, "status: expected 200, got 500: score.py:8: KeyError: 'age'"),
        ("__import__('time').sleep(0.3)", {"maxMilliseconds": 200}, " ms; the limit is 200 ms"),
    ],
)
def test_a_first_revision_that_fails_does_not_serve(lmd: Lmd, code: str, expect: dict[str, Any], said: str) -> None:
    result = lmd.apply(script(code), update=expecting(**expect))
    assert result.code == 1
    assert "error: revision 1 does not serve: gate: request 1 (one): " in result.err and said in result.err
    assert not answers(lmd.port)
    assert said in lmd.status()["message"]


def test_edits_that_pass_and_fail_lose_no_request(lmd: Lmd) -> None:
    gate = {"gate": {"requests": [{"expect": {"fields": [{"path": "$", "equals": 2, "tolerance": "2"}]}}]}}
    lmd.apply(script("1"), update=gate)
    with load(lmd.port) as outcomes:
        for answer, code in (("2", 0), ("9", 1), ("3", 0), ("{}", 1), ("4", 0)):
            assert lmd.apply(script(answer), update=gate).code == code
        enough = len(outcomes) + 20
        eventually(lambda: len(outcomes) >= enough)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception) or outcome.status != 200] == []
    assert {outcome.body for outcome in outcomes if not isinstance(outcome, Exception)} == {1, 2, 3, 4}


def test_a_gate_in_a_config_map_and_what_is_wrong_with_it(lmd: Lmd) -> None:
    def apply(text: str | None) -> Result:
        path = lmd.manifest(script("1"), update={"gate": {"configMap": {"name": "asked"}}})
        if text is not None:
            config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "asked"}}
            with path.open("a") as file:
                file.write("---\n" + yaml.safe_dump({**config_map, "data": {"gate.yaml": text}}))
        return lmd("apply", "-f", path)

    for text, said in (
        (None, "spec.update.gate.configMap: ConfigMap asked does not exist; apply it together with the deployment"),
        ("- expect:\n    jsn: 1\n", "ConfigMap asked: gate.yaml:2: [0].expect.jsn: unknown field"),
        (
            "- expect: {fields: [{path: $..a, equals: 1}]}",
            "gate.yaml:1: [0].expect.fields[0].path: '$..a' is not a path",
        ),
    ):
        result = apply(text)
        assert result.code == 1 and said in result.err
        assert not (lmd.home / "deployments" / "digits").exists(), "nothing is made"
    result = apply("- {body: '5', expect: {json: 2}}")
    assert result.code == 1 and "gate: request 1: $: expected 2, got 1" in result.err
    assert apply("- {body: '5', expect: {json: 1}}").code == 0
    assert lmd.ask().body == 1


def test_the_how_to_is_true(lmd: Lmd) -> None:
    content = yaml.safe_load(blocks("yaml")[0])
    content["spec"]["service"]["localPort"] = lmd.port
    path = lmd.folder / "areas.yaml"
    path.write_text(yaml.safe_dump(content))
    assert lmd("apply", "-f", path).code == 0
    assert lmd.ask({"radius": [1]}).body["predictions"][0]["area"] > 3.14
    path.write_text(path.read_text().replace("math.pi * radius**2", "math.pi * (2 * radius)**2"))
    result = lmd("apply", "-f", path)
    (said,) = [block.strip() for block in blocks("") if block.startswith("error: ")]
    assert said.replace("6789", str(lmd.port)) in result.err
    assert lmd.ask({"radius": [1]}).revision == 1
