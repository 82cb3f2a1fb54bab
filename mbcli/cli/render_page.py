"""The part of ``mbcli render`` that writes pages (.html)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbcli.errors import ConfigError, InputError
from mbcli.show.drawing.options import PAGE

if TYPE_CHECKING:
    from mbcli.cli.screen import Screen
    from mbcli.motion import Motion3D

EmbedVideo = Annotated[
    bool,
    typer.Option(
        "--embed-video",
        help="Embed the video in the page: up to 50 MB, without sound.",
        rich_help_panel="Pages (.html)",
    ),
]


def check_embedding(kind: str, video: Path | None, embed_video: bool) -> None:
    """Refuse options without effect: embedding elsewhere, and a video that is not embedded.

    Raises:
        ConfigError: an option would have no effect.
    """
    if embed_video and kind != PAGE:
        raise ConfigError(f"--embed-video is for {PAGE} only, got {kind or 'no suffix'}")
    if kind == PAGE and video is not None and not embed_video:
        raise ConfigError(f"--video is for {PAGE} with --embed-video only, got {video}")


def render_page(
    motion: Motion3D,
    pose: Path,
    out: Path,
    *,
    video: Path | None,
    embed_video: bool,
    person: str,
    overwrite: bool,
    screen: Screen,
) -> None:
    """Write the page and show a summary.

    Raises:
        InputError, OutputError, ConfigError: see :func:`mbcli.show.page.page.write_page`; or there
            is no video to embed.
    """
    from mbcli.show.page.page import write_page

    if embed_video and video is None:
        from mbcli.video.footage import noted_video

        video = noted_video(motion)
        if video is None:
            noted = motion.meta.get("source")
            place = f"is no longer at {noted}" if noted else "is not recorded in it"
            raise InputError(
                f"the video of {pose} {place}: name it with --video, or leave out --embed-video"
            )
    with screen.progress(str(pose)) as observer:
        page = write_page(
            motion, out, video=video, person=person, overwrite=overwrite, observer=observer
        )
    if page.missing:
        screen.say(
            f"warning: {page.missing} of {page.frames} frames are not in {video}; they are grey"
        )
    if not motion.present.any():
        screen.say(f"warning: {pose} contains no people")
    who = "1 person" if page.people == 1 else f"{page.people} people"
    screen.say(
        f"{out}: {page.frames} frames of {who}, {page.size / 1e6:.1f} MB; open it in any browser"
    )
