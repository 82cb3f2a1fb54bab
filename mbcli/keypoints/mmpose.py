"""MMPose predictions, JSON of MMPose 1.x (OpenMMLab), and of those that follow it.

``MMPoseInferencer(..., pred_out_dir=...)`` writes for a video a list with one object a frame

    frame_id   counted from 0
    instances  list of
        keypoints        [[x, y], ...] in pixels
        keypoint_scores  [...]: peaks of the network, which may be above 1
        bbox             [[x1, y1, x2, y2]], one list too many
        bbox_score       of the detector
        track_id         an identity, if the user's program has added one

for a picture only the list of instances, and for a folder of pictures a folder of such files. What
it returns, dumped as JSON, has a list of instances for each picture under ``predictions``.
``demo/topdown_demo_with_mmdet.py`` with ``--save-predictions`` writes an object

    meta_info      the dataset: dataset_name, keypoint_id2name ...
    instance_info  the list as above, but with frame_id counted from 1; of a picture the instances

and Sapiens an object with the ``instance_info`` of each picture into a file of its own. ViTPose in
the transformers library calls the scores ``scores``.

The joints are those of ``keypoint_id2name``. Without it their number tells which they are
(`mbcli.keypoints.layouts`). Frames without people are there with no instances.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mbcli.errors import InputError
from mbcli.keypoints.checks import four, member, whole
from mbcli.keypoints.folders import read_folder, recognise_folder
from mbcli.keypoints.joint_names import match_joints, skeleton_of
from mbcli.keypoints.layouts import LAYOUTS, Layout
from mbcli.keypoints.points import points_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source
from mbcli.keypoints.words import FRAME, PERSON, find
from mbcli.skeleton import SKELETONS
from mbcli.types import FloatArray

FORMAT = "mmpose"

_SCORES = ("keypointscores", "scores", "keypointscore")
_LISTS = ("instances", "instance_info", "predictions")
# Joints that MMPose's datasets name otherwise than our skeletons. Human3.6M's "neck base" is the
# joint in the face that is called nose here.
_OUR_NAMES = {
    "hip": "pelvis",
    "root": "pelvis",
    "right_foot": "right_ankle",
    "left_foot": "left_ankle",
    "neck_base": "nose",
    "top_head": "head_top",
    **{
        f"{side}_{toe}_toe_tip": f"{side}_{toe}_toe"
        for side in ("left", "right")
        for toe in ("big", "small")
    },
}


def recognise(source: Source) -> bool:
    """Whether it is what the inferencer or the demo of MMPose writes."""
    if source.kind == "folder":
        return recognise_folder(source, _is_picture)
    return source.kind == "json" and (_is_picture(source.document) or _is_video(source.document))


def read(source: Source) -> KeypointFile:
    """Read predictions of a video, of pictures or of one picture.

    Raises:
        InputError: a wrong number of keypoints or unknown joint names, and whatever breaks the
            rules of `KeypointFile`.
    """
    path = source.path
    if source.kind == "folder":
        return read_folder(source, FORMAT, _may_be_picture, _add_people)
    document = source.document
    rows = Rows(path, FORMAT, _layout(source))
    if _is_picture(document):
        _add_people(document, 0, path, rows)
        return rows.file()
    entries, first = _inner(document), 0
    if isinstance(document, dict) and "instance_info" in document:
        # The demo counts from 1; should a version count from 0, its first frame says so.
        first = 0 if any(isinstance(e, dict) and e.get("frame_id") == 0 for e in entries) else 1
    frames = [_frame_number(entry, place, first, path) for place, entry in enumerate(entries)]
    for frame, entry in zip(frames, entries, strict=True):
        _add_people(entry, frame, path, rows)
    return rows.file(count=max(frames, default=-1) + 1)


def _is_instance(entry: Any) -> bool:
    return isinstance(entry, dict) and "keypoints" in entry and find(entry, _SCORES) is not None


def _inner(document: Any) -> Any:
    """The list of frames or instances in an object."""
    while isinstance(document, dict):
        key = next((key for key in _LISTS if key in document), None)
        if key is None:
            break
        document = document[key]
    return document


def _is_picture(document: Any) -> bool:
    """Whether it is the instances of one picture, in one list too many or not."""
    told = _inner(document)
    if isinstance(told, list) and len(told) == 1 and isinstance(told[0], list):
        told = told[0]
    return isinstance(told, list) and any(_is_instance(entry) for entry in told)


def _may_be_picture(document: Any) -> bool:
    return _is_picture(document) or _inner(document) == []


def _is_video(document: Any) -> bool:
    told = _inner(document)
    if isinstance(document, dict) and told is not document:
        return isinstance(told, list)
    return isinstance(told, list) and any(
        _is_frame(entry) or (isinstance(entry, list | dict) and entry and _is_picture(entry))
        for entry in told
    )


def _is_frame(entry: Any) -> bool:
    return isinstance(entry, dict) and any(key in entry for key in _LISTS)


def _frame_number(entry: Any, place: int, first: int, path: Path) -> int:
    name = find(entry, FRAME) if isinstance(entry, dict) else None
    return place if name is None else whole(entry[name], path, f"a {name}") - first


def _layout(source: Source) -> Layout | None:
    """What the joint names of the dataset are; their number must tell if there are none."""
    document = source.document
    meta = document.get("meta_info") if isinstance(document, dict) else None
    told = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(told, dict) or not all(key.isascii() and key.isdigit() for key in told):
        return None
    names = tuple(
        _OUR_NAMES.get(name, name) if isinstance(name, str) else ""
        for _, name in sorted(told.items(), key=lambda item: int(item[0]))
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


def _people(entry: Any, path: Path, frame: int) -> Iterator[Any]:
    """The instances of a picture."""
    told = _inner(entry)
    if told is None or told == {}:
        return
    if not isinstance(told, list):
        raise InputError(f"{path} must hold a list of instances in frame {frame}")
    for one in told:
        yield from one if isinstance(one, list) else [one]


def _add_people(entry: Any, frame: int, path: Path, rows: Rows) -> None:
    for place, instance in enumerate(_people(entry, path, frame)):
        what = f"instance {place} of frame {frame}"
        points = member(instance, "keypoints", path, what)
        scores, identity = find(instance, _SCORES), find(instance, PERSON)
        rows.add(
            frame,
            points_of(points, path, what, None if scores is None else instance[scores]),
            None if identity is None else whole(instance[identity], path, f"{identity} of {what}"),
            _box(instance["bbox"], path, what) if instance.get("bbox") else None,
        )


def _box(told: Any, path: Path, what: str) -> FloatArray | None:
    """(4,) x1 y1 x2 y2; None for an empty one."""
    if isinstance(told, list) and len(told) == 1:
        told = told[0]
    box = four(told, path, f"the bbox of {what}")
    return None if (box[2:] <= box[:2]).any() else box
