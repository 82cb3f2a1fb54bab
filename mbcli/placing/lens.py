"""Which lens a clip was filmed with: as given, as noted in the file, or assumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mbcli.calibration import calibrated
from mbcli.camera import Camera, camera_from, fov_of
from mbcli.placing.camera_motion import CameraPath
from mbcli.placing.turning import turned_focal
from mbcli.placing.walkers import walked_focal
from mbcli.skeleton import Skeleton
from mbcli.spans import PerPerson
from mbcli.types import FloatArray, IntArray, Keypoints2D
from mbcli.values import changed, kept
from mbcli.video.lens import NotedLens

# Relative standard error of the focal length of somebody's camera, if nothing is known: between
# phones (26 mm), action cameras and portraits (50 mm), with 55 degrees (35 mm) in the middle.
ASSUMED_DOUBT = 0.3
# Largest doubt with which a focal length of the clip is taken: half of the above. In the benchmark
# of `mbcli.placing.turning.turned_focal` those that are taken are off by 2.4 % at most; in that of
# `mbcli.placing.walkers.walked_focal` by 7 % in the median.
_SURE = 0.15
_TRIES = 2  # of the turns of a camera; a third changes the focal length by less than 0.1 %
# Above this doubt walking people have told nothing: it is nine tenths of the doubt without them.
_NOTHING = 0.9 * ASSUMED_DOUBT


@dataclass(frozen=True)
class KnownLens:
    """The lens of a clip, and how it is known.

    Attributes:
        camera: the camera, static, for all frames.
        source: ``calibration``, ``option``, ``file``, ``clip`` or ``assumed``.
        doubt: relative standard error of the focal length; None if it was given.
        words: where it comes from, the end of "focal length ... pixels, ".
    """

    camera: Camera
    source: str
    doubt: float | None
    words: str

    def meta(self, size: tuple[int, int]) -> dict[str, Any]:
        """The focal length for metadata, ready for JSON."""
        focal = float(self.camera.focal.mean())
        return {
            "pixels": focal,
            "given": self.camera.focal_given,
            "fov": round(self._fov(size), 3),
            "source": self.source,
            "doubt": self.doubt,
            "words": self.words,
        }

    def _fov(self, size: tuple[int, int]) -> float:
        """Degrees across the longer side; of a fisheye up to where its model reaches."""
        camera = self.camera
        if camera.model == "perspective":
            return fov_of(float(camera.focal.mean()), size)
        side = np.repeat(camera.centre[None], 200, axis=0)
        along = int(np.argmax(size))
        side[:, along] = np.linspace(0, size[along], 200)
        angles = np.degrees(np.arctan(camera.unproject(side)[:, along]))
        return float(np.nanmax(angles) - np.nanmin(angles))


def lens_of(
    size: tuple[int, int],
    frames: int,
    *,
    calibration: str | None = None,
    focal: float | None = None,
    fov: float | None = None,
    noted: NotedLens | None = None,
) -> KnownLens:
    """The lens by the first of these that is there, or a field of view of 55 degrees.

    Args:
        size: (width, height) of the pictures in pixels.
        frames: number of frames.
        calibration: a calibration file, see `mbcli.calibration.calibrated`.
        focal: focal length in pixels.
        fov: degrees across the longer side.
        noted: what the file of the pictures notes.

    Raises:
        ConfigError: ``focal`` or ``fov`` is outside its range, or both are given; the calibration
            has several cameras.
        InputError: the calibration cannot be used.
    """
    if calibration is not None:
        camera = calibrated(calibration, size).lasting(frames)
        return KnownLens(camera, "calibration", None, f"from {calibration}")
    camera = camera_from(size, focal, fov, frames)
    if camera.focal_given:
        name = "--fov" if focal is None else "--focal"
        return KnownLens(camera, "option", None, f"given by {name}")
    if noted is not None:
        camera = replace(camera, focal=np.full(2, noted.focal))
        return KnownLens(camera, "file", noted.doubt, f"noted by the camera: {noted.words}")
    return KnownLens(camera, "assumed", ASSUMED_DOUBT, "assumed")


def turned_lens(
    lens: KnownLens,
    ties: FloatArray,
    numbers: IntArray,
    path: CameraPath,
    follow: Callable[[Camera], CameraPath],
) -> KnownLens:
    """The lens that a turning camera shows, if it does and nothing better is known.

    Args:
        lens: from :func:`lens_of`.
        ties: (T, 2, 26), see `mbcli.placing.ties`.
        numbers: (T,) of the pictures in their source.
        path: what the camera does, if it has the focal length of ``lens``.
        follow: what it does if it has another. A rolling shutter shows only once the focal length
            is about right, and must be known for that to be sure.
    """
    if lens.source != "assumed":
        return lens
    camera = lens.camera
    for tries in range(_TRIES):
        if tries:
            path = follow(camera)
        start = float(camera.focal.mean())
        focal, doubt = turned_focal(ties, numbers, path.zooms, start, camera.centre, path.during)
        camera = replace(camera, focal=np.full(2, focal))
        if doubt <= _SURE:
            words = "estimated from the turns of the camera"
            return KnownLens(camera, "clip", round(doubt, 3), words)
    return lens


def walked_lens(
    lens: KnownLens,
    bodies: PerPerson,
    times: FloatArray,
    shots: Sequence[slice],
    skeleton: Skeleton,
) -> KnownLens:
    """The lens that walking people show, if they do and nothing better is known.

    Args:
        lens: from :func:`lens_of` or :func:`turned_lens`, with which people were placed.
        bodies: (T, P, J, 3) metres in the axes of the camera, see `walked_focal`.
        times: (T,) seconds.
        shots: the frames of each shot.
        skeleton: of the J joints.
    """
    if lens.source != "assumed":
        return lens
    factor, doubt = walked_focal(bodies, times, shots, skeleton, ASSUMED_DOUBT)
    if doubt > _SURE:
        told = f"walking people tell it to within {doubt:.0%} only"
        if doubt > _NOTHING:
            told = "neither turns of the camera nor people who walk at a slant tell it"
        return replace(lens, words=f"assumed: {told}")
    camera = replace(lens.camera, focal=factor * lens.camera.focal)
    words = "estimated from where walking people face and go"
    return KnownLens(camera, "clip", round(doubt, 3), words)


def straightened(keypoints: Keypoints2D, camera: Camera) -> Keypoints2D:
    """Keypoints as the camera `Camera.straight` sees them; boxes stay as they are.

    Those that the lens does not reach go missing.
    """
    if not camera.bends and camera.focal[0] == camera.focal[1]:
        return keypoints
    values = kept(keypoints, "data")
    rows = values.rows.astype(np.float64)
    rows[..., :2] = camera.straightened(rows[..., :2], values.spans.frame)
    lost = ~np.isfinite(rows[..., :2]).all(axis=-1)
    rows[lost] = np.nan, np.nan, 0.0
    return changed(keypoints, data=values.filled_with(rows.astype(np.float32)))
