"""What can be done with a run afterwards: execute again, verify, report, branch, show.

Lives here: operations on run folders that need the run executed. Must not know: the command line, pages.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops_center.fork import CannotFork, open_fork
from ops_center.pipeline import Center
from ops_center.recorder import Loss, read_chunks
from scenarios import runs
from scenarios.claims import load_claims
from scenarios.debrief import Material, debrief
from scenarios.fork import check_same_release, drop, fork_folder
from scenarios.journal_reader import read_changes, read_commands
from scenarios.pace import wall_text
from scenarios.references import commands_of as command_infos
from scenarios.rule_paths import PACK
from scenarios.runner import HeadlessRun, commands_of, run_headless
from scenarios.runs import DamagedRun, RunError, RunFolder
from scenarios.setup import Setup, of_run
from scenarios.world_log import Entry, read_log

Progress = Callable[[float], None]


def _quiet(done: float) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying a run found. `same` None: this release or numpy is another, so digests were not compared."""

    run_id: str
    until_ms: int
    same: bool | None
    recorded: dict[str, str]
    executed: dict[str, str]
    losses: tuple[Loss, ...]
    said: str

    @property
    def holds(self) -> bool:
        """The record is whole and, where it could be executed, came to the same digests."""
        return self.same is not False and not self.losses


def last_barrier_ms(run: RunFolder) -> int:
    """Return the last barrier in the recorded stream, -1 without one."""
    return max((chunk.barrier_ms for chunk in read_chunks(run.path / "wire")), default=-1)


def judged_again(run: RunFolder, setup: Setup) -> Center:
    """Return the center that comes from the recorded stream and the journal alone, without the city."""
    center, commands = Center(setup.center_config()), read_commands(run.path / "journal.sqlite")
    waiting = commands[:]
    for chunk in read_chunks(run.path / "wire"):
        for frame in chunk.frames:
            center.step(frame)
            while waiting and waiting[0].at_ms <= center.now_ms:
                center.apply(waiting.pop(0))
    return center


def verify(run: RunFolder, progress: Progress = _quiet) -> Verdict:
    """Execute a run again and compare both chains; check the recorded stream. Raises RunError."""
    setup, header = of_run(run), run.header()
    losses: list[Loss] = []
    for _ in read_chunks(run.path / "wire", losses):
        pass
    until_ms = last_barrier_ms(run)
    kept = run.result()
    if losses:
        said = f"the recorded stream is damaged in {losses[0].segment}: {losses[0].reason}"
        return Verdict(run.run_id, until_ms, False, kept.get("digest", {}), {}, tuple(losses), said)
    if until_ms < 0:
        raise RunError(f"run {run.run_id} has no recorded stream; there is nothing to verify")
    recorded = judged_again(run, setup).digests()
    if kept.get("until_ms") == until_ms and kept["digest"] != recorded:
        return Verdict(run.run_id, until_ms, False, kept["digest"], recorded, tuple(losses), "the recorded stream was altered")
    here = setup.header(run.run_id)
    pairs = [(name, getattr(header, name), getattr(here, name)) for name in ("release", "numpy")]
    other = [f"{name} {theirs} (here {ours})" for name, theirs, ours in pairs if theirs != ours]
    if other:
        said = f"the run is of {', '.join(other)}: its record was checked, it was not executed again"
        return Verdict(run.run_id, until_ms, None, recorded, {}, tuple(losses), said)
    executed = run_headless(setup, commands=commands_of(run), until_ms=until_ms, progress=progress).result["digest"]
    same = executed == recorded
    said = "executed again to the same digests" if same else "executed again to other digests"
    return Verdict(run.run_id, until_ms, same, recorded, executed, tuple(losses), said)


def executed_until(run: RunFolder, progress: Progress = _quiet) -> HeadlessRun:
    """Return the run executed again, without outputs, as far as it was recorded."""
    until_ms = last_barrier_ms(run)
    return run_headless(of_run(run), commands=commands_of(run), until_ms=max(until_ms, 0), progress=progress).run


def material_of(run: RunFolder, executed: HeadlessRun, changes: list[Any]) -> Material:
    """Return what a debrief follows from."""
    setup = executed.setup
    return Material(
        run_id=run.run_id, start_at=setup.start_at.isoformat(), scenario=setup.scenario, city=setup.city,
        truth=executed.city.truth(), fired=list(executed.city.fired), changes=changes, claims=load_claims(PACK),
        until_ms=executed.now_ms, outcomes=executed.city.measures.values(), phases=tuple(executed.city.triggers.phases),
        picks=setup.loaded.picks, commands=command_infos(setup.kinds),
    )  # fmt: skip


