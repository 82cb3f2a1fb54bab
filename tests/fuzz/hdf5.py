"""Keypoint files in HDF5."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.skeleton import COCO17

from .cases import Subject
from .keypoint_text import deeplabcut
from .people import FRAMES, SIZE, points_2d, reads


def _save_deeplabcut(path: Path, tree: Any) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        for key, value in tree["group"].items():
            group.attrs[key] = value
        values = np.asarray(tree["values"], np.float64)
        records = np.zeros(
            len(values), [("index", "i8"), ("values_block_0", "f8", values.shape[1:])]
        )
        records["index"], records["values_block_0"] = tree["index"], values
        table = group.create_dataset("table", data=records)
        table.attrs["values_block_0_kind"] = np.void(pickle.dumps(tree["columns"], 2))


def _deeplabcut_tree() -> Any:
    rows = deeplabcut()
    return {
        "group": {"pandas_type": "frame_table", "table_type": "appendable_frame"},
        "values": np.array([row[1:] for row in rows[3:]]),
        "index": np.arange(FRAMES),
        "columns": list(zip(*(row[1:] for row in rows[:3]), strict=True)),
    }


def _save_sleap(path: Path, tree: Any) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for key, value in tree["data"].items():
            if isinstance(value, dict) and "shape" in value:
                # A data set of which nothing is stored: a shape costs nothing in the file.
                file.create_dataset(key, value["shape"], value["dtype"], chunks=True)
            else:
                file.create_dataset(key, data=value)
        for key, value in tree["attrs"].items():
            file["tracks"].attrs[key] = value


def _sleap_tree() -> Any:
    points = points_2d()[..., 5:15, :]
    nodes = [name.encode() for name in COCO17.joints[5:15]]
    return {
        "data": {
            "tracks": points[..., :2].transpose(1, 3, 2, 0),
            "point_scores": points[..., 2].transpose(1, 2, 0),
            "track_occupancy": np.ones((FRAMES, 2), np.uint8),
            "node_names": np.array(nodes),
            "track_names": np.array([b"track_0", b"track_1"]),
        },
        "attrs": {"dims": json.dumps(["track", "xy", "node", "frame"])},
    }


def _sleap_huge() -> Any:
    tree = _sleap_tree()
    tree["data"]["tracks"] = {"shape": (2, 2, 10, 10**10), "dtype": "f8"}
    tree["attrs"] = {}
    return tree


def built(
    target: str, write: Callable[[Path, Any], None], tree: Callable[[], Any]
) -> Callable[[Path], None]:
    return lambda folder: write(folder / target, tree())


def subjects() -> list[Subject]:
    """All of them."""
    return [
        Subject(
            "HDF5",
            "deeplabcut h5",
            reads("dlc.h5", *SIZE),
            "dlc.h5",
            built("dlc.h5", _save_deeplabcut, _deeplabcut_tree),
            _deeplabcut_tree,
            _save_deeplabcut,
            weight=2,
        ),
        Subject(
            "HDF5",
            "sleap h5",
            reads("sleap.h5", *SIZE),
            "sleap.h5",
            built("sleap.h5", _save_sleap, _sleap_tree),
            _sleap_tree,
            _save_sleap,
            weight=2,
        ),
        Subject(
            "HDF5",
            "sleap h5 of a huge shape",
            reads("sleap.h5", *SIZE),
            "sleap.h5",
            built("sleap.h5", _save_sleap, _sleap_tree),
            _sleap_huge,
            _save_sleap,
        ),
    ]
