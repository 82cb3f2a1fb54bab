"""MMPose predictions, JSON of MMPose 1.x (OpenMMLab).

``MMPoseInferencer(..., pred_out_dir=...)`` writes for a video a list with one object a frame

    frame_id   counted from 0
    instances  list of
        keypoints        [[x, y], ...] in pixels
        keypoint_scores  [...]: peaks of the network, which may be above 1
        bbox             [[x1, y1, x2, y2]], one list too many
        bbox_score       of the detector
        track_id         an identity, if the user's program has added one

and for a picture only the list of instances. ``demo/topdown_demo_with_mmdet.py`` with
``--save-predictions`` writes an object

    meta_info      the dataset: dataset_name, keypoint_id2name ...
    instance_info  the list as above, but with frame_id counted from 1; of a picture the instances

The joints are those of ``keypoint_id2name``. Without it their number must tell: 17 (COCO), 26
(Halpe) or 133 (COCO-WholeBody, of which body and feet are read). Frames without people are there
with no instances.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.checks import four, member, numbers, whole
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source
from mbcli.skeleton import COCO17, HALPE26, SKELETONS, WHOLEBODY23, Skeleton
from mbcli.types import FloatArray

FORMAT = "mmpose"
BY_NUMBER = {17: COCO17, 26: HALPE26, 133: WHOLEBODY23}

# Joints that MMPose's datasets name otherwise than our skeletons. Human3.6M's "neck base" is the
# joint in the face that is called nose here.
_OUR_NAMES = {
    "hip": "pelvis",
    "root": "pelvis",
    "right_foot": "right_ankle",
    "left_foot": "left_ankle",
    "neck_base": "nose",
    "top_head": "head_top",
}


def recognise(source: Source) -> bool:
    """Whether it is what the inferencer or the demo of MMPose writes."""
    if source.kind != "json":
        return False
    document = source.document
    if isinstance(document, dict):
        return isinstance(document.get("instance_info"), list)
    first = document[0] if isinstance(document, list) and document else None
    return _is_frame(first) or _is_instance(first)


def read(source: Source) -> KeypointFile:
    """Read predictions of a video or a picture.

    Raises:
        InputError: a wrong number of keypoints or unknown joint names, a frame out of order or
            twice, and whatever breaks the rules of `KeypointFile`.
    """
    path, document = source.path, source.document
    skeletons: Mapping[int, Skeleton] = BY_NUMBER
    entries, first = document, 0
    if isinstance(document, dict):
        entries = document["instance_info"]
        skeletons = _skeletons(document.get("meta_info"), path)
        # The demo counts from 1; should a version count from 0, its first frame says so.
        first = 0 if any(isinstance(e, dict) and e.get("frame_id") == 0 for e in entries) else 1
    rows = Rows(path, FORMAT, skeletons)
    if entries and not _is_frame(entries[0]):
        for place, instance in enumerate(entries):
            _add(rows, 0, instance, path, f"instance {place}")
        return rows.file()
    frames = 0
    for entry in entries:
        told = whole(member(entry, "frame_id", path, "each frame"), path, "a frame_id")
        frame = told - first
        if frame < frames:
            raise InputError(
                f"{path} must tell each frame once and in order, counted from {first}; got frame "
                f"{told} " + (f"after {frames - 1 + first}" if frames else "first")
            )
        frames = frame + 1
        instances = member(entry, "instances", path, f"frame {told}")
        if not isinstance(instances, list):
            raise InputError(f'{path} must hold a list as "instances" of frame {told}')
        for place, instance in enumerate(instances):
            _add(rows, frame, instance, path, f"instance {place} of frame {told}")
    return rows.file(frames=frames)


def _is_frame(entry: Any) -> bool:
    return isinstance(entry, dict) and "frame_id" in entry and "instances" in entry


def _is_instance(entry: Any) -> bool:
    return isinstance(entry, dict) and "keypoints" in entry and "keypoint_scores" in entry


def _skeletons(meta: Any, path: Path) -> Mapping[int, Skeleton]:
    """What the joint names of the dataset are; their number must tell if there are none."""
    told = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(told, dict) or not all(key.isascii() and key.isdigit() for key in told):
        return BY_NUMBER
    names = tuple(
        _OUR_NAMES.get(name, name) if isinstance(name, str) else ""
        for _, name in sorted(told.items(), key=lambda item: int(item[0]))
    )
    for skeleton in SKELETONS.values():
        if names == skeleton.joints:
            return {len(names): skeleton}
    for count, skeleton in BY_NUMBER.items():
        if len(names) == count and names[: len(skeleton)] == skeleton.joints:
            return {count: skeleton}
    raise InputError(
        f"{path} must hold a skeleton that mbcli knows ({', '.join(SKELETONS)}), got "
        f"{meta.get('dataset_name')} with {len(names)} joints"
    )


def _add(rows: Rows, frame: int, instance: Any, path: Path, what: str) -> None:
    places = member(instance, "keypoints", path, what)
    scores = numbers(
        member(instance, "keypoint_scores", path, what), path, f"the keypoint_scores of {what}"
    )
    if not isinstance(places, list) or len(places) != len(scores):
        raise InputError(f"{path} must hold one score for each keypoint of {what}")
    identity = instance.get("track_id")
    rows.add(
        frame,
        np.column_stack([_pairs(places, path, what), scores]),
        None if identity is None else whole(identity, path, f"the track_id of {what}"),
        _box(instance["bbox"], path, what) if "bbox" in instance else None,
    )


def _pairs(places: list[Any], path: Path, what: str) -> FloatArray:
    """(K, 2) x, y."""
    if not all(isinstance(place, list) and len(place) == 2 for place in places):
        raise InputError(f"{path} must hold x and y of each keypoint of {what}")
    flat = [value for place in places for value in place]
    return numbers(flat, path, f"the keypoints of {what}").reshape(-1, 2)


def _box(told: Any, path: Path, what: str) -> FloatArray:
    """(4,) x1 y1 x2 y2."""
    if isinstance(told, list) and len(told) == 1:
        told = told[0]
    return four(told, path, f"the bbox of {what}")
