"""The layout of the Rerun viewer: video and space above, curves and the timeline below."""

from __future__ import annotations

import numpy as np
import rerun as rr
from rerun import blueprint as rrb

from mbcli.kinematics.angles import ANGLES, angle_names
from mbcli.motion import Motion3D
from mbcli.show.rerun.curves import ANGLE_CURVES, CONFIDENCE, JOINT_CONFIDENCE, angle_path
from mbcli.show.rerun.lanes import lanes_of
from mbcli.show.rerun.recording import PICTURE, SECONDS, SPACE
from mbcli.show.scene import WorldScene
from mbcli.types import FloatArray
from mbcli.values import kept

# Tab of the joint angles -> its angles.
_TABS = {
    "Knees": ("knee_angle_r", "knee_angle_l"),
    "Ankles": ("ankle_angle_r", "ankle_angle_l"),
    "Hips": ("hip_flexion_r", "hip_flexion_l"),
    "Elbows": ("elbow_flex_r", "elbow_flex_l"),
    "Shoulders": ("shoulder_elevation_r", "shoulder_elevation_l"),
    "Trunk": ("trunk_forward_lean", "trunk_side_lean"),
}
# The initial view: beside and slightly above the video's camera, with all people in sight.
_AROUND, _ABOVE = np.deg2rad(35.0), np.deg2rad(12.0)
_AWAY = 2.0  # distance to the people, in radii that contain nearly all of them
_NEAREST = 1.5  # minimum of that radius in metres
_WITHIN = 95.0  # percent
_ENOUGH = 10_000  # bodies from which the middle and the spread are measured
_CELL = 0.5  # metres of the floor's grid
_GREY = (90, 96, 108)


def layout_of(motion: Motion3D, scene: WorldScene) -> rrb.Blueprint:
    """The blueprint for a motion recorded by `mbcli.show.rerun.recording`."""
    people = [lane.name for lane in dict.fromkeys(lanes_of(motion))]
    known = angle_names(motion.skeleton)
    angles = [
        rrb.TimeSeriesView(
            origin=ANGLE_CURVES,
            contents=[f"+ /{angle_path(p, ANGLES[name])}" for p in people for name in names],
            name=tab,
        )
        for tab, names in _TABS.items()
        if set(names) <= set(known)
    ]
    return rrb.Blueprint(
        rrb.Vertical(
            rrb.Horizontal(
                rrb.Spatial2DView(
                    origin=PICTURE,
                    name="Video",
                    visual_bounds=rrb.VisualBounds2D(
                        x_range=(0, motion.keypoints.size[0]),
                        y_range=(0, motion.keypoints.size[1]),
                    ),
                ),
                rrb.Spatial3DView(
                    origin=SPACE, name="Space", line_grid=_floor(scene), eye_controls=_eye(scene)
                ),
            ),
            rrb.Horizontal(
                rrb.Tabs(
                    rrb.TimeSeriesView(
                        origin=CONFIDENCE,
                        name="Confidence",
                        axis_y=rrb.ScalarAxis(range=(0.0, 1.0), zoom_lock=True),
                    ),
                    rrb.TimeSeriesView(origin=JOINT_CONFIDENCE, name="Confidence of joints"),
                ),
                rrb.Tabs(
                    *angles, rrb.TimeSeriesView(origin=ANGLE_CURVES, name="All angles (degrees)")
                ),
            ),
            row_shares=[5, 2],
        ),
        rrb.TimePanel(timeline=SECONDS, fps=motion.fps),
        rrb.SelectionPanel(state="collapsed"),
        rrb.BlueprintPanel(state="collapsed"),
    )


def _floor(scene: WorldScene) -> rrb.LineGrid3D:
    plane = rr.components.Plane3D(normal=(0, 1, 0), distance=scene.floor)
    return rrb.LineGrid3D(visible=True, spacing=_CELL, plane=plane, color=_GREY)


def _eye(scene: WorldScene) -> rrb.EyeControls3D:
    up = np.array([0.0, 1.0 if scene.upright else -1.0, 0.0])
    rows = kept(scene, "points").rows
    rows = rows[:: max(1, len(rows) // _ENOUGH)]
    points = rows[np.isfinite(rows).all(axis=-1)].astype(np.float64)
    middle = np.median(points, axis=0) if len(points) else np.zeros(3)
    spread = np.linalg.norm(points - middle, axis=-1) if len(points) else np.zeros(1)
    radius = max(_NEAREST, float(np.percentile(spread, _WITHIN)))
    right, forward = (_level(scene.camera.first_pose[:3, axis], up) for axis in (0, 2))
    beside = np.sin(_AROUND) * right - np.cos(_AROUND) * forward
    away = np.cos(_ABOVE) * beside + np.sin(_ABOVE) * up
    return rrb.EyeControls3D(position=middle + _AWAY * radius * away, look_target=middle, eye_up=up)


def _level(direction: FloatArray, up: FloatArray) -> FloatArray:
    """The horizontal part of a direction, with length 1 unless it is 0."""
    part = direction - (direction @ up) * up
    length = float(np.linalg.norm(part))
    return part / length if length > 0 else part
