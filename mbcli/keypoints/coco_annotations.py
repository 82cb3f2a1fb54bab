"""COCO keypoint annotations, the JSON of annotation tools (Lin et al. 2014).

CVAT, Label Studio, Roboflow and sleap-io export them; COCO's own files have this form too:

    images       list of id, file_name, width, height; for videos the name holds the frame number
    annotations  list of image_id, category_id, keypoints (x, y, flag of each, flat: 0 absent,
                 1 hidden, 2 visible), bbox, and possibly an identity (``track_id``), also under
                 ``attributes``
    categories   list of id, name, keypoints: the joints' names, given by the user (see
                 `joint_names`)

Without joint names the layout follows from their number (`mbcli.keypoints.layouts`). Annotations
without keypoints are left out, as are those of any category but the most frequent.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.keypoints.checks import whole
from mbcli.keypoints.coco import box_of, identity_of, read_flags
from mbcli.keypoints.frames import Numbering, numbering
from mbcli.keypoints.free_names import with_our_names
from mbcli.keypoints.points import points_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source
from mbcli.keypoints.video_metadata import size_of

FORMAT = "annotations"


def recognise(source: Source) -> bool:
    """Whether the file has annotations with keypoints."""
    document = source.document if source.kind == "json" else None
    annotations = document.get("annotations") if isinstance(document, dict) else None
    return isinstance(annotations, list) and any(_has_keypoints(entry) for entry in annotations)


def read(source: Source) -> KeypointFile:
    """Read the people in all pictures.

    Raises:
        InputError: joints cannot be matched, or the content breaks the rules of `KeypointFile`.
    """
    path, document = source.path, source.document
    annotations = [entry for entry in document["annotations"] if _has_keypoints(entry)]
    warnings = []
    category, others = _category(annotations)
    if others:
        warnings.append(f"{others} annotations of other categories than {category} are left out")
    people = [entry for entry in annotations if entry.get("category_id") == category]
    numbered, size = _pictures(document, people, path)
    frames = [numbered.frames[str(entry["image_id"])] for entry in people]
    points = [
        points_of(entry["keypoints"], path, f"an annotation of image {entry['image_id']}")
        for entry in people
    ]
    points, flags = read_flags(points)
    ids = [identity_of(entry) for entry in people]
    boxes = [box_of(entry, path, str(entry["image_id"])) for entry in people]
    metadata = {
        **numbered.metadata,
        "count": max(numbered.frames.values()) + 1,
        "size": size,
        "notes": [*numbered.notes, *warnings, *flags],
    }
    names = _joint_names(document, category)
    if names and {len(p) for p in points} == {len(names)}:
        whole_boxes = [box for box in boxes if box is not None]
        metadata["boxes"] = np.stack(whole_boxes) if len(whole_boxes) == len(boxes) else None
        return with_our_names(source, FORMAT, names, frames, np.stack(points), ids=ids, **metadata)
    rows = Rows(path, FORMAT)
    for frame, person, who, box in zip(frames, points, ids, boxes, strict=True):
        rows.add(frame, person, who, box)
    return rows.file(**metadata)


def _has_keypoints(entry: Any) -> bool:
    return isinstance(entry, dict) and bool(entry.get("keypoints")) and "image_id" in entry


def _category(people: list[dict[str, Any]]) -> tuple[Any, int]:
    """The most frequent category, and the number of annotations of others."""
    counts = Counter(str(entry.get("category_id")) for entry in people)
    most = counts.most_common(1)[0][0]
    category = next(e.get("category_id") for e in people if str(e.get("category_id")) == most)
    return category, len(people) - counts[most]


def _pictures(
    document: dict[str, Any], people: list[dict[str, Any]], path: Path
) -> tuple[Numbering, tuple[int, int] | None]:
    """Picture id as text -> frame, and the size of the pictures if all have the same."""
    images = document.get("images")
    images = [i for i in images if isinstance(i, dict)] if isinstance(images, list) else []
    named = {str(i.get("id")): i.get("file_name") for i in images}
    ids = dict.fromkeys([*named, *(str(entry["image_id"]) for entry in people)])
    sizes = [size_of(image, path) for image in images]
    size = sizes[0] if sizes and sizes.count(sizes[0]) == len(sizes) else None
    names = [named.get(number) for number in ids]
    if all(isinstance(name, str) for name in names) and len({*names}) == len(names):
        by_name = numbering([str(name) for name in names])
        frames: dict[str | int, int] = {
            n: by_name.frames[str(name)] for n, name in zip(ids, names, strict=True)
        }
        return Numbering(frames, by_name.counts_from, by_name.notes), size
    return Numbering({n: whole(_number(n), path, "an image_id") for n in ids}, None), size


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


def _joint_names(document: dict[str, Any], category: Any) -> list[str]:
    """Joint names of a category; empty if the file has none."""
    annotations = document.get("categories")
    for entry in annotations if isinstance(annotations, list) else []:
        if isinstance(entry, dict) and entry.get("id") == category:
            names = entry.get("keypoints")
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return names
    return []