def goes_otherwise(run: RunFolder, digest: Mapping[str, str]) -> bool:
    """Tell whether a re-execution came to other digests than the run itself; an interrupted run has none."""
    kept = run.result()
    return kept.get("until_ms") == last_barrier_ms(run) and kept.get("digest") != digest


def report(run: RunFolder, progress: Progress = _quiet) -> dict[str, Any]:
    """Return the debrief of a run, all of it computed again from header and commands."""
    changes: list[Any] = []
    until_ms = last_barrier_ms(run)
    setup = of_run(run)
    done = run_headless(setup, commands=commands_of(run), until_ms=max(until_ms, 0), watch=changes.extend, progress=progress)
    document = debrief(material_of(run, done.run, changes))
    return {**document, "digest": done.result["digest"]}


def report_of(finished: HeadlessRun, changes: list[Any], run_id: str = "headless") -> dict[str, Any]:
    """Return the debrief of a run that has just been executed in this process, with the changes it made."""
    return debrief(material_of(RunFolder(Path(run_id)), finished, changes))


def changes_of(run: RunFolder) -> list[Any]:
    """Return the changes in the journal of a run."""
    return list(read_changes(run.path / "journal.sqlite"))


def branch(run: RunFolder, fork_at_ms: int, *, keep_commands: bool = False, run_id: str = "") -> RunFolder:
    """Make a new run beside the old one that is the same up to `fork_at_ms`; return its folder. The old one stays as it is.

    The new folder holds journal, recorded stream, world log and keyframes up to the fork: a city and a center that are started
    on it go on from there. What people did after the fork is kept for them to be done again at its time with `keep_commands`.
    Raises RunError; DamagedRun when the record does not hold up to there, or is of another release.
    """
    setup, losses = of_run(run), list[Loss]()
    until_ms = max((chunk.barrier_ms for chunk in read_chunks(run.path / "wire", losses)), default=-1)
    fork_at_ms -= fork_at_ms % 1_000
    if fork_at_ms <= 0 or (fork_at_ms > until_ms and not losses):
        seen = f"it cannot be forked at {fork_at_ms} ms, but from 1000 ms on (at 0 ms nothing has happened: run it anew)"
        raise RunError(f"run {run.run_id} was recorded up to {until_ms} ms; {seen}")
    folder = fork_folder(run, fork_at_ms, run_id=run_id, keep_commands=keep_commands)
    try:
        config = setup.center_config()
        open_fork(run.path, folder.path, fork_at_ms, config, keep_commands=keep_commands).close()
    except CannotFork as error:
        drop(folder)
        raise DamagedRun(str(error)) from error
    return folder


def branch_executed(run: RunFolder, fork_at_ms: int, *, run_id: str = "", progress: Progress = _quiet) -> RunFolder:
    """Make a branch and execute it headless, with what people did after the fork, as far as the old run came."""
    setup, until_ms = of_run(run), last_barrier_ms(run)
    fork_at_ms -= fork_at_ms % 1_000
    check_same_release(run)
    everything = commands_of(run)
    new_id = run_id or runs.new_run_id(run.path.parent, f"{setup.scenario.name}-branch", wall_text())
    folder = setup.create(run.path.parent, new_id, parent=run.run_id, fork_at_ms=fork_at_ms)
    run_headless(setup, commands=everything, until_ms=until_ms, out=folder, progress=progress)
    return folder


def show(run: RunFolder) -> dict[str, Any]:
    """Return what is known of a run without executing it: header, how far, who did what."""
    world: list[Entry] = read_log(run.path / "world.log")
    return {
        **runs.summary(run),
        "header": json.loads((run.path / "header.json").read_bytes()),
        "recorded_until_ms": last_barrier_ms(run),
        "commands": [
            {"seq": c.seq, "at_ms": c.at_ms, "type": c.type, "target": c.target, "who": c.who, "params": c.params}
            for c in read_commands(run.path / "journal.sqlite")
        ],
        "world": [{"seq": e.seq, "now_ms": e.now_ms, "what": e.what, "id": e.id, **e.body} for e in world],
    }
