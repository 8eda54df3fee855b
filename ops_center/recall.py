"""A center as it stood at a keyframe: what the keyframe leaves out comes from the run folder's recorded stream.

Lives here: which frames and which recorded samples a keyframe needs, and from where. Must not know: what a center does with
them, the journal. Readings are in the recorded stream; what rules recorded is in none, so it lies beside the keyframes, each
file (`MS.samples`) from where the one before ends.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ops_center import keyframes
from ops_center.collecting import no_collection
from ops_center.files import write_whole
from ops_center.pipeline import Center, CenterConfig
from ops_center.recorder import read_chunks
from sensors.messages import tag_of

OPENING = frozenset(("registry", "layers"))
RECORDED = ".samples"


def newest(folder: Path, config: CenterConfig, upto_ms: int, like: Center | None = None) -> Center | None:
    """Return the center of a run folder's newest keyframe, not after `upto_ms`, that can be used; None if none can.

    `like` is a center of the same run, or of its parent, that is there and saves work.
    """
    for state in keyframes.newest_first(folder / "keyframes", upto_ms):
        try:
            with no_collection():
                return recall(folder, config, state, like)
        except (ValueError, KeyError, TypeError, IndexError):
            continue
    return None


def recall(folder: Path, config: CenterConfig, state: dict[str, Any], like: Center | None = None) -> Center:
    """Return the center of a keyframe's state with its series filled again, unless it holds their samples itself.

    Raises ValueError where the folder does not hold what the keyframe needs.
    """
    center = Center.restore(config, state, _opening_frames(folder / "wire", state["opened_ms"]), like)
    if state["series"]["samples"] is None:
        floor_ms, now_ms = center.judge.store.floor_ms, center.now_ms
        center.refill(_frames(folder / "wire", floor_ms, now_ms), _recorded(folder / "keyframes", floor_ms, now_ms))
    return center


def keep_recorded(folder: Path, after_ms: int, now_ms: int, items: list[dict[str, Any]]) -> None:
    """Write what rules recorded in (after, now] beside the keyframes."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {"after_ms": after_ms, "now_ms": now_ms, "recorded": items}
    write_whole(folder / f"{now_ms:012d}{RECORDED}", keyframes.encode(state))


def _opening_frames(wire: Path, opened_ms: int) -> list[bytes]:
    """Return the registry and layers frames of the stream's first chunk, and of the chunk in which the newest of them came."""
    found: list[bytes] = []
    for chunk in read_chunks(wire):
        newest_too = chunk.barrier_ms > opened_ms
        if not found or newest_too:
            found += [frame for frame in chunk.frames if tag_of(frame) in OPENING]
        if newest_too:
            break
    return found


def _frames(wire: Path, first_ms: int, last_ms: int) -> Iterator[memoryview]:
    for chunk in read_chunks(wire):
        if chunk.barrier_ms >= first_ms:
            yield from chunk.views
        if chunk.barrier_ms >= last_ms:
            return


def _recorded(folder: Path, first_ms: int, last_ms: int) -> Iterator[list[dict[str, Any]]]:
    """Yield what rules recorded in [first, last]. Raises ValueError where something of that is missing."""
    covered_ms = max(first_ms - 1, -1)
    for path in sorted(folder.glob(f"*{RECORDED}")):
        if covered_ms < int(path.stem) <= last_ms:
            state = keyframes.decode(path.read_bytes())
            if state["after_ms"] > covered_ms:
                break
            covered_ms = state["now_ms"]
            yield state["recorded"]
    if covered_ms < last_ms:
        raise ValueError(f"what rules recorded after {covered_ms} ms is missing beside the keyframe at {last_ms} ms")
