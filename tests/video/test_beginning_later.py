"""A reader that begins with a frame that was read before gives what the whole pass gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.video import VideoReader, container

FRAMES, GROUP = 90, 15
Image = npt.NDArray[np.uint8]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Time stamps of the frames that are decoded."""
    stamps: list[int] = []

    def counted(*arguments: Any) -> Iterator[Any]:
        for frame in container.decoded(*arguments):
            stamps.append(frame.pts or 0)
            yield frame

    monkeypatch.setattr("mbcli.video.video_file.decoded", counted)
    return stamps


@pytest.mark.parametrize(
    ("name", "settings", "seeks"),
    [
        ("frames.mp4", {"options": {"g": str(GROUP), "bf": "3"}}, True),
        ("frames.mkv", {"options": {"g": str(GROUP), "bf": "0"}}, True),
        ("frames.avi", {"codec": "mpeg4", "options": {"g": str(GROUP)}}, False),
        # A pause.
        ("pause.mkv", {"options": {"g": str(GROUP)}, "pts": "pause"}, True),
    ],
)
@pytest.mark.parametrize("options", [{}, {"start": 0.5, "every": 3, "end": 2.4}])
def test_frames_times_and_warnings_are_those_of_the_whole(
    encode: Callable[..., Path],
    moving: Callable[[int], list[Image]],
    decoded: list[int],
    name: str,
    settings: dict[str, Any],
    seeks: bool,
    options: dict[str, Any],
) -> None:
    if settings.get("pts") == "pause":
        settings = {**settings, "pts": [40 * n + 300 * (n > 40) for n in range(FRAMES)]}
    path = encode(name, moving(FRAMES), **settings)
    with VideoReader(path, **options) as reader:
        whole = list(reader)
        warnings = reader.warnings
        assert reader.intact
    for place in (0, 1, len(whole) // 2, len(whole) - 1):
        decoded.clear()
        with VideoReader(path, **options) as reader:
            opening = len(decoded)
            reader.skip_to(whole[place].index, whole[place].time)
            again = list(reader)
            assert reader.warnings == warnings
        assert [frame.index for frame in again] == [frame.index for frame in whole[place:]]
        assert [frame.time for frame in again] == [frame.time for frame in whole[place:]]
        for one, other in zip(again, whole[place:], strict=True):
            np.testing.assert_array_equal(one.image, other.image)
        needed = whole[-1].index - whole[place].index + 1
        if seeks and place:
            # From the keyframe on; and those that the decoder holds back when the excerpt ends.
            assert len(decoded) - opening <= needed + GROUP + 16


def test_after_damage_nothing_may_be_skipped(
    encode: Callable[..., Path], moving: Callable[[int], list[Image]]
) -> None:
    path = encode("frames.mkv", moving(FRAMES), options={"g": str(GROUP), "bf": "0"})
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 60] = bytes(60)
    path.write_bytes(data)
    with VideoReader(path) as reader:
        states = [reader.intact for _ in reader]
        assert reader.warnings
    assert states[0]
    assert states == sorted(states, reverse=True)
    assert not states[-1]


def test_pictures_before_are_not_loaded(tmp_path: Path) -> None:
    from PIL import Image as Pillow

    for number in range(6):
        Pillow.new("RGB", (16, 16), (number, 0, 0)).save(tmp_path / f"{number}.png")
    with VideoReader(tmp_path, image_fps=10) as reader:
        (tmp_path / "2.png").write_bytes(b"not a picture any more")
        reader.skip_to(4, 0.4)
        assert [(f.index, f.time, int(f.image[0, 0, 0])) for f in reader] == [
            (4, 0.4, 4),
            (5, 0.5, 5),
        ]
        assert reader.warnings == []
