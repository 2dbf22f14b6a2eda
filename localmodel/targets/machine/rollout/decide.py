"""Decides what an apply does to a deployment on this machine, before anything is built or changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from localmodel.resource import gate
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.rollout import loading
from localmodel.targets.machine.runner import Runner
from localmodel.targets.machine.state import RevisionRecord, ServerRecord, State
from localmodel.updates import plan
from localmodel.updates.plan import PORT, Facts, Plan


@dataclass(frozen=True)
class Decision:
    """The plan of an apply. `facts` describe what is wanted, and were compared with `observed`.

    `before` is the revision that serves or served last, and `observed` are its facts, but with the port of the server
    that runs. `again` is the revision of a rollback, as long as the rollback holds.
    """

    plan: Plan
    facts: Facts
    before: RevisionRecord | None = None
    observed: Facts | None = None
    again: RevisionRecord | None = None


def decide(place: State, desired: Desired, runner: Runner, running: ServerRecord | None) -> Decision:
    """Compare what is wanted with what serves."""
    facts = facts_of(desired, runner, running)
    before, serves = _serving(place, running)
    serving = before if serves else None
    inputs = place.inputs()
    if (kept := place.rolled_back()) and inputs and _at_its_port(inputs, facts) == facts:
        return Decision(_kept(place, kept, serving), facts, before, again=kept)
    if running is None:
        recorded = Facts.from_json(before.facts) if before else None
        observed = _at_its_port(recorded, facts) if recorded else None
        return Decision(_started(before is None, observed, facts, desired), facts, before, observed)
    same_program = running.program == runner.program(runner.key(desired.spec, desired.lock), desired.spec)
    observed = _observed(before, running, desired, facts, same_program)
    result = plan.plan(replace(facts, strategy=desired.spec.strategy), observed)
    lane, reason = result.lane, result.reason
    if serving is None and lane == "nothing":
        lane = "swap" if desired.spec.strategy == "Auto" else "roll"
        reason = f"revision {place.main.wanted()} does not serve"
    if not same_program and lane in ("nothing", "swap"):
        earlier_reason = f"{reason}; " if result.lane != "nothing" else ""
        lane, reason = "roll", f"{earlier_reason}what the server was started from has changed"
    steps = tuple(_steps(lane, facts, running, same_program, desired))
    return Decision(Plan(lane, steps, reason), facts, before, observed)


def keeps_port(wanted: int | None, running: ServerRecord) -> bool:
    """Whether the manifest asks for the same port as before, for the one taken instead, or for none."""
    return wanted in (None, running.wanted_port, running.port)


def facts_of(desired: Desired, runner: Runner, running: ServerRecord | None) -> Facts:
    """The facts that the planner compares."""
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
    """The recorded facts, without their port if `facts` ask for none: then any port is right."""
    fixed = {name: value for name, value in recorded.fixed.items() if name != PORT or PORT in facts.fixed}
    return replace(recorded, fixed=fixed)


def _observed(
    record: RevisionRecord | None, running: ServerRecord, desired: Desired, facts: Facts, same_program: bool
) -> Facts | None:
    """The facts of what runs. Port and limits are the server's, which may serve a revision older than itself."""
    if record is None:
        return None
    recorded = Facts.from_json(record.facts)
    if recorded is None:  # written by a version that recorded none
        recorded = facts if record.revision == desired.revision else None
    if recorded is None:
        return None
    fixed = {**(facts if same_program else recorded).fixed, PORT: str(running.wanted_port)}
    return _at_its_port(replace(recorded, fixed=fixed), facts)


def _serving(place: State, running: ServerRecord | None) -> tuple[RevisionRecord | None, bool]:
    """The revision that serves or served last; and whether it serves and was the last one asked for."""
    number = loading.ask(running.port)[0] if running else None
    status = place.main.status()
    is_asked = number is not None and number == place.main.wanted() and not (status and status.error)
    record = place.known(number)
    return record or place.served_last(), bool(record and is_asked)


def _kept(place: State, kept: RevisionRecord, serving: RevisionRecord | None) -> Plan:
    if serving and serving.number == kept.number:
        # A failed revision cannot serve again.
        sound = [number for number in place.numbers() if (record := place.known(number)) and not record.failed]
        newest = max(sound, default=kept.number)
        back = (
            f"; lmd rollback {place.name} --to {newest} serves revision {newest} again" if newest != kept.number else ""
        )
        reason = f"nothing has changed since lmd rollback asked for revision {kept.number}, which serves{back}"
        return Plan("nothing", (), reason)
    steps = (f"a server with revision {kept.number} is started",)
    return Plan("roll", steps, f"revision {kept.number}, which lmd rollback asked for, does not serve")


def _started(is_first: bool, observed: Facts | None, facts: Facts, desired: Desired) -> Plan:
    if is_first:
        reason, lane = "there is no revision yet", "rebuild"
    else:
        result = plan.plan(facts, observed)
        earlier_reason = "" if result.lane == "nothing" else f"{result.reason}; "
        reason, lane = f"{earlier_reason}the server is not running", "rebuild" if result.lane == "rebuild" else "roll"
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
    if facts.replay and updated and running is not None and not moves:
        yield "captured requests are asked, and the answers compared"
    if running is None or strategy == "Recreate":
        return
    if moves:
        yield f"the server at port {running.port} ends"
    elif updated:
        yield "they take over; the old workers finish what they have begun"
    else:
        yield "the port changes hands: requests are turned away for a moment"
