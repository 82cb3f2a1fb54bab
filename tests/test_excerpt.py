"""One rule for `--start`, `--end` and `--every`, on a video and on its own keypoint file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mbcli.errors import ConfigError, InputError
from mbcli.excerpt import Excerpt
from mbcli.keypoints import read_keypoints, write_keypoints
from mbcli.options import InferOptions
from mbcli.skeleton import COCO17
from mbcli.tracks.from_keypoints import detect_in_file
from mbcli.types import Keypoints2D
from mbcli.video import VideoReader

FRAMES = 45
# The excerpt of the report first; bounds on frames, between them, and a hair beside them.
STRETCHES = [
    (0.31, 1.0, 2),
    (None, None, 1),
    (0.3, 1.0, 1),
    (1 / 3, 2 / 3, 1),
    (0.05, None, 3),
    (0.049, 0.951, 4),
    (0.3334, 0.6666, 1),
    (None, 0.7, 5),
    (0.99, 1.01, 1),
]


def film(path: Path, rate: Fraction) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height = 64, 48
        for number in range(FRAMES):
            picture = np.full((48, 64, 3), 5 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def keypoints_of(video: Path, path: Path) -> Path:
    """A file of one person who is in every frame of the video."""
    with VideoReader(video) as reader:
        numbers, times = zip(*reader.times(), strict=True)
        size, fps = reader.info.size, reader.fps
    data = np.empty((len(numbers), 1, 17, 3))
    data[..., :2] = np.random.default_rng(0).uniform(5, 40, (len(numbers), 1, 17, 2))
    data[..., 2] = 0.9
    keypoints = Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=fps,
        timestamps=np.array(times),
        size=size,
        track_ids=np.array([1]),
        boxes=np.tile([0.0, 0.0, 45.0, 45.0], (len(numbers), 1, 1)),
        frame_index=np.array(numbers),
    )
    write_keypoints(path, keypoints)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
@pytest.mark.parametrize("rate", [Fraction(30), Fraction(30000, 1001), Fraction(25)])
def test_a_video_and_its_keypoint_file_agree(suffix: str, rate: Fraction, tmp_path: Path) -> None:
    video = film(tmp_path / f"film{suffix}", rate)
    path = keypoints_of(video, tmp_path / "kp.npz")
    file = read_keypoints(path)
    for start, end, every in STRETCHES:
        with VideoReader(video, start=start, end=end, every=every) as reader:
            taken = [number for number, _ in reader.times()]
        # The rule, in exact numbers: a frame stands at its number over the rate.
        first, last = start or 0.0, float("inf") if end is None else end
        near = 0.6e-3
        times = [float(number / rate) for number in range(FRAMES)]
        inside = [n for n, time in enumerate(times) if first - near <= time < last - near]
        assert taken == inside[::every], (start, end, every)
        options = InferOptions(start=start, end=end, every=every, fix_swaps=False, bridge=False)
        alone = detect_in_file(file, options).keypoints
        assert alone.frame_index.tolist() == taken, (start, end, every)
        with VideoReader(video, start=start, end=end, every=every) as reader:
            both = detect_in_file(file, options, reader).keypoints
        assert both.frame_index.tolist() == taken


def test_an_empty_excerpt_is_reported_alike(tmp_path: Path) -> None:
    video = film(tmp_path / "film.mp4", Fraction(30))
    file = read_keypoints(keypoints_of(video, tmp_path / "kp.npz"))
    options = InferOptions(start=0.34, end=0.36)
    said = r"has no frame from 0\.34 s to 0\.36 s"
    with pytest.raises(InputError, match=said):
        detect_in_file(file, options)
    with pytest.raises(InputError, match=said), VideoReader(video, start=0.34, end=0.36) as reader:
        list(reader)


def test_of_takes_every_nth_within() -> None:
    frames = [(n, n / 10) for n in range(20)]
    taken = Excerpt(0.25, 1.55, 4).of(frames, lambda frame: frame[1])
    assert [n for n, _ in taken] == [3, 7, 11, 15]
    assert str(Excerpt(0.25)) == "from 0.25 s to the end"


@pytest.mark.parametrize(
    "values", [(-1.0, None, 1), (None, 0.0, 1), (2.0, 1.0, 1), (None, None, 0)]
)
def test_what_is_no_excerpt_is_refused(values: tuple[float | None, float | None, int]) -> None:
    with pytest.raises(ConfigError):
        Excerpt(*values)
