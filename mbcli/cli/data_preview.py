"""``mbcli data preview``: a picture of random clips of a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbcli.cli.arguments import Debug, Overwrite, Quiet, output
from mbcli.cli.guard import exit_codes
from mbcli.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from mbcli.data.stores.sequences import Sequence, SequenceStore
    from mbcli.data.stores.store import Clip, ClipStore
    from mbcli.show.drawing.strips import Row, Strip

_OBLIQUE = (50.0, 12.0)  # azimuth and elevation in degrees
_LONGEST = 4.0  # seconds of a clip to show


def preview(
    store: Annotated[Path, typer.Argument(show_default=False, help="A store of either kind.")],
    out: Annotated[Path, output("The picture: .png or .jpg.")],
    clips: Annotated[int, typer.Option(help="Number of clips.")] = 6,
    figures: Annotated[int, typer.Option(help="Number of stick figures per clip.")] = 8,
    seed: Annotated[int, typer.Option(help="Random seed for choosing the clips.")] = 0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw random clips, up to 4 seconds of each, as stick figures over time, in 2D and 3D."""
    with exit_codes(debug=debug):
        # Imported on use, to keep --help fast.
        import cv2
        import numpy as np

        from mbcli.cli.screen import Screen
        from mbcli.data.stores.sequences import open_store
        from mbcli.data.stores.store import ClipStore
        from mbcli.errors import DataError, OutputError
        from mbcli.show.drawing.strips import draw_strips
        from mbcli.storage.output import check_output, written_whole

        for name, value in (("clips", clips), ("figures", figures)):
            if not 1 <= value <= 100:
                raise ConfigError(f"--{name} must be within 1..100, got {value}")
        if seed < 0:
            raise ConfigError(f"--seed must be 0 or more, got {seed}")
        if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            raise OutputError(f"--out must end in .png or .jpg, got {out}")
        check_output(out, overwrite=overwrite, inputs=(store,))
        opened = open_store(store)
        rng = np.random.default_rng(seed)
        if isinstance(opened, ClipStore):
            strips = [
                _clip_strip(opened, opened.clips[number], figures, rng)
                for number in _choice(len(opened.clips), clips, rng)
            ]
        else:
            strips = [
                _sequence_strip(opened, opened.sequences[number], figures, rng)
                for number in _choice(len(opened.sequences), clips, rng)
            ]
        if not strips:
            raise DataError(f"{store} holds nothing to draw")
        image = draw_strips(strips)
        with written_whole(out, overwrite=overwrite) as part:
            if not cv2.imwrite(str(part), image[..., ::-1]):
                raise OutputError(f"{out} cannot be written")
        Screen(quiet=quiet).pairs(str(store), [("clips", str(len(strips))), ("result", str(out))])


def _choice(total: int, wanted: int, rng: np.random.Generator) -> list[int]:
    """Distinct random numbers below ``total``, ascending."""
    return sorted(rng.choice(total, min(total, wanted), replace=False).tolist())


def _moments(frames: int, fps: float, figures: int, rng: np.random.Generator) -> list[int]:
    """Evenly spaced frames of a random section."""
    import numpy as np

    length = min(frames, max(2, round(_LONGEST * fps)))
    start = int(rng.integers(frames - length + 1))
    even = np.linspace(start, start + length - 1, min(figures, length))
    return np.round(even).astype(int).tolist()


def _clip_strip(opened: ClipStore, clip: Clip, figures: int, rng: np.random.Generator) -> Strip:
    import numpy as np

    from mbcli.show.drawing.strips import Strip, space_row
    from mbcli.skeleton import BODY21

    moments = _moments(clip.frames, clip.fps, figures, rng)
    # Rotate by 180 degrees about x: y up becomes y down, and left stays left.
    bodies = opened.joints(clip)[moments][:, None] * np.array([1.0, -1.0, -1.0])
    rows = (space_row("3D, along z", bodies, 0, 0), space_row("3D, aslant", bodies, *_OBLIQUE))
    title = f"{clip.name}   {clip.subject}, {clip.seconds:.1f} s at {clip.fps:g} fps"
    return Strip(title, np.array(moments) / clip.fps, rows, BODY21)


def _sequence_strip(
    opened: SequenceStore, sequence: Sequence, figures: int, rng: np.random.Generator
) -> Strip:
    import numpy as np

    from mbcli.show.drawing.strips import Row, Strip, space_row
    from mbcli.skeleton import H36M17

    moments = _moments(sequence.frames, sequence.fps, figures, rng)
    points = opened.array("keypoints", sequence)[moments]
    rows: list[Row] = [Row("2D", points[..., :2], points[..., 2])]
    for name in ("truth", "target"):
        if opened.has(name):
            bodies = opened.array(name, sequence)[moments][:, None]
            if np.isfinite(bodies).any():
                rows.append(space_row(f"3D, {name}, aslant", bodies, *_OBLIQUE))
                break
    known = (sequence.subject, sequence.action, sequence.camera, sequence.split)
    about = ", ".join(value for value in known if value)
    title = f"{sequence.name}   {about}, {sequence.seconds:.1f} s at {sequence.fps:g} fps"
    return Strip(title, np.array(moments) / sequence.fps, tuple(rows), H36M17)
