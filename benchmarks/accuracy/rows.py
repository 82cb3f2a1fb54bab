"""The results as rows: for the console, the page and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.accuracy.figures import Figures, document
from benchmarks.accuracy.footage import NAMES
from benchmarks.accuracy.people import HeldOut
from benchmarks.accuracy.place import Place
from benchmarks.accuracy.quality import Quality
from mbcli.skeleton import H36M17

_FIGURES: dict[str, tuple[str, int]] = {  # figure: heading, digits
    "p_mpjpe": ("P-MPJPE mm", 1),
    "seq_pa": ("seq-PA mm", 1),
    "n_mpjpe": ("N-MPJPE mm", 1),
    "pck": ("PCK %", 1),
    "acceleration": ("acc m/s²", 2),
    "acceleration_filtered": ("acc, 6 Hz", 2),
    "acceleration_ratio": ("ratio", 2),
    "jitter": ("jitter mm", 2),
    "bone_spread": ("bones", 3),
}


@dataclass(frozen=True)
class Rows:
    """One table.

    Attributes:
        title: above it.
        head: names of the columns.
        body: the cells.
    """

    title: str
    head: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]


def _cells(part: Figures, *, metric: bool) -> tuple[str, ...]:
    cells = [_number(getattr(part, name), digits) for name, (_, digits) in _FIGURES.items()]
    if metric:
        cells += [_number(part.mpjpe, 1), _number(part.answered, 1)]
    return tuple(cells)


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) or math.isinf(value) else f"{value:.{digits}f}"


_HEADS = tuple(heading for heading, _ in _FIGURES.values())


def reference_rows(told: Quality) -> Rows:
    """How good the reference is."""
    views = range(len(told.held_out_mm))
    rows = [
        ("held out, as calibrated, median mm", [f"{x:.0f}" for x in told.as_calibrated_mm]),
        ("held out, final, median mm", [f"{x:.0f}" for x in told.held_out_mm]),
        ("held out, final, median px", [f"{x:.1f}" for x in told.held_out_px]),
        ("reference without the view moves, mm", [f"{x:.0f}" for x in told.held_out_change_mm]),
        ("reprojection, median px", [f"{x:.1f}" for x in told.reprojection_px]),
        ("keypoints within 60 mm", [f"{100 * x:.0f} %" for x in told.inliers]),
    ]
    used = ", ".join(f"{n}: {100 * share:.1f} %" for n, share in enumerate(told.views_used))
    title = (
        f"Reference. View {told.renewed + 1} estimated anew: turned {told.turned:.2f} degrees, "
        f"moved {told.moved:.0f} mm. Joints by the number of views within 60 mm: {used}. Bone "
        f"spread {100 * told.bone_spread:.1f} % frame by frame, "
        f"{100 * told.final_bone_spread:.1f} % in the end. The low-pass moves joints by "
        f"{told.low_pass_mm:.1f} mm and leaves {100 * told.low_pass_speed:.1f} % of the speed."
    )
    head = ("", *(f"view {v + 1}" for v in views))
    return Rows(title, head, tuple((name, *cells) for name, cells in rows))


def footage_rows(measured: Mapping[str, Sequence[Figures]]) -> list[Rows]:
    """The mean of the views, then P-MPJPE by view and by joint."""
    views = range(max((len(parts) - 1 for parts in measured.values()), default=0))
    return [
        Rows(
            "Multi-view clip, limb joints, mean of the views",
            ("answer", *_HEADS),
            tuple((name, *_cells(p[0], metric=False)) for name, p in measured.items()),
        ),
        Rows(
            "P-MPJPE mm (seq-PA mm) by view",
            ("answer", *(f"view {v + 1}" for v in views)),
            tuple(
                (name, *(f"{p.p_mpjpe:.0f} ({p.seq_pa:.0f})" for p in parts[1:]))
                for name, parts in measured.items()
            ),
        ),
        Rows(
            "P-MPJPE mm by joint, mean of the views",
            ("answer", *(name.replace("_", " ") for name in NAMES)),
            tuple(
                (name, *(f"{value:.0f}" for value in parts[0].joints))
                for name, parts in measured.items()
            ),
        ),
    ]


def place_rows(places: Mapping[str, Sequence[Place]]) -> Rows:
    """Size and place in camera space, mean of the views."""
    head = (
        *("weights and what is known", "stature m", "error mm", "size spread %", "root mm"),
        *("its depth mm", "path mm", "drift mm", "root by view mm"),
    )
    body = []
    for name, parts in places.items():
        count = len(parts)
        body.append(
            (
                name,
                f"{sum(p.stature for p in parts) / count:.3f}",
                f"{1000 * sum(p.stature_error for p in parts) / count:+.0f}",
                f"{100 * sum(p.size_spread for p in parts) / count:.1f}",
                *(
                    f"{sum(getattr(p, key) for p in parts) / count:.0f}"
                    for key in ("root", "root_depth", "root_path", "drift")
                ),
                " ".join(f"{p.root:.0f}" for p in parts),
            )
        )
    return Rows("Size and root in camera space against the reference", head, tuple(body))


def people_rows(found: HeldOut, first: str) -> list[Rows]:
    """Held-out recordings: all, then by action and subject for the first weights."""
    head = (*_HEADS, "MPJPE mm", "answered %")
    tables = [
        Rows(
            "Held-out people, 17 joints, mean of the frames",
            ("answer, 2D input", *head),
            tuple((n, *_cells(g.overall, metric=True)) for n, g in found.groups.items()),
        )
    ]
    group = found.groups.get(first)
    if group is not None:
        for title, parts in (
            ("action", group.actions),
            ("action kept from the training or not", group.news),
            ("subject", group.subjects),
        ):
            body = tuple(
                (name, str(part.frames), *_cells(part, metric=True)) for name, part in parts.items()
            )
            tables.append(Rows(f"{first}, by {title}", (title, "frames", *head), body))
        joints = group.overall.joints
        tables.append(
            Rows(
                f"{first}, P-MPJPE mm by joint",
                tuple(name.replace("_", " ") for name in H36M17.joints),
                (tuple(f"{value:.0f}" for value in joints),),
            )
        )
    return tables


def as_json(
    told: Quality | None,
    measured: Mapping[str, Sequence[Figures]],
    places: Mapping[str, Sequence[Place]],
    found: HeldOut | None,
    worst: Sequence[tuple[int, int, float]],
) -> dict[str, Any]:
    """Everything, ready for JSON; views count from 1."""
    result: dict[str, Any] = {}
    if told is not None:
        result["reference"] = {**asdict(told), "renewed": told.renewed + 1}
        result["multiview"] = {
            name: {
                "mean": document(parts[0], NAMES),
                "views": [document(part, NAMES) for part in parts[1:]],
            }
            for name, parts in measured.items()
        }
        result["place"] = {n: [asdict(part) for part in parts] for n, parts in places.items()}
        result["worst_frames"] = [
            {"view": view + 1, "frame": frame, "p_mpjpe": round(error, 1)}
            for view, frame, error in worst
        ]
    if found is not None:
        names = H36M17.joints
        result["held_out"] = {
            name: {
                "all": document(group.overall, names),
                "actions": {n: document(part, names) for n, part in group.actions.items()},
                "new_actions": {n: document(part, names) for n, part in group.news.items()},
                "subjects": {n: document(part, names) for n, part in group.subjects.items()},
            }
            for name, group in found.groups.items()
        }
        result["worst_pieces"] = [
            {"piece": w.piece.name, "action": w.piece.action, "p_mpjpe": round(w.error, 1)}
            for w in found.worst
        ]
    return result
