"""Conversion of a camera to the arrays of a pose.npz, and back from either format version.

Version 1 has the focal length only in its metadata, and the world as one (4, 4) transform, only if
refinement estimated it. Its principal point is the centre of the picture, its lens is without
distortion, and its camera is assumed to be static.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from mbcli.camera import Camera, CameraMotion, camera_from
from mbcli.distortion import LensModel
from mbcli.storage.metadata import read_metadata
from mbcli.storage.pose_file import FORMAT

Arrays = Mapping[str, npt.NDArray[Any]]


def arrays_of(camera: Camera) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a camera, named as in `mbcli.storage.pose_file`."""
    return {
        "camera_matrix": camera.matrix,
        "distortion": camera.distortion,
        **({"lens_model": np.array(camera.model)} if camera.model != "perspective" else {}),
        **({"zooms": camera.zooms} if camera.zooming else {}),
        "camera_given": np.array(
            [camera.focal_given, camera.centre_given, camera.distortion_given], np.bool_
        ),
        **_poses(camera),
    }


def raw_arrays_of(camera: Camera) -> dict[str, npt.NDArray[Any]]:
    """The poses of a camera before refinement, which does not change the lens."""
    return {f"raw_{name}": array for name, array in _poses(camera).items()}


def camera_of(arrays: Arrays) -> Camera:
    """The camera of a file.

    Args:
        arrays: from `mbcli.storage.pose_file.read_arrays`.

    Raises:
        KeyError: an array is missing.
        ValueError, TypeError: an array violates the format.
    """
    if str(arrays["format"]) != FORMAT:
        return _of_version_one(arrays)
    matrix = arrays["camera_matrix"]
    focal, centre, distortion = arrays["camera_given"].tolist()
    camera = Camera(
        focal=matrix[[0, 1], [0, 1]],
        centre=matrix[:2, 2],
        distortion=arrays["distortion"],
        focal_given=focal,
        centre_given=centre,
        distortion_given=distortion,
        model=cast(LensModel, str(arrays.get("lens_model", "perspective"))),
    )
    if (matrix != camera.matrix).any():
        raise ValueError(
            f"camera_matrix must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], got {matrix.tolist()}"
        )
    return _posed(camera, arrays, "")


def raw_camera_of(arrays: Arrays, camera: Camera) -> Camera | None:
    """The camera before refinement; None if refinement did not change it.

    Args:
        arrays: from `mbcli.storage.pose_file.read_arrays`.
        camera: from :func:`camera_of`.

    Raises:
        KeyError: an array is missing.
        ValueError, TypeError: an array violates the format.
    """
    if str(arrays["format"]) != FORMAT:
        return camera.lasting(len(arrays["timestamps"])) if camera.grounded else None
    return _posed(camera, arrays, "raw_") if "raw_world_from_camera" in arrays else None


def _poses(camera: Camera) -> dict[str, npt.NDArray[Any]]:
    return {
        "world_from_camera": camera.world_from_camera,
        "camera_motion": np.array(camera.motion),
        "grounded": np.array(camera.grounded, np.bool_),
    }


def _posed(camera: Camera, arrays: Arrays, prefix: str) -> Camera:
    return camera.posed(
        arrays[f"{prefix}world_from_camera"],
        motion=cast(CameraMotion, str(arrays[f"{prefix}camera_motion"])),
        grounded=bool(arrays[f"{prefix}grounded"]),
        zooms=arrays.get("zooms", np.ones(1)),
    )


def _of_version_one(arrays: Arrays) -> Camera:
    """Camera of version 1; without a focal length it has the default field of view."""
    width, height = arrays["image_size"].tolist()
    frames = len(arrays["timestamps"])
    camera = camera_from((width, height), frames=frames)
    focal = read_metadata(str(arrays["meta"])).get("assumptions", {}).get("focal")
    if focal is not None:
        pixels = np.full(2, focal["pixels"])
        camera = replace(camera, focal=pixels, focal_given=focal["given"])
    if "world_from_camera" not in arrays:
        return camera
    world = np.broadcast_to(arrays["world_from_camera"], (frames, 4, 4))
    return camera.posed(world, motion="still", grounded=True)
