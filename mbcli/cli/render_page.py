"""The part of ``mbcli render`` that writes pages (.html)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbcli.errors import ConfigError, InputError
from mbcli.show.drawing.options import PAGE

if TYPE_CHECKING:
    from mbcli.motion import Motion3D
    from mbcli.report import Observer

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
    observer: Observer,
) -> list[str]:
    """Write the page, and return what there is to say about it.

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
    page = write_page(
        motion, out, video=video, person=person, overwrite=overwrite, observer=observer
    )
    notes = []
    if page.missing:
        notes.append(
            f"warning: {page.missing} of {page.frames} frames are not in {video}; they are grey"
        )
    who = "1 person" if page.people == 1 else f"{page.people} people"
    size = f"{page.size / 1e6:.1f} MB"
    return [*notes, f"{out}: {page.frames} frames of {who}, {size}; open it in any browser"]
