"""What a video without calibration tells of a front end's errors: little, and that is said."""

from __future__ import annotations

import math

import numpy as np

from mbcli.tracks.body_size import body_lengths
from mbcli.train.noise_model import NoiseModel
from mbcli.types import FloatArray
from research.noise.measures import GROUPS, OF_GROUP, roughness

_LEAST = 0.0005
_LOGIT_LIMIT = 0.02


def without_truth(data: FloatArray, fps: float, name: str) -> tuple[NoiseModel, list[str]]:
    """The white part by third differences; all that needs a truth stays MoveNet's.

    Args:
        data: (T, P, 17, 3) COCO keypoints, NaN and 0 where missing.
        fps: frames a second.
        name: of the front end.

    Returns:
        The numbers; what was measured and what was not, one line each.
    """
    usual = NoiseModel.read(None)
    times = np.arange(len(data)) / fps
    # The longer side of the box stands for the height; nothing better is known.
    relative = data[..., :2] / body_lengths(data, times)[..., None, None]
    jerk = np.diff(relative, n=3, axis=0) ** 2 / 20  # (T - 3, P, 17, 2)
    keep = math.exp(-1 / (fps * usual.time_constant))
    white, lines = np.array(usual.white), []
    for group, part in enumerate(GROUPS):
        joints = group == OF_GROUP
        known = jerk[:, :, joints][np.isfinite(jerk[:, :, joints])]
        if not known.size:
            lines.append(f"{part}: never seen in four frames on end, so its white part stays")
            continue
        # Squares over their median: jumps and quick motion must not count as noise. 0.4549 is the
        # median of a squared standard normal.
        rough = float(np.median(known)) / 0.4549
        slow = usual.slow[int(np.flatnonzero(joints)[0])] ** 2 * roughness(keep)
        white[joints] = max(rough - slow, _LEAST**2) ** 0.5
        lines.append(
            f"{part}: third differences {rough**0.5:.2%} of the height, so the white part is at "
            f"most {white[joints][0]:.2%}"
        )
    present = (data[..., 2] > 0).any(axis=-1)  # (T, P)
    confidence = data[present][:, :, 2]  # (N, 17)
    reported = np.clip(confidence[confidence > 0], _LOGIT_LIMIT, 1 - _LOGIT_LIMIT)
    logit = np.log(reported / (1 - reported))
    middle = float(np.median(reported))
    lines += [
        f"confidence: median {middle:.2f}, standard deviation of the logit {logit.std():.2f}",
        f"not reported: {float((confidence == 0).mean()):.2%} of the keypoints of people present",
        "not measured without a truth: offsets, the slow part and its time constant, limbs "
        "hidden, collapsed or swapped, outliers, and how confidence falls with the error; these "
        "stay MoveNet's",
    ]
    numbers = usual.model_copy(
        update={
            "name": name,
            "white": tuple(round(float(value), 4) for value in white),
            "confidence": round(middle, 3),
            "confidence_sd": round(float(logit.std()), 2),
            "about": "white part and confidences of one video without calibration; else MoveNet's",
        }
    )
    return numbers, lines
