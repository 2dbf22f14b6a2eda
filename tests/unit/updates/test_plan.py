"""Which way each field's edit takes: the planner, the table in docs, and the CRD's schema agree."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localmodel import digests
from localmodel.resource import schema, spec
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec, Variable
from localmodel.updates import plan, revision
from localmodel.updates.plan import LANES, Facts

ROOT = Path(__file__).parents[3]
INLINE = {"scoring": {"entryScript": "score.py", "source": {"inline": {"score.py": "a", "other.py": "b"}}}}
REQUEST = {
    "name": "seven",
    "method": "POST",
    "path": "/score",
    "body": "[7]",
    "contentType": "application/json",
    "expect": {
        "status": 200,
        "json": {"a": 7},
        "tolerance": "0.1",
        "fields": [{"path": "$.a", "equals": 7, "tolerance": "0.1"}],
        "maxMilliseconds": 100,
    },
}
POD: dict[str, Any] = {
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "gpu"}],
    "affinity": {"podAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    "priorityClassName": "high",
    "serviceAccountName": "reader",
    "imagePullSecrets": [{"name": "registry"}],
    "labels": {"team": "a"},
    "annotations": {"team": "a"},
    "volumes": [{"mountPath": "/data", "persistentVolumeClaim": {"claimName": "data"}}],
}
FAIL = {"errorRatio": "0.01", "latencyRatio": "2"}
# Manifests that have each field between them.
EXAMPLES: tuple[dict[str, Any], ...] = (
    {
        **INLINE,
        "models": [{"name": "digits", "version": 1}],
        "environment": {"python": "3.11", "requirements": ["numpy"], "baseImage": "mine:1"},
        "env": [
            {"name": "LEVEL", "value": "1"},
            {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "colours", "key": "a", "optional": False}}},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "a", "optional": False}}},
        ],
        "server": {"workers": 1, "scoringTimeoutSeconds": 60, "maxRequestBytes": 2048},
        "capture": {
            "percent": 5,
            "keep": {"requests": 10, "megabytes": 1},
            "answers": True,
            "redact": ["$.ssn"],
            "headers": ["x-user"],
        },
        "service": {"expose": "NodePort", "localPort": 6789},
        "replicas": 1,
        "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        "pod": POD,
        "update": {
            "strategy": "Auto",
            "gate": {"requests": [REQUEST]},
            "replay": {"last": 50, "minRequests": 5, "maxChanged": 1, "tolerance": "1e-6", "ignore": ["$.rows[*].t"]},
            "progressDeadlineSeconds": 300,
        },
        "revisionHistoryLimit": 5,
        "suspend": False,
    },
    {
        "models": [
            {
                "name": "far",
                "uri": "hf://owner/far@main",
                "digest": f"sha256:{'0' * 64}",
                "credentials": {"secret": "hub"},
            },
            {"name": "moving", "uri": "models:/moving@champion", "refresh": {"interval": "5m"}},
        ],
        "scoring": {"entryScript": "score.py", "source": {"configMap": {"name": "files"}}},
        "environment": {"ref": {"name": "science", "version": 1}},
        "service": {"expose": "Ingress", "host": "a.example", "path": "/a", "ingressClass": "a", "tlsSecret": "a"},
        "autoscaling": {"min": 1, "max": 3, "inflight": 4},
        "update": {
            "gate": {"configMap": {"name": "checks"}},
            "shadow": {"percent": 5, "seconds": 60, "minRequests": 20, "fail": {**FAIL, "changedRatio": "0.5"}},
            "canary": {
                "steps": [{"percent": 5, "seconds": 60}],
                "sticky": {"header": "x-user"},
                "force": {"header": "x-try"},
                "minRequests": 20,
                "fail": FAIL,
                "promote": "Auto",
            },
        },
    },
    {
        "scoring": {"entryScript": "score.py", "source": {"code": {"name": "digits", "version": 1}}},
        "environment": {"file": "requirements.txt"},
        "service": {"expose": "Gateway", "gateway": {"name": "a", "namespace": "a", "listener": "a"}},
        "resources": {"requests": {"cpu": "1"}},
        "autoscaling": {"min": 1, "max": 3, "cpu": 70},
    },
    {
        "scoring": {
            "entryScript": "score.py",
            "source": {
                "git": {
                    "url": "https://git.example/a.git",
                    "ref": "main",
                    "path": "scoring",
                    "credentials": {"secret": "git"},
                    "refresh": {"interval": "5m"},
                }
            },
        },
    },
)
# For each field of the schema another value than the example has.
OTHER: dict[str, Any] = {
    "spec.models[].name": "letters",
    "spec.models[].version": 2,
    "spec.models[].uri": "hf://owner/far@other",
    "spec.models[].digest": f"sha256:{'1' * 64}",
    "spec.models[].credentials.secret": "hub-2",
    "spec.models[].refresh.interval": "10m",
    "spec.scoring.entryScript": "other.py",
    "spec.scoring.source.configMap.name": "files-2",
    "spec.scoring.source.inline": {"score.py": "c", "other.py": "b"},
    "spec.scoring.source.code.name": "letters",
    "spec.scoring.source.code.version": 2,
    "spec.scoring.source.git.url": "https://git.example/b.git",
    "spec.scoring.source.git.ref": "v2",
    "spec.scoring.source.git.path": "other",
    "spec.scoring.source.git.credentials.secret": "git-2",
    "spec.scoring.source.git.refresh.interval": "10m",
    "spec.environment.python": "3.12",
    "spec.environment.requirements[]": "pandas",
    "spec.environment.baseImage": "mine:2",
    "spec.environment.file": "environment.yml",
    "spec.environment.ref.name": "arts",
    "spec.environment.ref.version": 2,
    "spec.env[].name": "OTHER",
    "spec.env[].value": "2",
    "spec.env[].valueFrom.configMapKeyRef.name": "colours-2",
    "spec.env[].valueFrom.configMapKeyRef.key": "b",
    "spec.env[].valueFrom.configMapKeyRef.optional": True,
    "spec.env[].valueFrom.secretKeyRef.name": "tokens-2",
    "spec.env[].valueFrom.secretKeyRef.key": "b",
    "spec.env[].valueFrom.secretKeyRef.optional": True,
    "spec.server.workers": 2,
    "spec.server.scoringTimeoutSeconds": 61,
    "spec.server.maxRequestBytes": 4096,
    "spec.capture.percent": 6,
    "spec.capture.keep.requests": 11,
    "spec.capture.keep.megabytes": 2,
    "spec.capture.answers": False,
    "spec.capture.redact[]": "$.name",
    "spec.capture.headers[]": "x-other",
    "spec.service.expose": "None",
    "spec.service.localPort": 6790,
    "spec.service.host": "b.example",
    "spec.service.path": "/b",
    "spec.service.ingressClass": "b",
    "spec.service.tlsSecret": "b",
    "spec.service.gateway.name": "b",
    "spec.service.gateway.namespace": "b",
    "spec.service.gateway.listener": "b",
    "spec.replicas": 2,
    "spec.autoscaling.min": 2,
    "spec.autoscaling.max": 4,
    "spec.autoscaling.cpu": 80,
    "spec.autoscaling.inflight": 5,
    "spec.resources.requests": {"cpu": "2"},
    "spec.resources.limits": {"memory": "2Gi"},
    "spec.pod.nodeSelector": {"disk": "slow"},
    "spec.pod.tolerations": [{"key": "spot"}],
    "spec.pod.affinity": {"podAntiAffinity": {}},
    "spec.pod.topologySpreadConstraints": [],
    "spec.pod.priorityClassName": "low",
    "spec.pod.serviceAccountName": "writer",
    "spec.pod.imagePullSecrets": [{"name": "other"}],
    "spec.pod.labels": {"team": "b"},
    "spec.pod.annotations": {"team": "b"},
    "spec.pod.volumes": [{"mountPath": "/data", "persistentVolumeClaim": {"claimName": "other"}}],
    "spec.update.strategy": "Roll",
    "spec.update.gate.configMap.name": "checks-2",
    "spec.update.gate.requests[].name": "eight",
    "spec.update.gate.requests[].method": "GET",
    "spec.update.gate.requests[].path": "/readyz",
    "spec.update.gate.requests[].body": "[8]",
    "spec.update.gate.requests[].contentType": "text/plain",
    "spec.update.gate.requests[].expect.status": 201,
    "spec.update.gate.requests[].expect.json": {"a": 8},
    "spec.update.gate.requests[].expect.tolerance": "0.2",
    "spec.update.gate.requests[].expect.fields[].path": "$.b",
    "spec.update.gate.requests[].expect.fields[].equals": 8,
    "spec.update.gate.requests[].expect.fields[].tolerance": "0.2",
    "spec.update.gate.requests[].expect.maxMilliseconds": 200,
    "spec.update.replay.last": 60,
    "spec.update.replay.minRequests": 6,
    "spec.update.replay.maxChanged": 2,
    "spec.update.replay.tolerance": "0.1",
    "spec.update.replay.ignore[]": "$.took",
    "spec.update.shadow.percent": 6,
    "spec.update.shadow.seconds": 61,
    "spec.update.shadow.minRequests": 21,
    "spec.update.shadow.fail.errorRatio": "0.02",
    "spec.update.shadow.fail.latencyRatio": "3",
    "spec.update.shadow.fail.changedRatio": "0.6",
    "spec.update.canary.steps[].percent": 6,
    "spec.update.canary.steps[].seconds": 61,
    "spec.update.canary.sticky.header": "x-client",
    "spec.update.canary.force.header": "x-force",
    "spec.update.canary.minRequests": 21,
    "spec.update.canary.fail.errorRatio": "0.02",
    "spec.update.canary.fail.latencyRatio": "3",
    "spec.update.canary.promote": "Manual",
    "spec.update.progressDeadlineSeconds": 301,
    "spec.revisionHistoryLimit": 6,
    "spec.suspend": True,
}


def fields(node: Mapping[str, Any], path: str) -> Iterator[str]:
    """The schema's fields that hold a value: `spec.models[].name`; of spec.pod those that the planner has."""
    if path.startswith("spec.pod."):
        yield path
    elif "properties" in node:
        for name, child in node["properties"].items():
            yield from fields(child, f"{path}.{name}")
    elif isinstance(node.get("items"), dict):
        yield from fields(node["items"], f"{path}[]")
    else:
        yield path


