"""Whether the camera of a clip stands still, turns or moves, from how its background moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import median_filter

from mbcli.camera import Camera, CameraMotion
from mbcli.placing.ties import COLUMNS, COUNT, EXPLAINED, KEYFRAME, RIGID, STANDS
from mbcli.placing.turning import Looks, looks_of, moved_looks
from mbcli.types import BoolArray, FloatArray, IntArray

# Of the picture's longer side. In footage from tripods the view shifts by 0.1 % at most while what
# is followed is sharp.
_SHIFT = 0.0015
_ALMOST = 3  # pictures over which a shift is a median, against a picture that is off
# Of the corners that the background's motion explains, those that stay in place: nearly all if the
# camera stands still, however noisy its pictures are, and a few where a camera zooms.
_STAY = 0.6
# Of all corners followed, those that stay in place where much of the background is noise or moves:
# in three clips of people who sign before a plain wall 0.26 or more, the signer among the corners.
_STAND = 0.25
_MOSTLY = 0.9  # share of the pictures in which they must
_WANDERS = 0.03  # of the longer side: no still camera is that far off, however noisy
_TIED = 0.5  # share of the pictures of a shot that must be tied
# Near and far things shift against each other where a homography leaves much unexplained of which
# two views of a rigid scene explain at least half: in rooms rendered for a camera that moves in
# depth, 0.67 and 0.89.
_TURN, _RIGID = 0.75, 0.5
_OFTEN = 0.3  # share of the pictures with such a shift
_ORDER: tuple[CameraMotion, ...] = ("still", "unknown", "turning", "moving")


@dataclass(frozen=True, eq=False)
class CameraPath:
    """How a camera moves in a clip.

    Attributes:
        motion: what it does, over all shots.
        turns: (T, 3, 3) rotations from its axes to those of the shot's first picture; the
            identity throughout unless it is turning in its place.
        zooms: (T,) focal length relative to that of the shot's first picture.
        during: (T, 2, 3) how it turns while a picture is read, see `mbcli.placing.turning.Looks`.
        report: what was found, ready for JSON.
        carried: (T, 3, 3) as ``turns``, where it moves through space; None without pictures.
    """

    motion: CameraMotion
    turns: FloatArray
    zooms: FloatArray
    during: FloatArray
    report: dict[str, Any]
    carried: FloatArray | None = None

    @property
    def poses(self) -> FloatArray:
        """(T, 4, 4) the camera's poses in the world of its shot's first picture."""
        poses = np.tile(np.eye(4), (len(self.turns), 1, 1))
        poses[:, :3, :3] = self.turns if self.carried is None else self.turns @ self.carried
        return poses

    @property
    def turning(self) -> bool:
        """Whether any picture looks elsewhere than the first of its shot."""
        return bool((self.turns != np.eye(3)).any() or (self.zooms != 1).any())


def unseen_path(frames: int, motion: CameraMotion, why: str, *, given: bool) -> CameraPath:
    """The path of a camera about which pictures were not asked: its pose is constant.

    Args:
        frames: number of frames.
        motion: what is said of it.
        why: in words.
        given: whether the user said so.
    """
    return CameraPath(
        motion,
        np.tile(np.eye(3), (frames, 1, 1)),
        np.ones(frames),
        np.zeros((frames, 2, 3)),
        {"motion": motion, "given": given, "found": why},
    )


def camera_path(
    ties: FloatArray,
    numbers: IntArray,
    times: FloatArray,
    shots: Sequence[slice],
    camera: Camera,
    size: tuple[int, int],
    asked: CameraMotion | None = None,
) -> CameraPath:
    """Find what the camera does.

    In each shot it is ``still`` if the view stays in place, within 0.15 % of the picture's longer
    side or with most of the corners that can be followed; ``moving`` if near and far things shift
    against each other; ``unknown`` if less than half of the pictures are tied; else ``turning``.

    Args:
        ties: (T, 2, 26), see `mbcli.placing.ties`.
        numbers: (T,) of the pictures in their source.
        times: (T,) seconds.
        shots: the frames of each shot.
        camera: the lens.
        size: (width, height) of the pictures in pixels.
        asked: what the user says; None decides.
    """
    turns, zooms = np.tile(np.eye(3), (len(times), 1, 1)), np.ones(len(times))
    during, carried, parts = np.zeros((len(times), 2, 3)), turns.copy(), []
    for rows in shots:
        seen = ties[rows], numbers[rows], times[rows], float(camera.focal.mean()), camera.centre
        looks = looks_of(*seen)
        shift = _shift(looks, camera, size)
        motion = _motion(ties[rows, 0], looks, shift) if asked is None else asked
        if motion == "moving":
            looks = moved_looks(*seen)
            carried[rows] = looks.turns
        if motion == "turning":
            turns[rows], zooms[rows], during[rows] = looks.turns, looks.zooms, looks.during
        parts.append(_Part(motion, ties[rows, 0], looks, shift))
    motion = max((part.motion for part in parts), key=_ORDER.index, default="unknown")
    report = {
        "motion": motion,
        "given": asked is not None,
        "found": _words(motion, parts, given=asked is not None),
        **_figures(parts),
    }
    return CameraPath(motion, turns, zooms, during, report, carried)


@dataclass(frozen=True, eq=False)
class _Part:
    motion: CameraMotion
    ties: FloatArray  # (t, 26) of the pictures to their own keyframes
    looks: Looks
    shift: FloatArray  # (t,) of the picture's longer side


def _shift(looks: Looks, camera: Camera, size: tuple[int, int]) -> FloatArray:
    """(t,) how far the corners of the view are from those of the first picture, at most."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]]) * size
    rays = np.append((corners - camera.centre) / camera.focal, np.ones((5, 1)), axis=1)
    seen = np.einsum("tji,cj->tci", looks.turns, rays)
    ahead = np.where(seen[..., 2:] > 0.1, seen[..., 2:], 0.1)
    there = seen[..., :2] / ahead * camera.focal * looks.zooms[:, None, None] + camera.centre
    off: FloatArray = np.abs(there - corners).max(axis=(1, 2)) / max(size)
    return np.asarray(median_filter(off, _ALMOST, mode="nearest"))


