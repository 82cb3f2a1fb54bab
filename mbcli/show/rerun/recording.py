"""A motion as entities of a Rerun recording (https://rerun.io); the entity paths are listed below.

Every row has two times: ``time``, seconds of the video, and ``frame``, its frame numbers. Values
are those of the motion: nothing is smoothed or filled in. For a person absent from a frame, the row
is empty, which removes them from the screen; a single missing joint is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import rerun as rr

from mbcli.motion import Motion3D
from mbcli.report import Observer
from mbcli.show.colours import bone_colours, joint_colour, person_colour
from mbcli.show.rerun.lanes import Lane, frames_of, lanes_of
from mbcli.show.scene import WorldScene
from mbcli.types import FloatArray
from mbcli.values import kept

SECONDS, FRAME = "time", "frame"

# Entity paths. Each person is a child, named by `lanes_of`.
PICTURE = "video"  # 2D, in pixels
FRAMES = f"{PICTURE}/frames"  # the pictures behind the people
SPACE = "space"  # 3D, in metres
CAMERA = f"{SPACE}/camera"

_ROWS = 1024  # frames sent together
_BONE_RADIUS, _JOINT_RADIUS = 0.018, 0.028  # metres
_LINE_RADIUS, _DOT_RADIUS = -1.6, -2.6  # negative: screen pixels, at any zoom
_FRUSTUM = 0.6  # metres from the camera to its picture
_LABEL_OVER = 0.25  # metres from the head up to the id
_LABEL_PART = 0.12  # likewise in 2D, as a share of the body's height in the picture


def add_space(recording: rr.RecordingStream, motion: Motion3D, scene: WorldScene) -> None:
    """Add the axes of 3D space and, if people's positions are known, the camera.

    Rerun does not support lens distortion: the frustum ignores it.
    """
    axes = rr.ViewCoordinates.RIGHT_HAND_Y_UP if scene.upright else rr.ViewCoordinates.RDF
    recording.log(SPACE, axes, static=True, strict=True)
    if not scene.placed:
        return
    camera = scene.camera
    zooms = camera.zooms if camera.zooming else None
    lens = rr.Pinhole(
        resolution=motion.keypoints.size,
        focal_length=camera.focal,
        principal_point=camera.centre,
        camera_xyz=rr.ViewCoordinates.RDF,
        image_plane_distance=_FRUSTUM,
    )
    if camera.fixed and zooms is None:
        pose = camera.first_pose
        where = rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3])
        recording.log(CAMERA, where, lens, static=True, strict=True)
        return
    if zooms is not None:  # what is static covers what changes
        lens = rr.Pinhole.from_fields(
            resolution=motion.keypoints.size,
            camera_xyz=rr.ViewCoordinates.RDF,
            image_plane_distance=_FRUSTUM,
        )
    recording.log(CAMERA, lens, static=True, strict=True)
    for rows in chunks(motion):
        poses = camera.world_from_camera[rows]
        recording.send_columns(
            CAMERA,
            time_columns(motion, rows),
            rr.Transform3D.columns(translation=poses[:, :3, 3], mat3x3=poses[:, :3, :3]),
            strict=True,
        )
        if zooms is not None:
            matrices = np.tile(camera.matrix, (len(poses), 1, 1))
            matrices[:, [0, 1], [0, 1]] *= zooms[rows, None]
            zoomed = rr.Pinhole.columns(image_from_camera=matrices)
            recording.send_columns(CAMERA, time_columns(motion, rows), zoomed, strict=True)


def add_people(
    recording: rr.RecordingStream, motion: Motion3D, scene: WorldScene, observer: Observer
) -> None:
    """Add everybody in 2D, in pixels, and in 3D, in metres."""
    lanes = lanes_of(motion)
    for lane in dict.fromkeys(lanes):
        _add_looks(recording, motion, lane)
    for column, lane in enumerate(lanes):
        name, label = lane.name, str(motion.track_ids[column])
        frames = frames_of(motion, column)
        alone = motion.part(frames, [column])
        points = kept(scene, "points").part(frames, [column]).dense()[:, 0]
        for rows in chunks(alone):
            times = time_columns(alone, rows)
            _add_flat(recording, f"{PICTURE}/{name}", label, alone, rows, times)
            _add_solid(
                recording,
                f"{SPACE}/{name}",
                label,
                alone,
                points[rows],
                times,
                up=1.0 if scene.upright else -1.0,
            )
        observer("view", column + 1, len(lanes))


def time_columns(motion: Motion3D, rows: slice) -> list[rr.TimeColumn]:
    """Both times of the given frames."""
    return [
        rr.TimeColumn(FRAME, sequence=motion.keypoints.frame_index[rows]),
        rr.TimeColumn(SECONDS, duration=motion.timestamps[rows]),
    ]


def chunks(motion: Motion3D) -> Iterator[slice]:
    """Slices of rows to send together."""
    for begin in range(0, len(motion.timestamps), _ROWS):
        yield slice(begin, begin + _ROWS)


def _add_looks(recording: rr.RecordingStream, motion: Motion3D, lane: Lane) -> None:
    """Add constant properties: colours, widths and names of joints."""
    skeleton, person, name = motion.skeleton, person_colour(lane.number), lane.name
    joints = [joint_colour(joint, person) for joint in skeleton.joints]
    bones = list(bone_colours(skeleton, person))
    names = list(skeleton.joints)
    recording.log(
        f"{PICTURE}/{name}",
        rr.Points2D.from_fields(radii=_DOT_RADIUS, colors=joints, labels=names, show_labels=False),
        rr.LineStrips2D.from_fields(radii=_LINE_RADIUS, colors=bones),
        static=True,
        strict=True,
    )
    recording.log(
        f"{SPACE}/{name}",
        rr.Points3D.from_fields(
            radii=_JOINT_RADIUS, colors=joints, labels=names, show_labels=False
        ),
        rr.LineStrips3D.from_fields(radii=_BONE_RADIUS, colors=bones),
        static=True,
        strict=True,
    )
    for path, archetype in (
        (f"{PICTURE}/{name}/id", rr.Points2D.from_fields),
        (f"{SPACE}/{name}/id", rr.Points3D.from_fields),
    ):
        looks = archetype(radii=0.0, colors=person, show_labels=True)
        recording.log(path, looks, static=True, strict=True)


def _add_flat(
    recording: rr.RecordingStream,
    path: str,
    label: str,
    motion: Motion3D,
    rows: slice,
    times: Sequence[rr.TimeColumn],
) -> None:
    """Add the keypoints of a motion of one person, in pixels."""
    points = motion.keypoints.data[rows, 0, :, :2]
    there = seen(points)
    counts, strips = _bodies(motion, points, there)
    recording.send_columns(
        path,
        times,
        [
            *rr.Points2D.columns(positions=points[there].reshape(-1, 2)).partition(counts[0]),
            *rr.LineStrips2D.columns(strips=strips).partition(counts[1]),
        ],
        strict=True,
    )
    recording.send_columns(
        f"{path}/id",
        times,
        rr.Points2D.columns(
            positions=_over(points[there]), labels=[label] * int(there.sum())
        ).partition(there.astype(np.int64)),
        strict=True,
    )


def _add_solid(
    recording: rr.RecordingStream,
    path: str,
    label: str,
    motion: Motion3D,
    points: FloatArray,
    times: Sequence[rr.TimeColumn],
    *,
    up: float,
) -> None:
    """Add a person in space, in metres; ``up`` is the sign of y that points up."""
    there = seen(points)
    counts, strips = _bodies(motion, points, there)
    recording.send_columns(
        path,
        times,
        [
            *rr.Points3D.columns(positions=points[there].reshape(-1, 3)).partition(counts[0]),
            *rr.LineStrips3D.columns(strips=strips).partition(counts[1]),
        ],
        strict=True,
    )
    over = points[there, motion.skeleton.index("head")] + np.array([0.0, up * _LABEL_OVER, 0.0])
    recording.send_columns(
        f"{path}/id",
        times,
        rr.Points3D.columns(positions=over, labels=[label] * len(over)).partition(
            there.astype(np.int64)
        ),
        strict=True,
    )


def seen(points: FloatArray) -> npt.NDArray[np.bool_]:
    """(T,) whether any of (T, J, D) is present in a frame."""
    return np.asarray(np.isfinite(points).any(axis=(-1, -2)))


def _bodies(
    motion: Motion3D, points: FloatArray, there: npt.NDArray[np.bool_]
) -> tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], FloatArray]:
    """Numbers of joints and bones in each frame, and all bones, (N, 2, D)."""
    bones = np.array(motion.skeleton.bones)
    strips: FloatArray = points[there][:, bones].reshape(-1, 2, points.shape[-1])
    present = there.astype(np.int64)
    return (present * points.shape[1], present * len(bones)), strips


def _over(points: FloatArray) -> FloatArray:
    """(N, 2) pixels: horizontally centred on each body (N, J, 2), slightly above it."""
    across = np.nanmean(points[..., 0], axis=-1)
    top, bottom = np.nanmin(points[..., 1], axis=-1), np.nanmax(points[..., 1], axis=-1)
    return np.stack([across, top - _LABEL_PART * (bottom - top)], axis=-1)
