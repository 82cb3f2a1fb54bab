"""Feet that stand in exports of skeletons, unless somebody does without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from mbcli.motion import Motion3D
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine


def with_standing_feet(motion: Motion3D, *, steady_bones: bool) -> tuple[Motion3D, str]:
    """The motion with feet that keep their place while they stand, and what hinders it.

    Whatever refinement has done before is done again. A skeleton whose bones do not change gets
    its feet from constant bones: otherwise they would slide by as much as lengths change.

    Args:
        motion: refined or not.
        steady_bones: whether it becomes a skeleton.
    """
    report = motion.meta.get("refinement")
    done: Mapping[str, Any] = report if isinstance(report, Mapping) else {}
    if "feet" in done:
        return motion, ""
    if len(motion.keypoints.cuts):
        return motion, "feet are left as they are: the clip has cuts"
    if motion.camera.astray:
        return motion, "feet are left as they are: the camera moves on an unknown way"
    known = {one.name for one in fields(RefineOptions)}
    before = done.get("options")
    said = {k: v for k, v in before.items() if k in known} if isinstance(before, Mapping) else {}
    earlier = RefineOptions(**said)
    wanted = replace(earlier, feet=True, bones=earlier.bones or steady_bones)
    return refine(motion, wanted), ""
