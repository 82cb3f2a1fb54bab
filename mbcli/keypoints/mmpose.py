"""MMPose's predictions, the JSON of MMPose 1.x (OpenMMLab) and of programs that follow it.

For a video, ``MMPoseInferencer(..., pred_out_dir=...)`` writes a list with one object per frame

    frame_id   counted from 0
    instances  list of
        keypoints        [[x, y], ...] in pixels
        keypoint_scores  [...]: peaks of the network, which may exceed 1
        bbox             [[x1, y1, x2, y2]], nested once more than needed
        bbox_score       of the detector
        track_id         identity, if the user's program has added one

For a picture it writes only the list of instances, and for a folder of pictures a folder of such
files. Its return value, dumped as JSON, has one list of instances per picture under
``predictions``. ``demo/topdown_demo_with_mmdet.py`` with ``--save-predictions`` writes an object

    meta_info      the dataset: dataset_name, keypoint_id2name ...
    instance_info  the list above, but with frame_id counted from 1; for a picture, the instances

and Sapiens one such file per picture. ViTPose in the transformers library calls the scores
``scores``.

The joints are those of ``keypoint_id2name``. Without it, the layout follows from their number
(`mbcli.keypoints.layouts`). Frames without people have no instances.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mbcli.keypoints.checks import four, identity, member
from mbcli.keypoints.folders import read_folder, recognise_folder
from mbcli.keypoints.joint_names import match_joints, skeleton_of
from mbcli.keypoints.layouts import LAYOUTS, Layout
from mbcli.keypoints.pictures import Pictures, numbered
from mbcli.keypoints.points import points_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source
from mbcli.keypoints.words import PERSON, find
from mbcli.skeleton import SKELETONS
from mbcli.types import FloatArray

FORMAT = "mmpose"

_SCORES = ("keypointscores", "scores", "keypointscore")
# Joints that MMPose's datasets name differently from our skeletons. Human3.6M's "neck base" is the
# joint in the face that is called nose here.
_OUR_NAMES = {
    "hip": "pelvis",
    "root": "pelvis",
    "right_foot": "right_ankle",
    "left_foot": "left_ankle",
    "neck_base": "nose",
    "top_head": "head_top",
    **{f"{side}_forefinger1": f"{side}_index" for side in ("left", "right")},
    **{f"{side}_pinky_finger1": f"{side}_pinky" for side in ("left", "right")},
    **{
        f"{side}_{toe}_toe_tip": f"{side}_{toe}_toe"
        for side in ("left", "right")
        for toe in ("big", "small")
    },
}


def recognise(source: Source) -> bool:
    """Whether this is a file of MMPose's inferencer or demo."""
    if source.kind == "folder":
        return recognise_folder(source, _PICTURES.is_picture)
    if source.kind != "json":
        return False
    document = source.document
    nobody = isinstance(document, list) and bool(document) and all(map(_is_empty_frame, document))
    return nobody or _PICTURES.is_picture(document) or _PICTURES.is_video(document)


def read(source: Source) -> KeypointFile:
    """Read the predictions for a video, for pictures or for one picture.

    Raises:
        InputError: the number of keypoints or a joint name is unknown, or the content breaks the
            rules of `KeypointFile`.
    """
    path = source.path
    if source.kind == "folder":
        return read_folder(source, FORMAT, _PICTURES.may_be_picture, _add_people)
    document = source.document
    rows = Rows(path, FORMAT, _layout(source))
    if _PICTURES.is_picture(document):
        _add_people(document, 0, path, rows)
        return rows.file()
    pictures = _PICTURES.listed(document)
    labels = [label for label, _ in pictures]
    frames, found = numbered(labels, path)
    metadata = found.metadata
    if all("frame_id" in picture for _, picture in pictures if isinstance(picture, dict)):
        # The demo counts from 1; if a version counts from 0, its first frame shows that.
        demo = isinstance(document, dict) and "instance_info" in document
        frames = [frame - (demo and 0 not in frames) for frame in frames]
        metadata["counts_from"] = 0
    for frame, (_, picture) in zip(frames, pictures, strict=True):
        _add_people(picture, frame, path, rows)
    return rows.file(count=max(frames, default=-1) + 1, **metadata)


def _is_instance(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("keypoints"), list)
        and find(entry, _SCORES) is not None
        and "image_id" not in entry
    )


_PICTURES = Pictures(_is_instance)


def _is_empty_frame(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("instances") == [] and "frame_id" in entry


def _layout(source: Source) -> Layout | None:
    """Layout by the dataset's joint names, or None, so that their number decides."""
    document = source.document
    meta = document.get("meta_info") if isinstance(document, dict) else None
    value = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if (
        not isinstance(value, dict)
        or not value
        or not all(key.isascii() and key.isdigit() for key in value)
    ):
        return None
    names = tuple(
        _OUR_NAMES.get(name, name) if isinstance(name, str) else ""
        for _, name in sorted(value.items(), key=lambda item: int(item[0]))
    )
    for skeleton in SKELETONS.values():
        if names == skeleton.joints:
            return Layout(len(names), skeleton, tuple(range(len(names))))
    layout = LAYOUTS.get(len(names))
    if layout is not None and tuple(names[n] for n in layout.places) == layout.skeleton.joints:
        return layout
    matched, _ = match_joints(names, source.joint_map, str(source.path))
    places = tuple(names.index(name) for name in matched)
    skeleton = skeleton_of(matched.values(), FORMAT)
    return Layout(len(names), skeleton, places)


def _add_people(picture: Any, frame: int, path: Path, rows: Rows) -> None:
    for place, instance in enumerate(_PICTURES.people(picture, path, frame)):
        what = f"instance {place} of frame {frame}"
        points = member(instance, "keypoints", path, what)
        scores = find(instance, _SCORES)
        rows.add(
            frame,
            points_of(points, path, what, None if scores is None else instance[scores]),
            identity(instance, PERSON),
            _box(instance["bbox"], path, what) if instance.get("bbox") else None,
        )


def _box(value: Any, path: Path, what: str) -> FloatArray | None:
    """(4,) x1 y1 x2 y2; None if empty."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    box = four(value, path, f"the bbox of {what}")
    return None if (box[2:] <= box[:2]).any() else box
