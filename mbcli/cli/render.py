"""``mbcli render``: videos and pictures of a pose.npz."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mbcli.cli.arguments import Overwrite, PoseFile, Quiet, Video, output
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.cli.render_page import EmbedVideo, check_embedding, render_page
from mbcli.errors import ConfigError
from mbcli.flags import described, flag, of, shown
from mbcli.refinement.options import RefineOptions
from mbcli.show.drawing.options import PAGE, VIEW, RenderOptions

if TYPE_CHECKING:
    from mbcli.cli.screen import Screen


@command
def render(
    pose: PoseFile,
    *,
    out: Annotated[
        Path,
        output(
            "The file to write: .mp4 for a video, .gif for an animation, .png or .jpg for one "
            "frame or a contact sheet, .html for an interactive page."
        ),
    ],
    overwrite: Overwrite = False,
    video: Video = None,
    embed_video: EmbedVideo = False,
    options: RenderOptions,
    refinement: RefineOptions,
    quiet: Quiet = False,
    given: frozenset[str],
) -> None:
    """Draw a pose.npz: skeletons on the video, a 3D view, or both."""
    kind = out.suffix.lower()
    check_embedding(kind, video, embed_video)
    check_used(kind, options, given)
    # Imported on use, to keep --help fast.
    from mbcli.cli.screen import Screen
    from mbcli.motion import load_motion
    from mbcli.show.drawing.files import check_suffix
    from mbcli.show.drawing.files import render as draw
    from mbcli.storage.output import check_output

    check_suffix(out, others=(PAGE,))
    check_output(out, overwrite=overwrite, inputs=(pose, video))
    heard = kind == ".mp4" and options.sound
    if video is not None and not (options.needs_video or heard or kind == PAGE):
        raise ConfigError(f"--video is for --layout side, overlay or sound only, got {video}")
    motion = refined(load_motion(pose), refinement)
    screen = Screen(quiet=quiet)
    began = time.perf_counter()
    if kind == PAGE:
        render_page(
            motion,
            pose,
            out,
            video=video,
            embed_video=embed_video,
            person=options.person,
            overwrite=overwrite,
            screen=screen,
        )
        return
    with screen.progress(str(pose)) as observer:
        report = draw(
            motion, out, video=video, options=options, overwrite=overwrite, observer=observer
        )
    seconds = time.perf_counter() - began
    _warn(screen, report.missing, report.frames)
    if not motion.present.any():
        screen.say(f"warning: {pose} contains no people")
    pixels = "x".join(map(str, report.size))
    pace = "" if report.fps is None else f" at {report.fps:g} frames/s"
    voice = " with sound" if report.sound else ""
    screen.say(
        f"{out}: {report.frames} frames{pace}{voice}, {pixels}, in {seconds:.1f} s "
        f"({report.frames / seconds:.1f} frames/s)"
    )


def _warn(screen: Screen, missing: int, frames: int) -> None:
    if missing:
        screen.say(
            f"warning: {missing} of {frames} frames are not in the video; they are drawn without it"
        )


def check_used(kind: str, options: RenderOptions, given: frozenset[str]) -> None:
    """Refuse options without effect.

    Args:
        kind: suffix of the file.
        options: all options.
        given: names of those on the command line.

    Raises:
        ConfigError: an option would have no effect.
    """
    for one in described(options):
        about, name = of(one), flag(one.name)
        value = shown(getattr(options, one.name)).strip("'")
        if one.name not in given:
            continue
        if about.suffixes and kind not in about.suffixes:
            raise ConfigError(f"{name} is for {', '.join(about.suffixes)} only, got {value}")
        if kind == PAGE and one.name != "person":
            raise ConfigError(f"{name} is for videos and pictures only, got {value}")
        if about.panel == VIEW and options.layout == "overlay":
            raise ConfigError(f"{name} is for --layout side, 3d, grid only, got {value}")
        if one.name in ("columns", "count") and options.frame is not None:
            raise ConfigError(f"{name} is for contact sheets only, got {value}")
    if "turn" in given and options.camera != "orbit":
        raise ConfigError(f"--turn is for --camera orbit only, got {options.turn:g}")