FIELDS = list(fields(schema.resource_schema()["properties"]["spec"], "spec"))


def table() -> dict[str, list[str]]:
    """Field -> ways on a cluster, in a container, in a process, as docs have them."""
    text = (ROOT / "docs/reference/updates.md").read_text()
    rows = re.findall(r"^\| `(spec\.[^`]+)` \| (\w+) \| (\w+) \| (\w+) \|$", text, re.MULTILINE)
    return {row[0]: list(row[1:]) for row in rows}


def changed(example: Any, path: list[str], value: Any) -> bool:
    """Set the field in the first place that has it."""
    name = path[0].removesuffix("[]")
    if not isinstance(example, dict) or name not in example:
        return False
    if not path[0].endswith("[]"):
        if len(path) > 1:
            return changed(example[name], path[1:], value)
        assert example[name] != value
        example[name] = value
        return True
    if len(path) > 1:
        return any(changed(item, path[1:], value) for item in example[name])
    example[name] = [value]
    return True


def edit(field: str) -> tuple[DeploymentSpec, DeploymentSpec]:
    """Two valid specs that differ in the field alone."""
    for example in EXAMPLES:
        after = copy.deepcopy(example)
        if changed(after, field.split(".")[1:], OTHER[field]):
            return parsed(example), parsed(after)
    raise AssertionError(f"no example has {field}")


