"""COCO keypoint annotations, JSON of annotation programs (Lin et al. 2014).

CVAT, Label Studio, Roboflow and sleap-io export them, and COCO's own files are such:

    images       list of id, file_name, width, height; of a video the name has the frame's number
    annotations  list of image_id, category_id, keypoints (x, y, flag of each, flat: 0 not there,
                 1 hidden, 2 visible), bbox, and perhaps an identity (``track_id``), also among
                 ``attributes``
    categories   list of id, name, keypoints: the joints' names, given by the user (see
                 `joint_names`)

Without names of joints their number tells which they are (`mbcli.keypoints.layouts`). Annotations
without keypoints, and those of another category than most, are left out.
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

FORMAT = "annotations"


def recognise(source: Source) -> bool:
    """Whether it has annotations of which any has keypoints."""
    document = source.document if source.kind == "json" else None
    told = document.get("annotations") if isinstance(document, dict) else None
    return isinstance(told, list) and any(_has_keypoints(entry) for entry in told)


def read(source: Source) -> KeypointFile:
    """Read the people of all pictures.

    Raises:
        InputError: joints that cannot be matched, and whatever breaks the rules of `KeypointFile`.
    """
    path, document = source.path, source.document
    told = [entry for entry in document["annotations"] if _has_keypoints(entry)]
    warnings = []
    category, others = _category(told)
    if others:
        warnings.append(f"{others} annotations of other categories than {category} are left out")
    people = [entry for entry in told if entry.get("category_id") == category]
    numbered, size = _pictures(document, people, path)
    frames = [numbered.frames[str(entry["image_id"])] for entry in people]
    points = [
        points_of(entry["keypoints"], path, f"an annotation of image {entry['image_id']}")
        for entry in people
    ]
    points, flags = read_flags(points)
    ids = [identity_of(entry) for entry in people]
    boxes = [box_of(entry, path, str(entry["image_id"])) for entry in people]
    facts = {
        **numbered.facts,
        "count": max(numbered.frames.values()) + 1,
        "size": size,
        "notes": [*numbered.notes, *warnings, *flags],
    }
    names = _joint_names(document, category)
    if names and {len(p) for p in points} == {len(names)}:
        whole_boxes = [box for box in boxes if box is not None]
        facts["boxes"] = np.stack(whole_boxes) if len(whole_boxes) == len(boxes) else None
        return with_our_names(source, FORMAT, names, frames, np.stack(points), ids=ids, **facts)
    rows = Rows(path, FORMAT)
    for frame, person, who, box in zip(frames, points, ids, boxes, strict=True):
        rows.add(frame, person, who, box)
    return rows.file(**facts)


def _has_keypoints(entry: Any) -> bool:
    return isinstance(entry, dict) and bool(entry.get("keypoints")) and "image_id" in entry


def _category(people: list[dict[str, Any]]) -> tuple[Any, int]:
    """The category of most annotations, and how many are of another."""
    counts = Counter(str(entry.get("category_id")) for entry in people)
    most = counts.most_common(1)[0][0]
    category = next(e.get("category_id") for e in people if str(e.get("category_id")) == most)
    return category, len(people) - counts[most]


def _pictures(
    document: dict[str, Any], people: list[dict[str, Any]], path: Path
) -> tuple[Numbering, tuple[int, int] | None]:
    """Frames by the id of their picture as text, and the size if all have the same."""
    images = document.get("images")
    images = [i for i in images if isinstance(i, dict)] if isinstance(images, list) else []
    named = {str(i.get("id")): i.get("file_name") for i in images}
    ids = dict.fromkeys([*named, *(str(entry["image_id"]) for entry in people)])
    sizes = {(i.get("width"), i.get("height")) for i in images}
    size = sizes.pop() if len(sizes) == 1 else None
    if size is not None and not all(isinstance(n, int) and n > 0 for n in size):
        size = None
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
    """The names of the joints of a category; none if the file does not tell."""
    told = document.get("categories")
    for entry in told if isinstance(told, list) else []:
        if isinstance(entry, dict) and entry.get("id") == category:
            names = entry.get("keypoints")
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return names
    return []
