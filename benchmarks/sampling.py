"""What ``--pose2d-rate`` costs in accuracy: fast footage, looked at in every frame and in fewer.

    python -m benchmarks.sampling --multiview FOLDER [--rates 0 30 15] [--json sampling.json]

FOLDER is that of `benchmarks.accuracy`: one video per camera and ``Calib.qca.txt``. A man is
triangulated from keypoints of every frame. Each view is lifted alone, focal length and height
known, from keypoints as the rate gives them. Errors are means of the views; the change is the
distance of limb joints, measured from the hips, from those lifted from every frame.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.figures import figures, mean_figures
from benchmarks.accuracy.footage import HIPS, Footage, lift, limbs_of, read_footage
from benchmarks.accuracy.reference import BONES, LIMBS
from benchmarks.timing import arguments, show, write
from mbcli.options import InferOptions
from mbcli.pipeline import in_skeleton
from mbcli.report import Stopwatch, unobserved
from mbcli.skeleton import H36M17
from mbcli.tracks.source import Detection, opened
from mbcli.types import FloatArray


def looked_at(video: Path, rate: float) -> Detection:
    """What the 2D stage finds with a rate."""
    with opened(video, InferOptions(pose2d_rate=rate)) as detect:
        return detect(unobserved, Stopwatch())


def column_of(footage: Footage, view: int, detection: Detection) -> int:
    """The track that lies on the man's keypoints of every frame."""
    found = in_skeleton(detection.keypoints, H36M17, published=False).data[:, :, LIMBS, :2]
    apart = np.linalg.norm(found - footage.keypoints(view)[: len(found), None, :, :2], axis=-1)
    return int(np.argmin(np.nan_to_num(apart, nan=1e6).mean(axis=(0, 2))))


def limbs(footage: Footage, rate: float) -> list[FloatArray]:
    """Limb joints lifted from each view, (T, 12, 3) metres."""
    lifted = []
    for view, video in enumerate(footage.videos):
        found = footage.detections[view] if rate == 0 else looked_at(video, rate)
        motion = lift(footage, "mbcli-lifter", view, found, focal=True, height=True)
        lifted.append(limbs_of(motion, column_of(footage, view, found)))
    return lifted


def about_hips(joints: FloatArray) -> FloatArray:
    """Joints measured from the middle of the hips."""
    return joints - joints[:, list(HIPS)].mean(axis=1, keepdims=True)


def main() -> int:
    """Run the benchmark."""
    parser = arguments(__doc__, rounds=1)
    parser.add_argument("--multiview", type=Path, required=True)
    parser.add_argument("--rates", type=float, nargs="+", default=[0, 30, 15])
    given = parser.parse_args()
    footage = read_footage(given.multiview)
    exact = limbs(footage, 0)
    rows: list[dict[str, Any]] = []
    for rate in given.rates:
        answers = exact if rate == 0 else limbs(footage, rate)
        scored = [
            figures(joints, footage.target(view), fps=footage.fps, hips=HIPS, bones=BONES)
            for view, joints in enumerate(answers)
        ]
        overall = mean_figures([part for part in scored if part is not None], by_frames=False)
        moved = np.concatenate(
            [
                1000 * np.linalg.norm(about_hips(a) - about_hips(b), axis=-1).ravel()
                for a, b in zip(answers, exact, strict=True)
            ]
        )
        rows.append(
            {
                "rate": rate,
                "mpjpe": overall.mpjpe,
                "p_mpjpe": overall.p_mpjpe,
                "jitter": overall.jitter,
                "moved_mean": float(np.nanmean(moved)),
                "moved_median": float(np.nanmedian(moved)),
            }
        )
    show(
        f"{footage.fps:g} frames a second, mm",
        ("--pose2d-rate", "MPJPE", "P-MPJPE", "jitter", "moved by", "median"),
        [(f"{r['rate']:g}", *(f"{v:.1f}" for k, v in r.items() if k != "rate")) for r in rows],
    )
    write(given.json, {"rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
