"""MotionBERT's published inference, defects included, for comparing numbers.

Zhu et al. 2023, the authors' inference on videos. It differs from ``lifter`` as follows:

- frames without the person are dropped, which compresses time;
- the whole sequence is normalised at once (``geometry.crop_scale``), which moves missing joints
  from (0, 0) to a corner and clips coordinates;
- windows do not overlap, and the last one is shorter;
- the root is set to 0 (root-relative models), or only its depth is, in the first frame of each
  window (all other models);
- the result stays in the units of the normalised sequence.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mbcli.geometry import crop_scale
from mbcli.types import FloatArray

Forward = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


def lift_as_published(
    keypoints: npt.ArrayLike, network: Forward, *, window: int, root_relative: bool
) -> FloatArray:
    """Lift one person's sequence.

    Args:
        keypoints: (T, 17, 3) pixels and confidence of the frames that show the person; missing
            joints are (NaN, NaN, 0).
        network: maps (1, t, 17, 3) to (1, t, 17, 3), with mirror averaging if wanted.
        window: frames per window, 243 in all published models.
        root_relative: whether the model was trained on root-relative poses.

    Returns:
        (T, 17, 3) in the units of the sequence after ``crop_scale``.
    """
    motion = crop_scale(np.nan_to_num(np.asarray(keypoints, dtype=np.float64)))
    parts = []
    for start in range(0, len(motion), window):
        poses = network(motion[None, start : start + window].astype(np.float32))[0].copy()
        if root_relative:
            poses[:, 0] = 0
        else:
            poses[0, 0, 2] = 0
        parts.append(poses)
    return np.concatenate(parts)
