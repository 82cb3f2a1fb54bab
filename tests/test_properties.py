"""What holds for every value, not only for examples: round trips, identities, and no surprise."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from motions import walking

from mbcli.bounds import memory_size
from mbcli.camera import camera_from
from mbcli.conversion import convert
from mbcli.errors import ConfigError, InputError
from mbcli.excerpt import Excerpt
from mbcli.exports.resampling import resampled
from mbcli.keypoints import own
from mbcli.keypoints.source import parse_json
from mbcli.keypoints.text import decoded, table
from mbcli.kinematics.rotations import from_vectors
from mbcli.options import parse_size
from mbcli.people import read_person
from mbcli.skeleton import SKELETONS
from mbcli.storage.arrays import read_npz
from mbcli.storage.metadata import read_metadata
from mbcli.storage.plainpickle import load_plain_npy, load_plain_pickle
from mbcli.timeline import stretches
from mbcli.types import Keypoints2D

# The same examples in every run; none is kept on disk.
always = settings(max_examples=60, deadline=None, derandomize=True, database=None)

pixels = st.floats(-5000, 5000, width=32)
seconds = st.floats(1e-4, 1e5)


@st.composite
def keypoints(draw: st.DrawFn) -> Keypoints2D:
    """People who come and go, by any of the skeletons."""
    frames, people = draw(st.integers(0, 6)), draw(st.integers(1, 3))
    skeleton = SKELETONS[draw(st.sampled_from(sorted(SKELETONS)))]
    shape = (frames, people, len(skeleton), 3)
    data = draw(arrays.arrays(np.float32, shape, elements=pixels, fill=st.just(7.0)))
    data[..., 2] = np.clip(np.abs(data[..., 2]) / 5000, 0, 1)
    lost = draw(arrays.arrays(np.bool_, shape[:-1]))
    data[lost] = np.nan, np.nan, 0
    steps = draw(arrays.arrays(np.float64, frames, elements=seconds, fill=st.just(1 / 30)))
    numbers = draw(arrays.arrays(np.int64, frames, elements=st.integers(1, 1000)))
    return Keypoints2D(
        data=data,
        skeleton=skeleton,
        fps=draw(st.floats(0.1, 1000)),
        timestamps=np.cumsum(steps),
        size=(draw(st.integers(1, 9999)), draw(st.integers(1, 9999))),
        track_ids=np.arange(people),
        boxes=np.full((frames, people, 4), np.nan),
        frame_index=np.cumsum(numbers),
    )


@always
@given(keypoints(), st.dictionaries(st.text(), st.text() | st.integers() | st.booleans()))
def test_keypoints_written_and_read_are_the_same(made: Keypoints2D, meta: dict[str, Any]) -> None:
    meta = {key: value for key, value in meta.items() if key not in ("version", "source")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kp.npz"
        own.write(path, made, meta)
        found, told = own.load(path)
    assert found == made
    assert told.items() >= meta.items()


@always
@given(keypoints())
def test_a_skeleton_converted_to_itself_is_the_same(made: Keypoints2D) -> None:
    np.testing.assert_array_equal(convert(made.data, made.skeleton, made.skeleton), made.data)


@always
@given(
    arrays.arrays(np.float64, (5, 2), elements=st.floats(-3000, 3000)),
    arrays.arrays(np.float64, 5, elements=st.floats(0.1, 1000)),
    st.floats(10, 150),
)
def test_pixels_come_back_from_space(places: np.ndarray, depth: np.ndarray, fov: float) -> None:
    camera = camera_from((1280, 720), fov=fov, frames=1)
    rays = np.concatenate([camera.unproject(places), np.ones((5, 1))], axis=1)
    again = camera.project(rays * depth[:, None])
    np.testing.assert_allclose(again, places, atol=1e-6)


@always
@given(arrays.arrays(np.float64, (4, 3), elements=st.floats(-20, 20)))
def test_rotations_are_rotations(vectors: np.ndarray) -> None:
    turns = from_vectors(vectors)
    np.testing.assert_allclose(
        turns @ turns.swapaxes(-1, -2), np.tile(np.eye(3), (4, 1, 1)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(turns), 1)


@always
@given(st.lists(st.floats(1e-3, 1e4), max_size=40), st.sets(st.integers(0, 45)))
def test_every_frame_is_in_one_stretch(steps: list[float], cuts: set[int]) -> None:
    found = stretches(np.cumsum(np.array([0.0, *steps])), 30, cuts)
    assert [part.start for part in found[1:]] == [part.stop for part in found[:-1]]
    assert (found[0].start, found[-1].stop) == (0, len(steps) + 1)
    for part in found:
        assert part.slots[0] == 0
        assert (np.diff(part.slots) > 0).all()


@always
@given(st.integers(2, 30), st.floats(5, 60))
def test_a_motion_at_its_own_rate_stays(frames: int, fps: float) -> None:
    motion = walking(frames, fps=fps)
    again = resampled(motion, fps)
    np.testing.assert_allclose(again.positions, motion.positions, atol=1e-5)
    np.testing.assert_allclose(again.timestamps, motion.timestamps, atol=1e-9)


@always
@given(
    st.lists(st.floats(0, 100), max_size=30).map(sorted),
    st.floats(0, 100),
    st.floats(0.01, 100),
    st.integers(1, 9),
)
def test_an_excerpt_is_within_its_bounds(
    times: list[float], first: float, more: float, every: int
) -> None:
    excerpt = Excerpt(first, first + more, every)
    found = list(excerpt.of(times, lambda time: time))
    assert all(first - 0.001 <= time < first + more for time in found)
    assert len(found) <= -(-len(times) // every)


def _plain(read: Callable[[Any], object], *errors: type[Exception]) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        try:
            read(value)
        except errors as error:
            assert "\n" not in str(error)  # noqa: PT017  # either is right
            assert len(str(error)) < 1000  # noqa: PT017

    return check


def _archive(content: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npz"
        path.write_bytes(content)
        return read_npz(path)


_PATH = Path("x")
_TEXTS: dict[str, Callable[[Any], None]] = {
    "metadata": _plain(read_metadata, ValueError),
    "table": _plain(lambda text: table(text, _PATH), InputError),
    "size": _plain(parse_size, ConfigError),
    "people": _plain(read_person, ConfigError),
}
_BYTES: dict[str, Callable[[Any], None]] = {
    "json": _plain(lambda content: parse_json(content, _PATH), InputError),
    "text": _plain(lambda content: decoded(content, _PATH), InputError),
    "pickle": _plain(lambda content: load_plain_pickle(io.BytesIO(content), "x"), InputError),
    "array": _plain(lambda content: load_plain_npy(content, "x"), InputError),
    "numbers": _plain(lambda content: load_plain_npy(b"\x93NUMPY" + content, "x"), InputError),
    "archive": _plain(_archive, InputError),
    "member": _plain(lambda content: _archive(b"PK\x03\x04" + content), InputError),
}


@pytest.mark.parametrize("read", _TEXTS.values(), ids=_TEXTS)
@always
@given(st.text() | st.text('0123456789xX,-[]{}":. eE', max_size=60))
def test_any_text_is_read_or_refused(read: Callable[[str], None], text: str) -> None:
    read(text)


@pytest.mark.parametrize("read", _BYTES.values(), ids=_BYTES)
@always
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(read: Callable[[bytes], None], content: bytes) -> None:
    read(content)


@always
@given(st.integers(0, 10**400))
def test_any_number_of_bytes_can_be_said(count: int) -> None:
    assert len(memory_size(count)) < 25