def parsed(content: Mapping[str, Any]) -> DeploymentSpec:
    manifest = {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": {"name": "digits"}, "spec": content}
    return spec.parse(schema.validate(manifest)["spec"])


def worker(wanted: DeploymentSpec) -> tuple[DeploymentSpec, dict[str, Any]]:
    """Stands for what resolving finds: other names have other content."""
    if reference := wanted.environment_ref:
        wanted = replace(wanted, environment=EnvironmentSpec("3.11", (f"{reference.name}=={reference.version}",)))
    if wanted.environment_file:
        wanted = replace(wanted, environment=EnvironmentSpec("3.11", (wanted.environment_file,)))
    source = wanted.source
    git = source.git and [source.git.url, source.git.ref, source.git.path]
    other = json.dumps([source.config_map, source.code and [source.code.name, source.code.version], git])
    files = {name: text.encode() for name, text in (source.inline or {"score.py": other}).items()}
    gate = wanted.gate
    return wanted, {
        "lock": digests.of_json([wanted.environment.python, wanted.environment.requirements]),
        "code": revision.code_digest(wanted.entry_script, files),
        "files": files,
        "models": [
            SimpleNamespace(name=m.name, version=m.version, digest=f"{m.name}{m.version}{m.uri}") for m in wanted.models
        ],
        "variables": {v.name: text(v) for v in wanted.env if not is_secret(v)},
        "gate": digests.of_json([gate.requests, gate.config_map]) if gate else "",
    }


def text(variable: Variable) -> str:
    reference = variable.value_from
    if reference is None:
        return variable.value
    return "/".join([reference.name, reference.key, *(reference.version("1") if is_secret(variable) else ())])


def is_secret(variable: Variable) -> bool:
    return variable.value_from is not None and variable.value_from.kind == "Secret"


def facts_of_pods(wanted: DeploymentSpec) -> Facts:
    filled, found = worker(wanted)
    return plan.of_pods(filled, **found, secrets={v.name: text(v) for v in wanted.env if is_secret(v)})


def test_every_field_has_a_row_in_the_docs_and_a_case_here() -> None:
    assert sorted(table()) == sorted(OTHER) == sorted(FIELDS)
    assert {way for row in table().values() for way in row} == {*LANES, "refused"}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_takes_the_way_that_docs_say_on_a_cluster(field: str) -> None:
    before, after = edit(field)
    found = plan.plan(facts_of_pods(after), facts_of_pods(before))
    assert found.lane == table()[field][0], found.reason
    assert (found.lane == "nothing") == (found.steps == ())
    if found.lane != "nothing":
        group = ".".join(field.split(".")[: 3 if field.startswith(("spec.update", "spec.service")) else 2])
        assert group.replace("[]", "") in found.reason


def test_every_strategy_is_one_that_docs_tell_of() -> None:
    update = schema.resource_schema()["properties"]["spec"]["properties"]["update"]["properties"]
    told = re.findall(r"`spec\.update\.strategy: (\w+)`", (ROOT / "docs/reference/updates.md").read_text())
    assert {"Auto", *told} == set(update["strategy"]["enum"])


def facts(**changes: Any) -> Facts:
    return replace(facts_of_pods(parsed(EXAMPLES[0])), **changes)


def test_the_reason_names_what_has_changed() -> None:
    files = {"score.py": "1", "util.py": "1"}
    before = facts(files=files, variables={"LEVEL": "a", "GONE": "a"}, secrets={"TOKEN": "1"}, models={"m": "1@a"})
    after = facts(
        code="other",
        files={**files, "util.py": "2"},
        variables={"LEVEL": "b", "NEW": "a"},
        secrets={"TOKEN": "2"},
        models={"m": "2@a"},
        python="3.12",
        lock="other",
    )
    assert plan.plan(after, before).reason == (
        "spec.environment changed: python, packages; spec.env changed: TOKEN (from a Secret, which only the pod sees); "
        "spec.scoring changed: util.py; spec.models changed: m; spec.env changed: GONE, LEVEL, NEW"
    )


def test_of_many_changes_some_are_named() -> None:
    before = facts(variables={})
    after = facts(variables={f"V{number}": "1" for number in range(9)})
    assert plan.plan(after, before).reason == "spec.env changed: V0, V1, V2, V3, V4, 4 more"


def test_the_dearest_way_is_taken_once_and_what_is_patched_is_patched() -> None:
    before, after = facts(beside={"spec.replicas": "1"}), facts(beside={"spec.replicas": "2"}, code="other")
    found = plan.plan(after, before)
    assert found.lane == "swap" and found.steps[0] == "Deployment and Service are patched"
    assert plan.plan(replace(after, lock="other"), before).lane == "rebuild"


@pytest.mark.parametrize(
    ("strategy", "can_swap", "lane", "because"),
    [
        ("Auto", None, "swap", ""),
        ("Auto", "there is no room for a second worker", "roll", "there is no room for a second worker"),
        ("Roll", None, "roll", "spec.update.strategy is Roll"),
        ("Recreate", None, "roll", "spec.update.strategy is Recreate"),
    ],
)
def test_what_cannot_or_must_not_be_swapped_rolls(strategy: str, can_swap: str | None, lane: str, because: str) -> None:
    found = plan.plan(facts(code="other", strategy=strategy), facts(), can_swap)
    assert found.lane == lane and because in found.reason
    untouched = plan.plan(facts(strategy=strategy), facts(), can_swap)
    assert untouched.lane == "nothing"


def test_whether_the_old_pods_end_first_is_among_the_steps() -> None:
    for change in ({"code": "other"}, {"lock": "other"}, {"fixed": {"spec.resources": "other"}}):
        for strategy, step in (
            ("Recreate", "every old pod ends, then new ones start: nothing answers meanwhile"),
            ("Roll", "new pods start; each old one ends once a new one is ready"),
        ):
            assert plan.plan(facts(strategy=strategy, **change), facts()).steps[-1] == step
    scaled = plan.plan(facts(strategy="Recreate", beside={"spec.replicas": "2"}), facts(beside={"spec.replicas": "1"}))
    assert (scaled.lane, scaled.steps) == ("patch", ("Deployment and Service are patched",))


def test_equal_content_needs_nothing_whatever_it_is_called() -> None:
    same: dict[str, Any] = {"lock": "l", "code": "c", "files": {}, "models": (), "variables": {}}
    by_name = parsed({**INLINE, "environment": {"ref": {"name": "science", "version": 1}}})
    written = replace(by_name, environment_ref=None)
    assert plan.plan(plan.of_pods(by_name, **same, secrets={}), plan.of_pods(written, **same, secrets={})).lane == (
        "nothing"
    )


def test_a_suspended_deployment_waits_whatever_has_changed() -> None:
    found = plan.plan(facts(code="other", suspend=True), facts())
    assert found.lane == "nothing" and "spec.suspend" in found.reason


def test_without_anything_to_compare_with_everything_is_made() -> None:
    assert plan.plan(facts(), None).lane == "rebuild"


def test_facts_can_be_kept_and_those_of_another_version_be_read() -> None:
    kept = json.loads(json.dumps(facts().as_json()))
    assert Facts.from_json(kept) == facts()
    assert Facts.from_json({**kept, "unheard-of": 1}) == facts()
    assert Facts.from_json(None) is None and Facts.from_json({}) is None


def test_values_of_variables_are_not_kept() -> None:
    wanted = parsed({**INLINE, "env": [{"name": "LEVEL", "value": "hush"}]})
    kept = json.dumps(facts_of_pods(wanted).as_json())
    assert "LEVEL" in kept and "hush" not in kept


def test_a_trial_is_a_step_of_a_swap_and_refuses_what_needs_new_pods() -> None:
    before = facts()
    tried = {"trial": "answers 5 % of the requests, then answers 50 % of the requests"}
    swapped = plan.plan(facts(code="new", **tried), before)
    step = "the new revision answers 5 % of the requests, then answers 50 % of the requests, unless it fails there"
    assert swapped.lane == "swap" and step in swapped.steps
    assert plan.plan(facts(**tried), before).lane == "nothing"
    for change, can_swap in (({"lock": "new"}, None), ({"secrets": {"A": "1"}}, None), ({"code": "new"}, "no room")):
        refused = plan.plan(facts(**change, **tried), before, can_swap)
        assert refused.lane in ("roll", "rebuild")
        assert len(refused.steps) == 1 and refused.steps[0].startswith("nothing: pods cannot load the revision")
    rolled = plan.plan(facts(code="new", fixed={"spec.resources": "new"}, **tried), before)
    assert rolled.lane == "roll" and step in rolled.steps
