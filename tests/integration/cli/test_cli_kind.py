"""lmd --target kind: what it asks of kubectl, and what it makes of the answers. A real cluster is for tests/e2e."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.lmd_command import Lmd, script

# Keeps its arguments, and answers each `get` with the next of the prepared resources (the last one again and again).
KUBECTL = """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>asked
case " $* " in
*" config "*) echo '{"contexts": [{"name": "kind-x", "context": {"namespace": "mine"}}]}' ;;
*" apply "*) if [ -f refused ]; then cat refused >&2; exit 1; fi; cat applied.json ;;
*" replace "*) cat applied.json ;;
*" get "*)
  count=$(cat count 2>/dev/null || echo 0)
  [ -f "got-$((count + 1)).json" ] && count=$((count + 1))
  echo "$count" >count
  cat "got-$count.json" ;;
esac
"""


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a kubectl in it, which is found before any other."""
    folder = tmp_path / "kubectl"
    folder.mkdir()
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def resource(*conditions: tuple[str, str, str], generation: int = 2) -> dict[str, Any]:
    return {
        "kind": "LocalModelDeployment",
        "metadata": {"name": "digits", "namespace": "mine", "generation": generation},
        "spec": {"update": {"progressDeadlineSeconds": 300}},
        "status": {
            "url": "http://localhost:6790/score",
            "revisions": {"serving": 4},
            "conditions": [
                {"type": kind, "status": status, "reason": "R", "message": message, "observedGeneration": generation}
                for kind, status, message in conditions
            ],
        },
    }


def answer(kubectl: Path, *resources: dict[str, Any]) -> None:
    (kubectl / "applied.json").write_text(json.dumps(resources[0]))
    for number, one in enumerate(resources, 1):
        (kubectl / f"got-{number}.json").write_text(json.dumps(one, indent=4) + "\n")


def test_apply_waits_until_ready_and_tells_the_stages(lmd: Lmd, kubectl: Path) -> None:
    building = resource(
        ("Ready", "False", "later"), ("EnvironmentBuilt", "False", "the environment is being installed")
    )
    done = resource(("Ready", "True", ""), ("EnvironmentBuilt", "True", "the environment is installed"))
    answer(kubectl, building, done)
    path = lmd.manifest(script("1"))
    result = lmd("apply", "-f", path, "--target", "kind", "--context", "kind-x")
    assert result.out == "digits: revision 4 serves at http://localhost:6790/score\n"
    assert result.code == 0
    assert result.err.splitlines()[2:] == [
        "the environment is being installed",
        "the environment is installed",
        "digits: revision 4 serves",
    ]
    asked = (kubectl / "asked").read_text().splitlines()
    assert asked[1] == f"--context kind-x apply --openapi-patch=false -f {path} -o json"
    assert "--namespace mine" in asked[2]


def test_apply_names_context_and_namespace_before_it_writes(lmd: Lmd, kubectl: Path) -> None:
    (kubectl / "refused").write_text("refused")
    result = lmd("apply", "-k", lmd.folder, "--target", "kind")
    assert "context kind-x, namespace mine unless the manifest names one\n" in result.err.partition("refused")[0]
    other = lmd("apply", "-k", lmd.folder, "--target", "kind", "--namespace", "theirs")
    assert "context kind-x, namespace theirs unless" in other.err


def test_what_another_tool_made_is_replaced(lmd: Lmd, kubectl: Path) -> None:
    """Without a record of what it was made from, nothing of it would be taken away: two sources would be left."""
    answer(kubectl, resource(("Ready", "True", "")))
    said = (
        "Warning: resource localmodeldeployments/digits is missing the kubectl.kubernetes.io/last-applied-configuration"
    )
    (kubectl / "refused").write_text(
        f"{said} annotation\nspec.scoring.source: exactly one of configMap, inline, code and git"
    )
    folder = lmd.folder / "digits"
    folder.mkdir()
    (folder / "score.py").write_text(script("1"))
    (folder / "requirements.txt").write_text("")
    result = lmd("apply", folder, "--replace", "--target", "kind")
    assert result.code == 0, result.err
    asked = (kubectl / "asked").read_text().splitlines()
    assert "replace --save-config -f - -o json" in asked
    (kubectl / "refused").write_text("something else")
    assert lmd("apply", folder, "--replace", "--target", "kind").code == 1


def test_apply_ends_when_something_newer_was_applied(lmd: Lmd, kubectl: Path) -> None:
    mine, newer = resource(("Ready", "False", "later")), resource(("Ready", "True", ""), generation=3)
    newer["spec"]["scoring"] = {"entryScript": "other.py"}
    answer(kubectl, mine, newer)
    result = lmd("apply", "-k", lmd.folder, "--target", "kind")
    assert result.code == 3 and "a newer command has changed digits" in result.err


