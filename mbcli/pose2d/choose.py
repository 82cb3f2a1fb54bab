"""Choice of the 2D front end for ``--pose2d auto``, and the reason; nothing is downloaded."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec

from mbcli.pose2d import AUTO, Pose2DOptions
from mbcli.pose2d.models import KEYPOINT_MODELS, PERSON_MODELS, WEIGHTS_OF_MODE
from mbcli.weights import on_disk


@dataclass(frozen=True)
class Choice:
    """A chosen front end, its options, and an explanation for the user.

    Attributes:
        backend: a key of `mbcli.pose2d.BACKENDS`.
        options: its options.
        reason: why it was chosen, as a clause.
        hint: what would give better keypoints, and how to get it; empty if nothing would.
    """

    backend: str
    options: Pose2DOptions
    reason: str
    hint: str = ""


def choose(asked: str, options: Pose2DOptions) -> Choice:
    """Return the requested front end, or for ``auto`` the most accurate that is ready to run.

    A checkpoint or configuration named by the user decides. Otherwise it is MMPose if it is
    installed and its weights are on disk, else ONNX models that are on disk, else MoveNet.
    """
    if asked != AUTO:
        return Choice(asked, options, "as asked for")
    if options.pose2d_config is not None or options.det_config is not None:
        return Choice("mmpose", options, "a configuration of it is given")
    given = options.pose2d_checkpoint or options.det_checkpoint
    if given is not None:
        onnx = given.endswith((".onnx", "-onnx"))
        return Choice("rtmpose" if onnx else "mmpose", options, f"{given} is of its kind")
    models = (PERSON_MODELS, KEYPOINT_MODELS)
    ready = all(any(map(on_disk, names)) for names in models)
    if options.pose2d_mode is None and ready and _mmpose_runs():
        return Choice("mmpose", options, "it is installed and its weights are on disk")
    modes = (options.pose2d_mode,) if options.pose2d_mode else ("balanced", "accurate", "light")
    for mode in modes:
        if all(map(on_disk, WEIGHTS_OF_MODE[mode])):
            names = " and ".join(WEIGHTS_OF_MODE[mode])
            return Choice("rtmpose", replace(options, pose2d_mode=mode), f"{names} are on disk")
    if options.pose2d_mode is not None:
        # A size was requested, which MoveNet does not have; rtmpose reports how to get its weights.
        return Choice("rtmpose", options, "only rtmpose has modes")
    wanted = " ".join(WEIGHTS_OF_MODE["balanced"])
    return Choice(
        "movenet",
        options,
        "it comes with mbcli, and no more accurate model is on disk",
        f"to get one (slower on a CPU): mbcli weights fetch {wanted}",
    )


def _mmpose_runs() -> bool:
    """Whether MMPose can be imported here, determined without importing it."""
    return sys.version_info < (3, 12) and all(map(find_spec, ("mmpose", "mmdet", "mmengine")))
