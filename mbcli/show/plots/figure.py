"""Writing a figure of a motion to a file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mbcli.errors import OutputError
from mbcli.motion import Motion3D, noted_source
from mbcli.show.plots.options import PlotOptions
from mbcli.show.plots.selection import Selection, select
from mbcli.storage.output import check_output, written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".pdf", ".svg", ".png")
_DPI = 200  # of a PNG: twice a screen's
# Without the time of writing, equal motions give equal files.
_METADATA: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None, "Creator": "mbcli"},
    ".svg": {"Date": None, "Creator": "mbcli"},
    ".png": {"Software": "mbcli"},
}


@dataclass(frozen=True)
class PlotReport:
    """The result of plotting.

    Attributes:
        frames: number of frames shown.
        people: ids of the people shown.
        left_out: number of people left out for lack of room.
        inches: width and height.
    """

    frames: int
    people: tuple[int, ...]
    left_out: int
    inches: tuple[float, float]


def plot(
    motion: Motion3D,
    path: Path | str,
    options: PlotOptions | None = None,
    *,
    overwrite: bool = False,
) -> PlotReport:
    """Draw a figure of a motion for a paper or a screen; needs no window system.

    Args:
        motion: the motion to draw.
        path: the file; .pdf and .svg are vector graphics, .png has 200 dots per inch.
        options: options of plotting; None means angles of everybody.
        overwrite: replace an existing file.

    Raises:
        OutputError: another suffix, or the file cannot be written.
        InputError: there is nothing to draw.
        ConfigError: a person, joint or time that does not exist.
    """
    path = Path(path)
    options = PlotOptions() if options is None else options
    check_suffix(path)
    check_output(path, overwrite=overwrite, inputs=(noted_source(motion),))
    chosen = select(motion, options)
    import matplotlib

    from mbcli.show.plots.ink import STYLE

    with matplotlib.rc_context(cast("Any", STYLE)):
        figure = _draw(chosen, options)
        with written_whole(path, overwrite=overwrite) as part:
            kind = path.suffix.lower()
            # In memory first: on a full disk, Matplotlib's PDF raises an error of zlib's.
            drawn = io.BytesIO()
            figure.savefig(drawn, format=kind[1:], dpi=_DPI, metadata=_METADATA[kind])
            part.write_bytes(drawn.getvalue())
    width, height = figure.get_size_inches()
    people = tuple(int(motion.track_ids[column]) for column in chosen.columns)
    return PlotReport(len(chosen.rows), people, chosen.left_out, (float(width), float(height)))


def check_suffix(path: Path) -> None:
    """Check whether a figure can be written under this name.

    Raises:
        OutputError: another suffix.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"--out must end in {', '.join(SUFFIXES)}, got {path}")


def _draw(chosen: Selection, options: PlotOptions) -> Figure:
    from mbcli.show.plots import panels
    from mbcli.show.plots.curves import draw_curves
    from mbcli.show.plots.trajectories import draw_trajectories

    title, remark = _title(chosen, options), _remark(chosen)
    if options.what == "trajectories":
        return draw_trajectories(chosen, options.joint, title=title, remark=remark)
    if options.what == "confidence":
        drawn = panels.confidence_panels(chosen, options.joint)
    else:
        wanted = panels.angle_panels if options.what == "angles" else panels.speed_panels
        drawn = [
            [*quantities, panels.overall(chosen, column)]
            for quantities, column in zip(
                wanted(chosen, options.joint), chosen.columns, strict=True
            )
        ]
    people = [
        (chosen.person(column), quantities)
        for column, quantities in zip(chosen.columns, drawn, strict=True)
    ]
    return draw_curves(chosen.times, people, title=title, remark=remark)


_TITLES = {
    "angles": "Joint angles",
    "speeds": "Speeds of joints",
    "confidence": "Confidence",
    "trajectories": "Trajectories",
}


def _title(chosen: Selection, options: PlotOptions) -> str:
    source = chosen.motion.meta.get("source")
    # A dollar sign would start a formula.
    name = Path(source).name.replace("$", r"\$") if isinstance(source, str) else ""
    return f"{_TITLES[options.what]}, {name}" if name else _TITLES[options.what]


def _remark(chosen: Selection) -> str:
    motion = chosen.motion
    refinement = motion.refinement
    if motion.camera.grounded:
        said = [f"up along the estimated gravity, {motion.camera.behaviour}"]
    else:
        said = ["camera taken to be level"]
    said.append("not refined" if refinement is None else "refined")
    seen = (chosen.alone(column).glimpsed.dense() for column in chosen.columns)
    if not all(there.all() for there in seen):
        said.append("gaps: the person is absent")
    if chosen.left_out:
        said.append(f"{chosen.left_out} more people not shown")
    return "; ".join(said)
