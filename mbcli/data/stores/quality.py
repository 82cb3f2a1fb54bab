"""Selection of the humanly possible parts of a motion.

Recordings contain calibration poses, swapped markers and wrong units. The limits were chosen on
CMU's and HDM05's recordings, between the extremes of sound parts and the values of faults.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.errors import DataError
from mbcli.geometry import unit
from mbcli.kinematics.bones import distances, known_medians
from mbcli.skeleton import BODY21, Skeleton
from mbcli.timeline import runs
from mbcli.types import FloatArray

Body = npt.NDArray[np.float32]

HUMAN_HEIGHT = (0.7, 2.3)  # metres, from a child of one year to the tallest
FPS = (5.0, 1000.0)  # fewer cannot represent motion; more exceeds most high-speed cameras
TOP_SPEED = 18.0  # m/s of a joint; in sound recordings kicks and throws stay below 14
TOP_ACCELERATION = 1000.0  # m/s2 of a joint; in sound recordings a landing foot stays below 500
SHORTEST = 0.5  # seconds

# A standing person's height is the sum of these lengths and of the metres below the ankle and above
# the head joint (0.08 and 0.07).
_CHAIN = (
    ("left_ankle", "left_knee"),
    ("left_knee", "left_hip"),
    ("pelvis", "thorax"),
    ("thorax", "head"),
)
_BEYOND = 0.15

_UPRIGHT = 0.5  # cosine between head and trunk
_MARGIN = 0.1  # seconds on either side of a jump
_SETTLING = 0.25  # seconds until a converter's filters have settled after a calibration pose


def human_pieces(body: Body, fps: float) -> tuple[list[Body], str]:
    """The humanly possible parts of a motion; see :func:`human_stretches`."""
    stretches, note = human_stretches(body, fps)
    return [body[stretch] for stretch in stretches], note


def human_stretches(body: Body, fps: float) -> tuple[list[slice], str]:
    """Find the humanly possible parts of a motion.

    Some recordings start with one frame of a T-pose, often in another place, visible as a jump to
    the second frame. Smoothing has blended the following frames with it, so a quarter of a second
    is removed too. Swapped or lost markers cause jumps within the motion: it is cut there, and a
    tenth of a second is removed on either side. Frames in which a joint is missing are left out.

    Args:
        body: (F, 21, 3) metres; NaN where missing.
        fps: frames per second.

    Returns:
        Frames of pieces of at least ``SHORTEST`` seconds, in order, and a note on what was
        dropped, or "".

    Raises:
        DataError: no frame is whole, the height is not human, or no piece is long enough.
    """
    good: npt.NDArray[np.bool_] = np.asarray(np.isfinite(body).all(axis=(1, 2)))
    if not good.any():
        raise DataError("a frame must hold all joints as finite numbers, got none")
    height = standing_height(body)
    if not HUMAN_HEIGHT[0] <= height <= HUMAN_HEIGHT[1]:
        low, high = HUMAN_HEIGHT
        raise DataError(f"a person must be {low}..{high} m tall, got {height:.2f} m; see the scale")
    speeds = (np.linalg.norm(np.diff(body, axis=0), axis=-1) * fps).max(axis=-1, initial=0.0)
    turns = np.linalg.norm(np.diff(body, 2, axis=0), axis=-1).max(axis=-1, initial=0.0) * fps**2
    jumps = np.union1d(
        np.flatnonzero(speeds > TOP_SPEED), np.flatnonzero(turns > TOP_ACCELERATION)
    ).astype(int)
    notes = []
    if gaps := int((~good).sum()):
        notes.append(f"left out {gaps / fps:.2f} s in which joints are missing")
    if len(jumps) and jumps[0] == 0:
        settled = 1 + round(_SETTLING * fps)
        good[:settled] = False
        notes.append(f"dropped a calibration pose and {_SETTLING} s that it blurs")
        jumps = jumps[jumps >= settled]
    margin = round(_MARGIN * fps)
    before = int((~good).sum())
    for jump in jumps:
        good[max(0, jump + 1 - margin) : jump + 1 + margin] = False
    if len(jumps):
        notes.append(
            f"cut out {((~good).sum() - before) / fps:.2f} s around jumps of up to "
            f"{speeds[jumps].max():.0f} m/s"
        )
    pieces = [slice(a, b) for a, b in runs(good) if b - a >= max(2, SHORTEST * fps)]
    if not pieces:
        raise DataError(
            f"a piece of {SHORTEST} s or more must be left of a motion, got {len(body) / fps:.2f} s"
            + "".join(f", {note}" for note in notes)
        )
    return pieces, "; ".join(notes)


def trunk_axes(body: FloatArray) -> FloatArray:
    """(F, 21, 3) -> (F, 3, 3) rows forward, up and left of the trunk, unit vectors."""
    left, right, thorax, pelvis = (
        body[:, BODY21.index(name)].astype(np.float64)
        for name in ("left_shoulder", "right_shoulder", "thorax", "pelvis")
    )
    up = unit(thorax - pelvis)
    forward = unit(np.cross(unit(left - right), up))
    return np.stack([forward, up, np.cross(up, forward)], axis=1)


def face_turned_away(body: FloatArray) -> bool:
    """Whether the face of (F, 21, 3) looks behind the trunk in most frames, as no neck allows.

    Heads that are thrown back look behind too; only those that are upright on the trunk count.
    """
    nose, head, left, right = (
        body[:, BODY21.index(name)] for name in ("nose", "head", "left_ear", "right_ear")
    )
    axes, ears = trunk_axes(body), (left + right) / 2
    ahead = ((nose - ears) * axes[:, 0]).sum(axis=-1)
    upright = (unit(head - ears) * axes[:, 1]).sum(axis=-1) > _UPRIGHT
    return bool(((ahead < 0) & upright).mean() > 0.5)


def standing_height(body: FloatArray, skeleton: Skeleton = BODY21) -> float:
    """Stature in metres: median lengths of leg, trunk and head, and the parts beyond them.

    Args:
        body: (F, J, 3) metres.
        skeleton: of the J joints.

    Returns:
        NaN if one of those lengths is unknown in all frames.
    """
    return _BEYOND + float(known_medians(distances(body, skeleton, _CHAIN)).sum())
