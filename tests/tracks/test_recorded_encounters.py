"""What MoveNet saw of composited encounters (`research.crossings`): who is who afterwards."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from mbcli.tracks import joining
from mbcli.tracks.seen import Seen
from mbcli.types import FloatArray, FramePoses
from research.crossings.__main__ import track
from research.crossings.score import score

RECORDED = Path(__file__).parents[1] / "fixtures" / "encounters.npz"
EXCHANGED, KEPT = (16, 19, 63, 64, 119), (28, 51)  # by the tracker alone


def recorded(number: int) -> tuple[list[Seen], FloatArray, int]:
    """What was seen in each frame, where both people were (N, 2, 4), and the frame they met in."""
    with np.load(RECORDED) as file:
        prefix = f"{number}/"
        clip = {key.removeprefix(prefix): file[key] for key in file if key.startswith(prefix)}
    ends = np.cumsum(clip["people"])[:-1]
    rows = zip(
        *(np.split(clip[name], ends) for name in ("boxes", "keypoints", "looks")), strict=True
    )
    seen = [
        Seen(FramePoses(frame, float(time), boxes, keypoints), looks, False)
        for frame, (time, (boxes, keypoints, looks)) in enumerate(
            zip(clip["time"], rows, strict=True)
        )
    ]
    return seen, clip["people_boxes"], int(clip["meeting"])


@pytest.mark.parametrize("number", [*EXCHANGED, *KEPT])
def test_people_who_met_keep_their_tracks(number: int) -> None:
    seen, boxes, meeting = recorded(number)
    poses = [one.poses for one in seen]
    assert score(track(seen), poses, boxes, meeting).verdict == "right"
    with patch.object(joining, "exchange_time", lambda *_: None):
        alone = score(track(seen), poses, boxes, meeting).verdict
    assert alone == ("exchanged" if number in EXCHANGED else "right")
