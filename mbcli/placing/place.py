"""From the output of a lifter to people in metres, without jitter."""

from __future__ import annotations

from mbcli.camera import Camera
from mbcli.placing.low_pass import LowPass, low_pass
from mbcli.placing.metric import Scale, to_metres
from mbcli.timeline import clock_of, within
from mbcli.types import FloatArray, Keypoints2D
from mbcli.values import kept


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


class Placer:
    """Places people of a clip one by one, each for the frames from their first to their last.

    Args:
        keypoints: the keypoints that were lifted.
        height: as for `place`.
        camera: as for `place`.
        along_ray: as for `place`.
        cutoff: as for `place`.

    Raises:
        ConfigError: the height is not a positive number.
    """

    def __init__(
        self,
        keypoints: Keypoints2D,
        *,
        height: float,
        camera: Camera,
        along_ray: bool,
        cutoff: float,
    ) -> None:
        self._keypoints = kept(keypoints, "data")
        self._scale = Scale(height, camera, keypoints.size, keypoints.skeleton, along_ray)
        self._clock = clock_of(keypoints)
        self._low_pass = LowPass.of(keypoints.timestamps, cutoff)

    def __call__(self, poses: FloatArray, column: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Place the person in a column.

        Args:
            poses: (t, J, 3) image units, of the frames of the person's span.
            column: the person.

        Returns:
            As for `place`: (t, J, 3), (t, J, 3), (t, 3), float32.
        """
        frames = self._keypoints.spans.frames_of(column)
        steady = self._low_pass(poses, frames.start)
        clock = within(self._clock, frames)
        positions, root = self._scale.of(steady, self._keypoints[column], clock)
        return steady, positions, self._low_pass(root, frames.start)
