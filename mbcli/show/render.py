"""One function for videos, pictures and pages of a motion, selected by suffix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mbcli.errors import ConfigError
from mbcli.motion import Motion3D
from mbcli.report import Observer, unobserved
from mbcli.show.drawing.files import check_suffix
from mbcli.show.drawing.files import render as draw
from mbcli.show.drawing.options import PAGE, RenderOptions
from mbcli.show.page.page import write_page

if TYPE_CHECKING:
    from mbcli.show.drawing.movies import RenderReport
    from mbcli.show.page.page import PageReport


def render(
    motion: Motion3D,
    path: Path | str,
    *,
    video: Path | str | None = None,
    options: RenderOptions | None = None,
    overwrite: bool = False,
    observer: Observer = unobserved,
) -> RenderReport | PageReport:
    """Draw a motion into a video, a GIF, a picture or a page for a browser.

    Args:
        motion: the motion to draw.
        path: the file. ``.mp4`` is H.264 with the sound of the video, ``.gif`` an animation,
            ``.png`` and ``.jpg`` one frame or a contact sheet, ``.html`` an offline page in which
            the motion can be played and viewed from all sides.
        video: the source of the motion; None means the one recorded in the motion. A page embeds
            it only if given.
        options: options of drawing; None means all defaults. A page only uses ``person``.
        overwrite: replace an existing file.
        observer: receives progress.

    Raises:
        OutputError: another suffix, or the file cannot be written.
        InputError: the video is missing, cannot be read or does not belong to this motion; or the
            motion has no frames.
        ConfigError: options that do not fit the motion or the kind of file.
    """
    path, source = Path(path), None if video is None else Path(video)
    options = RenderOptions() if options is None else options
    check_suffix(path, others=(PAGE,))
    if path.suffix.lower() != PAGE:
        return draw(
            motion, path, video=source, options=options, overwrite=overwrite, observer=observer
        )
    if options != RenderOptions(person=options.person):
        raise ConfigError("a page supports no RenderOptions other than person")
    return write_page(
        motion, path, video=source, person=options.person, overwrite=overwrite, observer=observer
    )
