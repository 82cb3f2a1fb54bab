"""The 2D part as COCO keypoint results, read by COCO's evaluation and most pose tools.

A list with one record per frame and person. COCO-17 has 13 of Human3.6M's joints; unless the motion
has more joints, eyes and ears are 0, 0, 0. For the complete output of a 2D stage, ``mbcli
keypoints`` writes this format before lifting.
"""

from __future__ import annotations

from pathlib import Path

from mbcli.exports.options import ExportOptions
from mbcli.keypoints.json_records import coco_records, print_records
from mbcli.motion import Motion3D


def write_coco(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write the keypoints of everybody in ``motion``.

    Args:
        motion: the motion whose keypoints to write.
        path: the file to create.
        options: not used; the format leaves no choice.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        print_records(stream, coco_records(motion.keypoints, partial=True))
