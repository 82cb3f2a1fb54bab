"""The 2D part as COCO keypoint results, which COCO's evaluation and most pose tools read.

A list with one record a frame and person. Of Human3.6M's joints COCO-17 has 13: without others in
the motion, eyes and ears are 0, 0, 0. For all that a 2D stage saw, ``mbcli keypoints`` writes the
same format before lifting.
"""

from __future__ import annotations

from pathlib import Path

from mbcli.exports.options import ExportOptions
from mbcli.keypoints.json_records import coco_records, print_records
from mbcli.motion import Motion3D


def write_coco(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write the keypoints of everybody in ``motion``.

    Args:
        motion: whose keypoints to write.
        path: the file to create.
        options: not used; the format leaves no choice.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        print_records(stream, coco_records(motion.keypoints, partial=True))
