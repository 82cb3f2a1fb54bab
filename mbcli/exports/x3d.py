"""X3D.npy, the array written by MotionBERT's inference on videos.

(T, 17, 3) float32, Human3.6M's joints in this package's order, without any others of the motion:
the network's output before placing, with the pelvis at its position. The scale is that of
MotionBERT's option for pixels: the centre of the picture is 0 and half its shorter side 1, x to the
right, y down, z away, all in one unit, so that ``x3d * min(width, height) / 2`` plus the centre in
x and y gives pixels. Depth is relative to the pelvis of each frame. A motion inferred with
``--compat`` has the published units instead. MotionBERT writes only the frames in which a tracker
saw the person; here every frame of the video has a row, NaN where the person is absent.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17


def write_x3d(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write the only person of ``motion``.

    Args:
        motion: a motion with one person.
        path: the file to create.
        options: not used; the format leaves no choice.

    Raises:
        OSError: the file cannot be written.
    """
    joints = [motion.skeleton.index(joint) for joint in H36M17.joints]
    array = np.ascontiguousarray(motion.positions_normalized[:, 0, joints], dtype=np.float32)
    with path.open("xb") as stream:
        np.save(stream, array, allow_pickle=False)