def _motion(ties: FloatArray, looks: Looks, shift: FloatArray) -> CameraMotion:
    """What the camera does in a shot."""
    tied = np.isfinite(ties[:, KEYFRAME])
    if tied.sum() < _TIED * (len(ties) - 1) or len(ties) < 2:
        return "unknown"
    stands = ties[tied, STANDS]
    stays = (stands >= _STAY * ties[tied, EXPLAINED]) | (stands >= _STAND)
    if shift.max() < _SHIFT or (stays.mean() >= _MOSTLY and shift.max() < _WANDERS):
        return "still"
    apart = _parallax(ties)[tied & (shift >= _SHIFT)]
    return "moving" if apart.mean() >= _OFTEN else "turning"


def _parallax(ties: FloatArray) -> BoolArray:
    """(t,) whether near and far things shift against each other; a comparison with NaN is false."""
    turn, rigid = ties[:, EXPLAINED], ties[:, RIGID]
    return np.asarray((rigid - turn >= _RIGID * (1 - turn)) & (turn < _TURN))


def _figures(parts: Sequence[_Part]) -> dict[str, Any]:
    """Numbers that the decision rests on."""
    ties = np.concatenate([part.ties for part in parts]) if parts else np.empty((0, COLUMNS))
    tied = np.isfinite(ties[:, KEYFRAME])
    found: dict[str, Any] = {"pictures": len(ties), "tied": int(tied.sum()), "shots": len(parts)}
    if tied.any():
        found["followed"] = round(float(np.median(ties[tied, COUNT])))
        found["explained"] = round(float(np.median(ties[tied, EXPLAINED])), 3)
        found["in_place"] = round(float(np.median(ties[tied, STANDS])), 3)
        found["parallax"] = round(float(_parallax(ties)[tied].mean()), 3)
    carried = [number for number, part in enumerate(parts) if part.motion == "moving"]
    if carried:
        found["carried"] = carried
    turned = [part for part in parts if part.motion in ("turning", "moving")]
    if turned:
        found["degrees"] = round(max(_degrees(part.looks.turns) for part in turned), 2)
        zooms = np.concatenate([part.looks.zooms for part in turned])
        found["zoom"] = [round(float(zooms.min()), 3), round(float(zooms.max()), 3)]
        found["readout"] = round(max(part.looks.readout for part in turned), 4)
    return found


def _degrees(turns: FloatArray) -> float:
    """The largest angle from the first picture's axes."""
    cosine = (np.trace(turns[0].T @ turns, axis1=1, axis2=2) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).max())


def _words(motion: CameraMotion, parts: Sequence[_Part], *, given: bool) -> str:
    """A sentence for the user."""
    found = _figures(parts)
    seen = f"{found['tied']} of {found['pictures']} pictures"
    if motion == "still":
        if given:
            return "stands still, as --camera-motion says"
        share = 100 * min(found["in_place"] / max(found["explained"], 1e-9), 1)
        return f"stands still: {share:.0f} % of the followed background stays in place"
    if motion == "turning":
        low, high = found.get("zoom", [1.0, 1.0])
        zoom = "" if low == high else f" and zooms between {low:g} and {high:g} times"
        turn = f"turns by up to {found.get('degrees', 0.0):.1f} degrees{zoom}"
        if read := found.get("readout"):
            turn += f", with a rolling shutter of {1000 * read:.0f} ms"
        return f"{turn}, from {found.get('followed', 0)} points of the background in {seen}"
    if motion == "moving":
        return (
            "moves through space on an unknown way, so people's paths contain the camera's own "
            "motion; poses do not"
        )
    return (
        f"unknown: the background could be followed in only {seen}, so the camera is taken to "
        "stand still (--camera-motion)"
    )
