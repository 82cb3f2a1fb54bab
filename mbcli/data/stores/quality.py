"""Which parts of a motion a person can have made.

Recordings hold calibration poses, swapped markers and files in another unit. The limits here
were set on CMU's and HDM05's recordings, between what their sound parts reach and what their
faults show.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.errors import DataError
from mbcli.kinematics.bones import distances, known_medians
from mbcli.skeleton import BODY21, Skeleton
from mbcli.timeline import runs
from mbcli.types import FloatArray

Body = npt.NDArray[np.float32]

HUMAN_HEIGHT = (1.3, 2.1)  # metres
FPS = (5.0, 1000.0)  # a motion is lost in fewer; high-speed cameras end about there
TOP_SPEED = 18.0  # m/s of a joint; in sound recordings kicks and throws stay below 14
TOP_ACCELERATION = 1000.0  # m/s2 of a joint; in sound recordings a landing foot stays below 500
SHORTEST = 0.5  # seconds

# What a standing person's height is made of: these lengths, and metres below the ankle and above
# the head joint (0.08 and 0.07).
_CHAIN = (
    ("left_ankle", "left_knee"),
    ("left_knee", "left_hip"),
    ("pelvis", "thorax"),
    ("thorax", "head"),
)
_BEYOND = 0.15

_MARGIN = 0.1  # seconds on either side of a jump
_SETTLING = 0.25  # seconds that the filters of a converter take to forget a calibration pose


def human_pieces(body: Body, fps: float) -> tuple[list[Body], str]:
    """The parts of a motion that a person can have made.

    Some recordings start with one frame of a T-pose, often at another place. It shows as a jump
    to the second frame. What follows it has been smoothed together with it, so a quarter of a
    second goes too. Markers that were swapped or lost show as jumps inside the motion: it is cut
    there, and a tenth of a second goes on either side.

    Args:
        body: (F, 21, 3) metres.
        fps: frames per second.

    Returns:
        Pieces of at least ``SHORTEST`` seconds, in order, and a note on what was dropped, or "".

    Raises:
        DataError: not finite, of inhuman height, too short, or nothing long enough is left.
    """
    if not np.isfinite(body).all():
        raise DataError("all positions must be finite numbers")
    height = standing_height(body)
    if not HUMAN_HEIGHT[0] <= height <= HUMAN_HEIGHT[1]:
        low, high = HUMAN_HEIGHT
        raise DataError(f"a person must be {low}..{high} m tall, got {height:.2f} m; see the scale")
    speeds = (np.linalg.norm(np.diff(body, axis=0), axis=-1) * fps).max(axis=-1, initial=0.0)
    turns = np.linalg.norm(np.diff(body, 2, axis=0), axis=-1).max(axis=-1, initial=0.0) * fps**2
    jumps = np.union1d(
        np.flatnonzero(speeds > TOP_SPEED), np.flatnonzero(turns > TOP_ACCELERATION)
    ).astype(int)
    good = np.ones(len(body), dtype=bool)
    notes = []
    if len(jumps) and jumps[0] == 0:
        settled = 1 + round(_SETTLING * fps)
        good[:settled] = False
        notes.append(f"dropped a calibration pose and {_SETTLING} s that it blurs")
        jumps = jumps[jumps >= settled]
    margin = round(_MARGIN * fps)
    for jump in jumps:
        good[max(0, jump + 1 - margin) : jump + 1 + margin] = False
    if len(jumps):
        notes.append(
            f"cut out {(~good).sum() / fps:.2f} s around jumps of up to "
            f"{speeds[jumps].max():.0f} m/s"
        )
    pieces = [body[a:b] for a, b in runs(good) if b - a >= max(2, SHORTEST * fps)]
    if not pieces:
        raise DataError(
            f"{SHORTEST} s or more must be left of a motion, got {len(body) / fps:.2f} s"
            + "".join(f", {note}" for note in notes)
        )
    return pieces, "; ".join(notes)


def standing_height(body: FloatArray, skeleton: Skeleton = BODY21) -> float:
    """Stature in metres: median lengths of leg, trunk and head, and what lies beyond them.

    Args:
        body: (F, J, 3) metres.
        skeleton: whose joints they are.

    Returns:
        NaN where one of those lengths is never known.
    """
    return _BEYOND + float(known_medians(distances(body, skeleton, _CHAIN)).sum())
