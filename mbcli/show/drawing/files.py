"""Renderings as files, of the kind selected by the suffix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mbcli.errors import InputError, OutputError
from mbcli.motion import Motion3D, noted_source
from mbcli.report import Observer, unobserved
from mbcli.show.drawing.movies import RenderReport, render_gif, render_video
from mbcli.show.drawing.options import RenderOptions
from mbcli.show.drawing.stills import STILL_SUFFIXES, render_still
from mbcli.storage.output import check_output
from mbcli.video.footage import Footage

_WRITERS: dict[str, Callable[..., RenderReport]] = {
    ".mp4": render_video,
    ".gif": render_gif,
    **dict.fromkeys(STILL_SUFFIXES, render_still),
}
SUFFIXES = tuple(_WRITERS)


def render(
    motion: Motion3D,
    path: Path | str,
    *,
    video: Path | str | None = None,
    options: RenderOptions | None = None,
    overwrite: bool = False,
    observer: Observer = unobserved,
) -> RenderReport:
    """Draw a motion into a video, a GIF or a picture.

    Args:
        motion: the motion to draw.
        path: the file. ``.mp4`` is H.264 with the sound of the video, ``.gif`` an animation,
            ``.png`` and ``.jpg`` one frame or a contact sheet.
        video: the source of the motion: a video, an image or a folder of images; None means the
            one recorded in the motion. Layouts without a picture need none.
        options: options of drawing.
        overwrite: replace an existing file.
        observer: receives progress.

    Raises:
        OutputError: another suffix, or the file cannot be written.
        InputError: the video is missing, cannot be read or does not belong to this motion; or the
            motion has no frames.
        ConfigError: the options name a person, joint or frame that the motion lacks, or its frame
            rate is impossible for a video.
    """
    path = Path(path)
    check_suffix(path)
    check_output(path, overwrite=overwrite, inputs=(video, noted_source(motion)))
    if not len(motion.timestamps):
        raise InputError("the motion holds no frames to draw")
    options = RenderOptions() if options is None else options
    source = _source(motion, None if video is None else Path(video), options, path)
    write = _WRITERS[path.suffix.lower()]
    return write(motion, path, source, options, overwrite=overwrite, observer=observer)


def check_suffix(path: Path, others: tuple[str, ...] = (), option: str = "--out") -> None:
    """Refuse a file of an unknown kind.

    Args:
        path: the file.
        others: suffixes handled elsewhere.
        option: the option that named the file.

    Raises:
        OutputError: the suffix is none of `SUFFIXES` and ``others``.
    """
    known = (*SUFFIXES, *others)
    if path.suffix.lower() not in known:
        raise OutputError(
            f"{option} must end in {', '.join(known[:-1])} or {known[-1]}, got {path}"
        )


def _source(
    motion: Motion3D, video: Path | None, options: RenderOptions, path: Path
) -> Footage | None:
    """The video to draw on, or to take the sound from."""
    if options.needs_video:
        return Footage.of(_video_of(motion) if video is None else video, motion)
    if path.suffix.lower() != ".mp4" or not options.sound:
        return None
    if video is not None:
        return Footage.of(video, motion)
    noted = noted_source(motion)
    try:
        return None if noted is None else Footage.of(noted, motion)
    except InputError:
        return None  # The sound alone does not justify an error about a file nobody named.


def _video_of(motion: Motion3D) -> Path:
    """The video to draw on, if none is given.

    Raises:
        InputError: the motion names none, or one that does not exist.
    """
    path, noted = noted_source(motion), motion.meta.get("source")
    if path is not None:
        return path
    lack = (
        f"the video of the motion is no longer at {noted}"
        if isinstance(noted, str) and noted
        else "the motion does not record which video it is from"
    )
    raise InputError(f"{lack}: name it with --video, or draw without it (--layout 3d)")
