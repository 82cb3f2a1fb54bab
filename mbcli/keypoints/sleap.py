"""SLEAP's analysis files in HDF5 and CSV (Pereira et al. 2022).

HDF5, with T frames, P tracks and N nodes, all in pixels:

    tracks           x and y of every node, NaN if missing
    node_names       (N,) names of the nodes, given by the user (see `joint_names`)
    track_names      (P,) names of the tracks; empty if the project has none
    tracking_scores  NaN throughout if no tracker ran: then the tracks may be mere positions in a
                     list of people, whose order changes
    track_occupancy  whether a track is present in a frame; identifies the format
    point_scores     confidence of every node; NaN for points set by hand, which count fully
    (instance_scores, edge_names, ... are not needed)

The order of the axes varies. SLEAP writes for MATLAB, (P, 2, N, T) and (P, N, T). sleap-io records
the order in an attribute ``dims`` of each data set, a JSON list of ``frame``, ``track``, ``node``
and ``xy``. Exports that were not transposed are (T, N, 2, P) and (T, N, P). Without ``dims``, the
axis of length N next to the one of length 2 decides. An export without the empty frames before the
first pose does not record their number, so that its first frame counts as frame 0.

CSV, one row per track and frame:

    track,frame_idx,instance.score,<node>.x,<node>.y,<node>.score,...

with the columns of the nodes, and the rows, in any order. An empty ``track`` means that there are
no tracks, an empty coordinate that the node is missing.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.cells import check_width, numbers, whole
from mbcli.keypoints.free_names import with_our_names
from mbcli.keypoints.hdf5 import opened_hdf5, text_of
from mbcli.keypoints.hdf5 import whole as whole_set
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.types import FloatArray

FORMAT = "sleap"

# Names of sleap-io for positions in a list, and of SLEAP's tracker for tracks.
_SLOT = re.compile(r"track_?[0-9]+")
_AXES = ("frame", "track", "node", "xy")
_ORDERS = (("track", "xy", "node", "frame"), ("frame", "node", "xy", "track"))


def recognise(source: Source) -> bool:
    """Whether the file has SLEAP's data sets or columns.

    Raises:
        ConfigError: it is an HDF5 file and h5py is not installed.
        InputError: it is an HDF5 file and truncated or damaged.
    """
    if source.kind == "text":
        header = source.rows[0] if source.rows else []
        is_sleap = "frame_idx" in header and {"track", "instance.score"} & {*header}
        return bool(is_sleap) and any(_node(name) for name in header)
    if source.kind == "hdf5":
        with opened_hdf5(source.path) as file:
            needed = [file.get(name) for name in ("tracks", "node_names", "track_occupancy")]
            return all(hasattr(data, "shape") for data in needed)
    return False


def read(source: Source) -> KeypointFile:
    """Read the file; a person is present in a frame if any joint is.

    Raises:
        InputError: the file does not follow this layout, or its joints cannot be matched.
        ConfigError: h5py is not installed, or the joint map breaks its rules.
    """
    return _read_hdf5(source) if source.kind == "hdf5" else _read_csv(source)


def _read_hdf5(source: Source) -> KeypointFile:
    path = source.path
    with opened_hdf5(path) as file:
        nodes = [text_of(name) for name in np.ravel(whole_set(file["node_names"])).tolist()]
        order = _order(file["tracks"], len(nodes), path)
        points = _reordered(file["tracks"], order, _AXES, path)  # (T, P, N, 2)
        scores = np.full(points.shape[:3], np.nan)
        if "point_scores" in file:
            plain = tuple(axis for axis in order if axis != "xy")
            plain = _dims(file["point_scores"]) or plain
            scores = _reordered(file["point_scores"], plain, _AXES[:3], path)
        names = np.ravel(whole_set(file["track_names"])).tolist() if "track_names" in file else []
        tracked = (
            "tracking_scores" in file and np.isfinite(whole_set(file["tracking_scores"])).any()
        )
    if points.shape[2:] != (len(nodes), 2) or scores.shape != points.shape[:3]:
        raise InputError(
            f"{path} must hold x, y and a score of its {len(nodes)} nodes, got tracks of shape "
            f"{points.shape} and point_scores of {scores.shape} in frames, tracks, nodes"
        )
    frames, people = points.shape[:2]
    return with_our_names(
        source,
        FORMAT,
        nodes,
        np.repeat(np.arange(frames), people),
        np.concatenate([points, scores[..., None]], axis=-1).reshape(-1, len(nodes), 3),
        ids=np.tile(np.arange(people), frames) if names or people == 1 else None,
        slots=not tracked and all(_SLOT.fullmatch(text_of(name)) for name in names),
        count=frames,
    )


def _order(tracks: Any, nodes: int, path: Path) -> tuple[str, ...]:
    """Names of the axes of ``tracks``, in their order in the file."""
    dims = _dims(tracks)
    if dims is not None and sorted(dims) == sorted(_AXES):
        return dims
    for order in _ORDERS if tracks.ndim == 4 else ():
        if (tracks.shape[order.index("xy")], tracks.shape[order.index("node")]) == (2, nodes):
            return order
    raise InputError(
        f"{path} must hold tracks of shape (tracks, 2, {nodes} nodes, frames), got {tracks.shape}"
    )


def _dims(data: Any) -> tuple[str, ...] | None:
    """Axes of a data set as it records them, if it does."""
    try:
        dims = json.loads(text_of(data.attrs.get("dims")))
    except ValueError:
        return None
    if isinstance(dims, list) and len(dims) == data.ndim and set(dims) <= set(_AXES):
        return tuple(dims)
    return None


def _reordered(
    data: Any, order: tuple[str, ...], wanted: tuple[str, ...], path: Path
) -> FloatArray:
    """Read the data set as float64, with its axes in the given order."""
    if data.ndim != len(order) or not np.issubdtype(data.dtype, np.number):
        raise InputError(
            f"{path} must hold numbers over {', '.join(wanted)} in {data.name}, "
            f"got {data.dtype} of shape {data.shape}"
        )
    values = np.transpose(whole_set(data), [order.index(axis) for axis in wanted])
    return values.astype(np.float64)


def _node(column: str) -> str:
    """The node whose x is in a column, or an empty text."""
    return column.removesuffix(".x") if column.endswith(".x") else ""


def _read_csv(source: Source) -> KeypointFile:
    path = source.path
    header, body = source.rows[0], source.rows[1:]
    check_width(body, len(header), path, first=2)
    if len(set(header)) != len(header):
        raise InputError(f"{path} must name each column once")
    nodes = [_node(column) for column in header if _node(column)]
    points = np.full((len(body), len(nodes), 3), np.nan)
    for place, node in enumerate(nodes):
        for number, part in enumerate(("x", "y", "score")):
            column = f"{node}.{part}"
            if column in header:
                points[:, place, number] = numbers(body, [header.index(column)], header, path)[:, 0]
            elif part != "score":
                raise InputError(f"{path} must have a column {column}, as it has {node}.x")
    frames = [whole(row[header.index("frame_idx")], path, "frame_idx") for row in body]
    names = [row[header.index("track")] if "track" in header else "" for row in body]
    known = {name for name in names if name}
    return with_our_names(
        source,
        FORMAT,
        nodes,
        frames,
        points,
        ids=[name or None for name in names],
        slots=all(_SLOT.fullmatch(name) for name in known),
        count=max(frames, default=-1) + 1,
    )
