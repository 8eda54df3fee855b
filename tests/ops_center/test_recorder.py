"""The recorded stream and keyframes on disk: what is torn is found, what is whole is read, the loss is said."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_center import keyframes, recorder
from ops_center.recorder import FILE_MAGIC, Loss, Recorder, RecorderError, read_chunks, read_frames


def written(folder: Path, chunks: int = 3) -> list[list[bytes]]:
    stored = []
    with_recorder = Recorder(folder)
    for n in range(chunks):
        frames = [bytes([n]) * (20 + n), b"frame %d" % n]
        for frame in frames:
            with_recorder.append(frame)
        with_recorder.flush(n * 1000)
        stored.append(frames)
    with_recorder.close()
    return stored


def test_frames_come_back_in_order_over_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was flushed is read in order, over as many segments as it took; what was not flushed is not there."""
    monkeypatch.setattr(recorder, "SEGMENT_BYTES", 200)
    stored = written(tmp_path, 8)
    assert len(recorder.segments(tmp_path)) > 1
    assert list(read_frames(tmp_path)) == [frame for frames in stored for frame in frames]
    assert [chunk.barrier_ms for chunk in read_chunks(tmp_path)] == [n * 1000 for n in range(8)]


def test_a_tail_torn_at_any_byte_is_found_and_cut(tmp_path: Path) -> None:
    """Cut at every byte of the last two chunks: all whole chunks are read, the loss is said to the byte, writing goes on."""
    stored = written(tmp_path / "whole")
    data = (tmp_path / "whole" / "000001.seg").read_bytes()
    ends = [len(FILE_MAGIC)]
    for chunk in read_chunks(tmp_path / "whole"):
        ends.append(ends[-1] + recorder.HEADER.size + len(chunk.packed))
    for cut in range(ends[1], len(data)):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / "000001.seg").write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends[1:])
        losses: list[Loss] = []
        assert [chunk.frames for chunk in read_chunks(folder, losses)] == stored[:whole]
        assert sum(loss.lost_bytes for loss in losses) == cut - ends[whole]
    again = Recorder(folder)
    assert [loss.offset for loss in again.loss] == [ends[2]] and again.last_ms == 1000
    again.append(b"more")
    again.flush(9000)
    again.close()
    assert [chunk.frames for chunk in read_chunks(folder)] == [*stored[:2], [b"more"]]


@given(st.data())
def test_a_flipped_bit_is_never_silent(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Flip any bit of a segment: everything before the chunk is read, nothing wrong is, and the loss is said."""
    folder = tmp_path_factory.mktemp("flip")
    stored = written(folder)
    path = folder / "000001.seg"
    raw = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(raw))
    losses: list[Loss] = []
    read = [chunk.frames for chunk in read_chunks(folder, losses)]
    assert read == stored[: len(read)] and len(read) < len(stored) and len(losses) == 1


def test_what_follows_a_damaged_segment_is_reported_and_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After damage in an early segment later ones are lost too: they are named, kept aside, and the numbering goes on."""
    monkeypatch.setattr(recorder, "SEGMENT_BYTES", 100)
    written(tmp_path, 6)
    first = tmp_path / "000001.seg"
    first.write_bytes(first.read_bytes()[:-3])
    again = Recorder(tmp_path)
    assert len(again.loss) > 1 and all(loss.lost_bytes for loss in again.loss)
    assert list(tmp_path.glob("*.damaged"))
    again.close()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """Where a file stands in the way the recorder says so in one line."""
    (tmp_path / "wire").write_text("in the way")
    with pytest.raises(RecorderError, match="cannot be opened"):
        Recorder(tmp_path / "wire")


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.slow
@given(
    plain,
    st.sampled_from(["u1", "i2", "i4", "i8", "f4", "f8", "?"]),
    st.lists(st.integers(0, 4), min_size=0, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_a_keyframe_holds_plain_data_and_arrays(value: object, dtype: str, shape: list[int], seed: int) -> None:
    """What goes into a keyframe comes out, bit for bit: plain data as it was, arrays with type and shape, any number of them."""
    noise = np.random.Generator(np.random.Philox(seed)).integers(0, 256, 8 * 64, dtype=np.uint8)
    size = int(np.prod(shape))
    arrays = [np.arange(size).astype(dtype), noise[:size] > 99, noise.view(np.uint64)[:size].view(np.float64), -np.ones(size)]
    shaped = [array.reshape(shape) for array in arrays]
    state = keyframes.decode(keyframes.encode({"value": value, "deep": [{"array": array} for array in [*shaped, *shaped]]}))
    assert state["value"] == value
    for seen, array in zip([item["array"] for item in state["deep"]], [*shaped, *shaped], strict=True):
        assert (seen.dtype, seen.shape, seen.tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert not seen.flags.writeable


def test_a_keyframe_refuses_what_it_cannot_keep() -> None:
    """Objects are refused when written; a damaged or foreign file when read."""
    with pytest.raises(TypeError, match="cannot be part of a keyframe"):
        keyframes.encode({"x": object()})
    with pytest.raises(TypeError, match="cannot be part of a keyframe"):
        keyframes.encode({"x": np.array([object()])})
    data = keyframes.encode({"x": 1})
    wrong = data[:12] + b"\x00" + data[13:]
    forged = data[:8] + zlib.crc32(b"junk").to_bytes(4, "little") + b"junk"
    for bad in (b"", b"hello", wrong, forged):
        with pytest.raises(keyframes.BadKeyframe):
            keyframes.decode(bad)


def test_old_keyframes_are_thinned_out(tmp_path: Path) -> None:
    """The last three stay, and one of each ten minutes, or of whatever is asked for."""
    for minute in range(25):
        keyframes.write(tmp_path, minute * 60_000, b"x", 600_000)
    assert [int(p.stem) // 60_000 for p in sorted(tmp_path.glob("*.key"))] == [0, 10, 20, 22, 23, 24]
