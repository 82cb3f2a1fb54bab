"""``mbcli render``: videos and pictures of a pose.npz."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbcli.cli import drawing as d
from mbcli.cli import refining as r
from mbcli.cli.arguments import Debug, Overwrite, Quiet
from mbcli.cli.guard import exit_codes
from mbcli.cli.render_page import EmbedVideo, check_embedding, render_page
from mbcli.errors import ConfigError

if TYPE_CHECKING:
    from mbcli.cli.screen import Screen


def render(
    pose: Annotated[
        Path,
        typer.Argument(metavar="POSE.NPZ", show_default=False, help="A result of mbcli infer."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            show_default=False,
            help="The file to write: .mp4 is a video, .gif an animation, .png or .jpg one frame or "
            "a contact sheet, .html a page to look at it from all sides.",
        ),
    ],
    overwrite: Overwrite = False,
    video: Annotated[
        Path | None,
        typer.Option(
            help="The video it was inferred from.",
            show_default="as noted in POSE.NPZ",
        ),
    ] = None,
    embed_video: EmbedVideo = False,
    layout: d.Layout = None,
    style: d.Style = None,
    width: d.Width = None,
    person: d.Person = None,
    camera: d.Camera = None,
    projection: d.Projection = None,
    azimuth: d.Azimuth = None,
    elevation: d.Elevation = None,
    turn: d.Turn = None,
    trail: d.Trail = None,
    trail_joints: d.TrailJoints = None,
    max_fps: d.MaxFps = None,
    sound: d.Sound = None,
    frame: d.Frame = None,
    columns: d.Columns = None,
    count: d.Count = None,
    max_gap: r.MaxGap = None,
    outliers: r.Outliers = False,
    filter_: r.Filter = "none",
    cutoff: r.Cutoff = None,
    order: r.Order = None,
    beta: r.Beta = None,
    bones: r.Bones = False,
    symmetric: r.Symmetric = False,
    feet: r.Feet = False,
    world: r.World = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw a pose.npz: skeletons on the video, a 3D view, or both."""
    with exit_codes(debug=debug):
        given = {
            "layout": layout,
            "style": style,
            "width": width,
            "person": person,
            "camera": camera,
            "projection": projection,
            "azimuth": azimuth,
            "elevation": elevation,
            "turn": turn,
            "trail": trail,
            "trail_joints": None if trail_joints is None else tuple(trail_joints.split(",")),
            "max_fps": max_fps,
            "sound": sound,
            "frame": frame,
            "columns": columns,
            "count": count,
        }
        kind = out.suffix.lower()
        check_embedding(kind, video, embed_video)
        d.check_used(kind, {name: value for name, value in given.items() if value is not None})
        # Imported on use, so that --help answers at once.
        from mbcli.cli.screen import Screen
        from mbcli.motion import load_motion
        from mbcli.show.drawing import RenderOptions
        from mbcli.show.drawing import render as draw
        from mbcli.show.drawing.files import check_suffix
        from mbcli.storage.output import check_output

        check_suffix(out, others=(d.PAGE,))
        options = RenderOptions(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
        refinement = r.refine_options(
            max_gap=max_gap,
            outliers=outliers,
            filter_=filter_,
            cutoff=cutoff,
            order=order,
            beta=beta,
            bones=bones,
            symmetric=symmetric,
            feet=feet,
            world=world,
        )
        check_output(out, overwrite=overwrite, inputs=(pose, video))
        heard = kind == ".mp4" and options.sound
        if video is not None and not (options.needs_video or heard or kind == d.PAGE):
            raise ConfigError(f"--video is for --layout side, overlay or sound only, got {video}")
        motion = r.refined(load_motion(pose), refinement)
        screen = Screen(quiet=quiet)
        began = time.perf_counter()
        if kind == d.PAGE:
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
            screen.say(f"warning: nobody is in {pose}")
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
