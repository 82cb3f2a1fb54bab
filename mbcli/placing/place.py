"""From the output of a lifter to people in metres, without jitter."""

from __future__ import annotations

from mbcli.camera import Camera
from mbcli.placing.low_pass import low_pass
from mbcli.placing.metric import to_metres
from mbcli.types import FloatArray, Keypoints2D


def place(
    poses: FloatArray,
    keypoints: Keypoints2D,
    *,
    height: float,
    camera: Camera,
    along_ray: bool,
    cutoff: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Remove jitter from poses and place people in front of the camera.

    Args:
        poses: (T, P, J, 3) image units from ``lift.lifter``, NaN where absent.
        keypoints: the keypoints that were lifted, in pixels.
        height: standing height of every person in metres.
        camera: the camera, of which only the intrinsics are used.
        along_ray: see `mbcli.placing.metric.to_metres`.
        cutoff: cut-off in Hz of the low-pass over poses and root; 0 leaves them as they are.

    Returns:
        The low-passed poses, image units; positions (T, P, J, 3) float32 metres with the pelvis
        at 0; root (T, P, 3) float32 metres, the pelvis in the camera's frame.

    Raises:
        ConfigError: the height is not a positive number.
    """
    times = keypoints.timestamps
    steady = low_pass(poses, times, cutoff)
    positions, root = to_metres(
        steady, keypoints, height=height, camera=camera, along_ray=along_ray
    )
    return steady, positions, low_pass(root, times, cutoff)
