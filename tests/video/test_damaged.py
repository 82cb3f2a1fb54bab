"""Which frames are damaged, against the truth: the same stream before its bytes were spoiled."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mbcli.skeleton import COCO17
from mbcli.tracks.from_pictures import discounted
from mbcli.types import Keypoints2D
from mbcli.video import VideoReader

FRAMES, GROUP = 40, 20
# FFmpeg's Python library passes on errors of whole packets and the mark of a corrupt frame. What
# is concealed without either (HEVC), and Motion JPEG, which holds no check, cannot be known.
STREAMS = [
    ("libx264", "mp4", {"bf": "0"}),
    ("libx264", "mkv", {}),
    ("mpeg4", "avi", {}),
    ("mpeg4", "mp4", {}),
    ("mpeg4", "mp4", {"bf": "2"}),
]


def encoded(path: Path, codec: str, options: dict[str, str]) -> None:
    """A pattern that wanders to the right."""
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 5).astype(np.float64)
    pattern = ((soft - soft.min()) * 255 / np.ptp(soft)).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.gop_size = GROUP
        for number in range(FRAMES):
            picture = np.roll(pattern, 3 * number, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def spoiled(path: Path, packet: int) -> None:
    """Change bytes in the middle of a packet."""
    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos]
    begin, size = places[packet]
    data = bytearray(path.read_bytes())
    for place in range(begin + size // 2, begin + size // 2 + min(20, size // 3)):
        data[place] ^= 0x5A
    path.write_bytes(data)


def pictures(path: Path, **options: float) -> tuple[dict[int, np.ndarray], VideoReader]:
    with VideoReader(path, **options) as reader:  # type: ignore[arg-type]
        return {frame.index: frame.image.astype(int) for frame in reader}, reader


@pytest.mark.parametrize(("codec", "container", "options"), STREAMS)
@pytest.mark.parametrize("packet", [5, 10, 25])
def test_damaged_frames_are_known(
    codec: str, container: str, options: dict[str, str], packet: int, tmp_path: Path
) -> None:
    path = tmp_path / f"clip.{container}"
    encoded(path, codec, options)
    truth, sound = pictures(path)
    assert not sound.damaged
    spoiled(path, packet)
    found, reader = pictures(path)
    off = {n for n, picture in found.items() if np.abs(picture - truth[n]).mean() > 0.1}
    off |= set(truth) - set(found)
    assert off
    known = reader.damaged | (set(truth) - set(found))
    assert off <= known
    # Not beyond the group of pictures that refer to it, but for frames shown out of order.
    group = range(packet // GROUP * GROUP - 3, packet // GROUP * GROUP + GROUP + 3)
    assert set(known) <= set(group)
    (warning,) = [line for line in reader.warnings if "damaged" in line]
    if reader.damaged:
        assert f"frames {min(reader.damaged)}" in warning


def test_a_seek_past_the_damage_leaves_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encoded(path, "libx264", {"bf": "0"})
    spoiled(path, 5)
    found, reader = pictures(path, start=(GROUP + 5) / 30)
    assert min(found) == GROUP + 5
    assert not reader.damaged


def test_keypoints_of_damaged_frames_count_less() -> None:
    data = np.full((6, 1, 17, 3), 0.8)
    keypoints = Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=30.0,
        timestamps=np.arange(6) / 30,
        size=(320, 240),
        track_ids=np.array([1]),
        boxes=np.zeros((6, 1, 4)),
        frame_index=np.arange(10, 16),
    )
    less = discounted(keypoints, {3, 12, 15, 40})
    np.testing.assert_allclose(less.data[[2, 5], 0, :, 2], 0.4)
    np.testing.assert_allclose(less.data[[0, 1, 3, 4], 0, :, 2], 0.8)
    np.testing.assert_array_equal(less.data[..., :2], keypoints.data[..., :2])
    assert discounted(keypoints, set()) is keypoints
