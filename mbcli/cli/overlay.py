"""Drawing the result of ``mbcli infer`` on its video, in the same run.

Nothing can be drawn while people are being found: which people are kept, left and right, and the
lifting all depend on later frames. So the video is decoded a second time, which takes a fraction of
the time needed to find people.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mbcli.errors import ConfigError

if TYPE_CHECKING:
    from mbcli.motion import Motion3D
    from mbcli.report import Observer
    from mbcli.storage.output import Input


def check_overlay(overlay: Path, source: Path, *, overwrite: bool, inputs: Iterable[Input]) -> None:
    """Check, before any work is done, whether the result can be drawn on its video.

    Args:
        overlay: the file to draw.
        source: the input.
        overwrite: whether an existing file may be replaced.
        inputs: the files read besides the source.

    Raises:
        ConfigError: the input has no pictures.
        OutputError: the file cannot be written, is one of the inputs, or has an unsupported suffix.
    """
    from mbcli.keypoints import is_keypoint_file
    from mbcli.show.drawing.files import check_suffix
    from mbcli.storage.output import check_output

    if is_keypoint_file(source):
        raise ConfigError(
            f"--overlay draws on a video, but {source} holds keypoints only: name the video, and "
            "the keypoints with --keypoints"
        )
    check_suffix(overlay, option="--overlay")
    check_output(overlay, overwrite=overwrite, inputs=(source, *inputs))


def draw_overlay(
    overlay: Path, motion: Motion3D, source: Path, observer: Observer, *, overwrite: bool
) -> None:
    """Draw the result with the defaults of ``mbcli render --layout overlay``."""
    from mbcli.show.drawing.files import render
    from mbcli.show.drawing.options import RenderOptions

    options = RenderOptions(layout="overlay")
    render(motion, overlay, video=source, options=options, overwrite=overwrite, observer=observer)
