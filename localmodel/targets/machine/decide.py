"""What an apply will do to a deployment that runs on this machine: decided before anything is built or changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from localmodel import plan
from localmodel.plan import PORT, Facts, Plan
from localmodel.resource import gate
from localmodel.targets.machine import loading
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.runner import Runner
from localmodel.targets.machine.state import RevisionRecord, ServerRecord, State


@dataclass(frozen=True)
class Decision:
    """`facts` are those of what is asked for, `before` is what they were compared with. `again` is the revision that a
    rollback has brought, while it holds.
    """

    plan: Plan
    facts: Facts
    before: RevisionRecord | None = None
    again: RevisionRecord | None = None


def decide(place: State, desired: Desired, runner: Runner, running: ServerRecord | None) -> Decision:
    """Compare what is asked for with what serves."""
    facts = facts_of(desired, runner, running)
    before, serves = _serving(place, running)
    serving = before if serves else None
    inputs = place.inputs()
    if (kept := place.rolled_back()) and inputs and _at_its_port(inputs, facts) == facts:
        return Decision(_kept(place, kept, serving), facts, before, kept)
    if running is None:
        return Decision(_started(before, facts, desired), facts, before)
    same_program = running.program == runner.program(runner.key(desired.spec, desired.lock), desired.spec)
    found = plan.plan(
        replace(facts, strategy=desired.spec.strategy), _observed(before, running, desired, facts, same_program)
    )
    lane, reason = found.lane, found.reason
    if serving is None and lane == "nothing":
        lane = "swap" if desired.spec.strategy == "Auto" else "roll"
        reason = f"revision {place.main.wanted()} does not serve"
    if not same_program and lane in ("nothing", "swap"):
        told = f"{reason}; " if found.lane != "nothing" else ""
        lane, reason = "roll", f"{told}what the server was started from has changed"
    return Decision(Plan(lane, tuple(_steps(lane, facts, running, same_program, desired)), reason), facts, before)


def keeps_port(wanted: int | None, running: ServerRecord) -> bool:
    """Whether the manifest asks for the port that it asked for before, for the one taken in its place, or for none."""
    return wanted in (None, running.wanted_port, running.port)


def facts_of(desired: Desired, runner: Runner, running: ServerRecord | None) -> Facts:
    """What the planner compares."""
    port = desired.spec.local_port
    if port and running and keeps_port(port, running):
        port = running.wanted_port
    return Facts(
        python=desired.spec.environment.python,
        base=runner.base(desired.spec.environment),
        **plan.of_worker(
            desired.spec,
            desired.lock.digest,
            desired.code,
            desired.files,
            desired.models,
            desired.variables,
            gate.digest(desired.gate),
        ),
        fixed={**({PORT: str(port)} if port else {}), **runner.limits(desired.spec)},
    )


def _at_its_port(recorded: Facts, facts: Facts) -> Facts:
    """The facts that were recorded, without their port where these ask for none: any is right then."""
    fixed = {name: value for name, value in recorded.fixed.items() if name != PORT or PORT in facts.fixed}
    return replace(recorded, fixed=fixed)


def _observed(
    record: RevisionRecord | None, running: ServerRecord, desired: Desired, facts: Facts, same_program: bool
) -> Facts | None:
    """The facts of what runs. Port and limits are the server's own: it may serve a revision older than itself."""
    if record is None:
        return None
    recorded = Facts.from_json(record.facts)
    if recorded is None:  # of a version that kept none
        recorded = facts if record.revision == desired.revision else None
    if recorded is None:
        return None
    fixed = {**(facts if same_program else recorded).fixed, PORT: str(running.wanted_port)}
    return _at_its_port(replace(recorded, fixed=fixed), facts)


def _serving(place: State, running: ServerRecord | None) -> tuple[RevisionRecord | None, bool]:
    """The revision that serves, or has served last; and whether it does, and is the one that was asked for last."""
    number = loading.ask(running.port)[0] if running else None
    status = place.main.status()
    is_asked = number is not None and number == place.main.wanted() and not (status and status.error)
    found = place.known(number)
    return found or place.served_last(), bool(found and is_asked)


def _kept(place: State, kept: RevisionRecord, serving: RevisionRecord | None) -> Plan:
    if serving and serving.number == kept.number:
        # One that failed cannot serve again.
        sound = [number for number in place.numbers() if (record := place.known(number)) and not record.failed]
        newest = max(sound, default=kept.number)
        back = (
            f"; lmd rollback {place.name} --to {newest} serves revision {newest} again" if newest != kept.number else ""
        )
        said = f"nothing has changed since lmd rollback asked for revision {kept.number}, which serves{back}"
        return Plan("nothing", (), said)
    steps = (f"a server with revision {kept.number} is started",)
    return Plan("roll", steps, f"revision {kept.number}, which lmd rollback asked for, does not serve")


def _started(last: RevisionRecord | None, facts: Facts, desired: Desired) -> Plan:
    if last is None:
        reason, lane = "there is no revision yet", "rebuild"
    else:
        recorded = Facts.from_json(last.facts)
        found = plan.plan(facts, _at_its_port(recorded, facts) if recorded else None)
        told = "" if found.lane == "nothing" else f"{found.reason}; "
        reason, lane = f"{told}the server is not running", "rebuild" if found.lane == "rebuild" else "roll"
    return Plan(lane, tuple(_steps(lane, facts, None, False, desired)), reason)


def _steps(
    lane: str, facts: Facts, running: ServerRecord | None, same_program: bool, desired: Desired
) -> Iterator[str]:
    if lane == "nothing":
        return
    spec = desired.spec
    port, strategy = spec.local_port, spec.strategy
    if lane == "rebuild":
        yield "the environment is built, unless it is there"
    moves = running is not None and not keeps_port(port, running)
    updated = strategy == "Auto" and same_program
    if running is None:
        yield f"a server is started at port {port}" if port else "a server is started"
    elif strategy == "Recreate":
        yield f"the server at port {running.port} ends: nothing answers before another does"
        yield f"another server is started at port {port if moves else running.port}"
    elif moves:
        yield f"another server is started at port {port}"
    elif updated:
        yield "workers of the new revision are made beside those that serve"
    else:
        yield "another server is proved beside this one"
    if facts.gate:
        yield "the gate's requests are asked"
    if running is None or strategy == "Recreate":
        return
    if moves:
        yield f"the server at port {running.port} ends"
    elif updated:
        yield "they take over; the old workers finish what they have begun"
    else:
        yield "the port changes hands: requests are turned away for a moment"
