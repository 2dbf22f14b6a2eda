"""Which way each field's edit takes in a container and as a process: the planner and the table in docs agree."""

import pytest
from test_plan import FIELDS, edit, is_secret, table, worker

from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import DeploymentSpec
from localmodel.targets.docker import ContainerRunner
from localmodel.targets.machine import resolve
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.rollout import decide
from localmodel.targets.machine.runner import Runner
from localmodel.targets.process import ProcessRunner
from localmodel.updates import plan
from localmodel.updates.plan import Facts
from localmodel.updates.revision import Revision

RUNNERS: dict[str, Runner] = {"docker": ContainerRunner(), "process": ProcessRunner()}


def facts(wanted: DeploymentSpec, runner: Runner) -> Facts:
    filled, found = worker(wanted)
    lock, gate = Lock(found.pop("lock")), found.pop("gate")
    desired = Desired(spec=filled, lock=lock, revision=Revision("", "", "", "", ""), gate=[{"is": gate}], **found)
    return decide.facts_of(desired, runner, None)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", RUNNERS)
def test_a_field_takes_the_way_that_docs_say(name: str, field: str) -> None:
    before, after = edit(field)
    said = table()[field][1 + list(RUNNERS).index(name)]
    if said == "refused":
        index = next(index for index, variable in enumerate(after.env) if is_secret(variable))
        with pytest.raises(UserError, match="no cluster to take a Secret from"):
            resolve._value(index, after.env[index], Manifests({}, {}))
    elif field != "spec.suspend":  # decided before anything is compared
        assert plan.plan(facts(after, RUNNERS[name]), facts(before, RUNNERS[name])).lane == said