def test_what_is_imported_is_applied_with_its_script(lmd: Lmd, kubectl: Path) -> None:
    (lmd.folder / "score.py").write_text(script("1"))
    ic = {"entryScript": "score.py", "environment": {"python": {"condaDependencies": {"dependencies": ["pip"]}}}}
    (lmd.folder / "ic.json").write_text(json.dumps(ic))
    (kubectl / "refused").write_text("")
    lmd("import", "azureml", "--ic", "ic.json", "--name", "iris", "--apply", "--target", "kind")
    assert "\napply --openapi-patch=false -k " in (kubectl / "asked").read_text()


def test_more_replicas_are_nothing_newer(lmd: Lmd, kubectl: Path) -> None:
    mine, scaled = resource(("Ready", "False", "later")), resource(("Ready", "True", ""), generation=3)
    scaled["spec"]["replicas"] = 3
    answer(kubectl, mine, scaled)
    assert lmd("apply", "-k", lmd.folder, "--target", "kind").code == 0


def test_apply_fails_with_the_resources_own_words(lmd: Lmd, kubectl: Path) -> None:
    answer(kubectl, resource(("Ready", "False", "score.py:3: KeyError"), ("Stalled", "True", "score.py:3: KeyError")))
    result = lmd("apply", "-k", lmd.folder, "--target", "kind")
    assert result.code == 1 and "error: digits: score.py:3: KeyError\n" in result.err


def test_a_file_that_no_generator_lists_is_told(lmd: Lmd, kubectl: Path) -> None:
    said = "No module named 'cleaning'; add it to the environment's requirements (revision 3 goes on serving)"
    answer(kubectl, resource(("Ready", "False", said), ("Stalled", "True", said)))
    (lmd.folder / "kustomization.yaml").write_text("configMapGenerator: [{name: code, files: [score.py]}]\n")
    for name in ("score.py", "cleaning.py"):
        (lmd.folder / name).write_text("")
    error = lmd("apply", "-k", lmd.folder, "--target", "kind").err
    better = "cleaning.py lies beside the script but is not in kustomization.yaml's files (revision 3 goes on serving)"
    assert f"'cleaning'; {better}" in error


def test_apply_gives_up_in_time_and_says_what_was_missing(lmd: Lmd, kubectl: Path) -> None:
    answer(kubectl, resource(("Ready", "False", "pods are starting")))
    result = lmd("apply", "-k", lmd.folder, "--target", "kind", "--timeout", "0.5")
    assert result.code == 1 and "digits was not ready within 0.5 s: pods are starting" in result.err


def test_apply_without_an_operator_says_so(lmd: Lmd, kubectl: Path) -> None:
    answer(kubectl, {**resource(), "status": {"observedGeneration": -1}})
    result = lmd("apply", "-k", lmd.folder, "--target", "kind", "--timeout", "0.5")
    assert result.code == 1 and "lmd operator up" in result.err


def test_a_text_without_its_quotes_is_told_what_to_do(lmd: Lmd, kubectl: Path) -> None:
    field = "spec.environment.python"
    said = f'* {field}: Invalid value: "number": {field} in body must be of type string: "number"'
    (kubectl / "refused").write_text(f'The LocalModelDeployment "digits" is invalid: \n{said}\n')
    result = lmd("apply", "-f", lmd.manifest(script("1")), "--target", "kind")
    assert result.code == 1 and f"{said} (write it in quotes)" in result.err


def test_an_unknown_field_is_named_in_one_line(lmd: Lmd, kubectl: Path) -> None:
    (kubectl / "refused").write_text(
        'patch: Invalid value: "{…}": strict decoding error: unknown field "spec.replica"\n'
    )
    result = lmd("apply", "-k", lmd.folder, "--target", "kind")
    assert result.code == 1 and result.err.endswith('\nerror: kubectl apply: unknown field "spec.replica"\n')


def test_status_reads_the_resource(lmd: Lmd, kubectl: Path) -> None:
    answer(kubectl, resource(("Ready", "False", "pods are starting")))
    result = lmd("status", "digits", "--target", "kind", "-o", "json")
    assert result.code == 1
    assert json.loads(result.out) == {
        "name": "digits",
        "ready": False,
        "serving": 4,
        "url": "http://localhost:6790/score",
        "message": "pods are starting",
        "stalled": False,
        "damaged": False,
        "scoring": "",
        "stopped": False,
        "durable": None,
        "detail": "",
        "figures": None,
    }


def test_without_kubectl_the_message_says_who_needs_it(lmd: Lmd) -> None:
    result = lmd("status", "--target", "kind", env={"PATH": "/nowhere"})
    assert result.code == 1 and "kubectl is not installed; --target kind needs it" in result.err
