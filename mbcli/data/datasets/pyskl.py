"""Reader of PYSKL's pickles (Duan et al. 2022): skeletons for action recognition.

``ntu60_hrnet.pkl`` and ``ntu120_hrnet.pkl`` hold HRNet's keypoints for NTU RGB+D; MotionBERT trains
on them. A file is a dict of

============  ==============================================================================
split         name -> list of ``frame_dir``: ``xsub_train``, ``xsub_val``, ``xview_train`` ..
annotations   list of dicts, one per video:
============  ==============================================================================

==================  =====================  ==================================================
frame_dir           text                   its name; for NTU ``SsssCcccPpppRrrrAaaa``
label               int                    action class, from 0
img_shape           (height, width)        of the pictures
total_frames        int                    T
keypoint            (M, T, 17, 2)          x, y in pixels of M people, COCO's joints, float16
keypoint_score      (M, T, 17)             confidence
==================  =====================  ==================================================

A store holds two people per frame: further people are dropped, absent ones are missing keypoints.
For NTU, the name of a sample determines its split, see `mbcli.data.datasets.ntu.ntu_split`; for
other data sets the lists ``train``, ``val`` and ``test`` are used if present.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.data.datasets.foreign import read_pickle
from mbcli.data.datasets.joints import keypoints_in_h36m
from mbcli.data.datasets.ntu import ACTIONS, FPS, NtuSample
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.data.stores.sequence import SPLITS
from mbcli.errors import DataError
from mbcli.skeleton import COCO17, H36M17
from mbcli.types import FloatArray

PEOPLE = 2  # in interactions


def read_pyskl(source: Path, *, fps: float = FPS) -> SequenceImport:
    """Read one pickle; every video becomes a sequence of two people.

    Args:
        source: the file.
        fps: frames per second, which the file does not state; NTU RGB+D has 30.

    Raises:
        DataError: the file is damaged or in another format.
    """
    data = read_pickle(source)
    films = data.get("annotations") if isinstance(data, dict) else None
    splits = data.get("split") if isinstance(data, dict) else None
    if not isinstance(films, list) or not isinstance(splits, dict):
        raise DataError(f"{source} must hold a dict with the dict 'split' and list 'annotations'")
    whole = [film for film in films if isinstance(film, dict) and _is_label(film.get("label"))]
    classes = 1 + max((int(film["label"]) for film in whole), default=-1)
    names = [str(film.get("frame_dir")) for film in whole]
    labels = tuple(f"class {number}" for number in range(classes))
    if classes <= len(ACTIONS) and names and all(map(_is_ntu, names)):
        labels = ACTIONS[:60] if classes <= 60 else ACTIONS
    sides = {
        str(name): side
        for side in SPLITS
        if side in splits
        for name in _names(source, splits[side])
    }
    items = _items(source.name, films, sides, fps)
    return SequenceImport(items, len(films), people=PEOPLE, labels=labels)


def _names(source: Path, names: Any) -> list[Any]:
    if not isinstance(names, (list, tuple)):
        raise DataError(f"{source}: a split must be a list of names, got {names!r:.40}")
    return list(names)


def _is_label(label: object) -> bool:
    return isinstance(label, int | np.integer) and not isinstance(label, bool) and int(label) >= 0


def _is_ntu(name: str) -> bool:
    try:
        NtuSample.parse(name)
    except DataError:
        return False
    return True


def _items(
    file: str, films: list[Any], sides: Mapping[str, str], fps: float
) -> Iterator[Found | Refused]:
    for number, film in enumerate(films):
        name = film.get("frame_dir") if isinstance(film, dict) else None
        place = f"{file}: {name or number}"
        try:
            yield _film(place, film, sides, fps)
        except DataError as error:
            yield Refused(place, str(error))


def _film(place: str, film: Any, sides: Mapping[str, str], fps: float) -> Found:
    if not isinstance(film, dict):
        raise DataError(f"an annotation must be a dict, got {type(film).__name__}")
    missing = [key for key in ("frame_dir", "label", "img_shape", "keypoint") if key not in film]
    if missing:
        raise DataError(f"an annotation must hold {', '.join(missing)}")
    if not _is_label(film["label"]):
        raise DataError(f"a label must be a whole number from 0, got {film['label']!r:.40}")
    name, label = str(film["frame_dir"]), int(film["label"])
    places = _floats(film["keypoint"], "keypoint")
    if places.ndim != 4 or places.shape[2:] != (len(COCO17), 2):
        raise DataError(
            f"keypoint must be (M, T, {len(COCO17)}, 2), COCO's joints in the picture, "
            f"got {places.shape}"
        )
    frames = film.get("total_frames", places.shape[1])
    if places.shape[1] != frames or not places.shape[0]:
        raise DataError(
            f"keypoint must hold at least 1 person in {frames} frames, got {places.shape}"
        )
    scores = _floats(film.get("keypoint_score", np.ones(places.shape[:3])), "keypoint_score")
    if scores.shape != places.shape[:3]:
        raise DataError(f"keypoint_score must be {places.shape[:3]}, got {scores.shape}")
    points = np.concatenate([places, scores.clip(0, 1)[..., None]], axis=-1)[:PEOPLE]
    out = np.full((frames, PEOPLE, len(H36M17), 3), (np.nan, np.nan, 0.0))
    out[:, : len(points)] = keypoints_in_h36m(points, COCO17).swapaxes(0, 1)

    metadata = {"fps": fps, "size": _size(film["img_shape"]), "label": label}
    try:
        sample = NtuSample.parse(name)
    except DataError:
        metadata |= {"subject": name, "split": sides.get(name, "")}
    else:
        if label != sample.action - 1:
            raise DataError(
                f"the label of action A{sample.action:03} must be {sample.action - 1}, got {label}"
            )
        metadata |= ntu_metadata(sample)
    left = len(places) - PEOPLE
    note = f"left out {left} more people" if left > 0 else ""
    return Found(name, place, out, metadata, note=note)


def ntu_metadata(sample: NtuSample) -> dict[str, Any]:
    """Metadata of a sample for a sequence store."""
    return {
        "subject": f"P{sample.person:03}",
        "camera": f"C{sample.camera:03}",
        "action": f"A{sample.action:03}",
        "label": sample.action - 1,
    }


def _size(shape: Any) -> tuple[int, int]:
    try:
        height, width = (int(value) for value in shape)
    except (TypeError, ValueError) as error:
        raise DataError(f"img_shape must be (height, width), got {shape!r:.40}") from error
    return width, height


def _floats(value: Any, name: str) -> FloatArray:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{name} must be an array of numbers, got {array.dtype}")
    wide = array.astype(np.float64)
    if name == "keypoint_score" and not np.isfinite(wide).all():
        raise DataError(f"{name} must be finite numbers")
    return wide
