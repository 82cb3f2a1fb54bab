"""A motion in the Rerun viewer (https://rerun.io), with a timeline: opened, or saved as .rrd."""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal

from mbcli.errors import ConfigError, InputError, OutputError, first_line
from mbcli.motion import Motion3D, noted_source
from mbcli.report import Observer, unobserved
from mbcli.show.rerun.options import Footage, ViewOptions
from mbcli.show.scene import scene_of
from mbcli.storage.output import check_output, written_whole
from mbcli.video.footage import noted_video

if TYPE_CHECKING:
    import rerun as rr

_SUFFIX = ".rrd"
_APPLICATION = "mbcli"
_PYTHON = (3, 11)  # Rerun's oldest
_PORT = 9876  # Rerun's default; a viewer that is already open is used
_OPENING = 1.0  # seconds; a viewer without a display starts to listen, and then exits
_PATIENCE = 3.0  # seconds between checks of whether the viewer is still open


@dataclass(frozen=True)
class ViewReport:
    """The content passed to the viewer.

    Attributes:
        frames: number of frames.
        people: number of people.
        video: the video behind the keypoints; None without one.
        footage: whether it is stored as ``file`` or as ``pictures``; None without a video.
        missing: number of frames without a picture in the video.
    """

    frames: int
    people: int
    video: Path | None
    footage: Literal["file", "pictures"] | None
    missing: int


def view(
    motion: Motion3D,
    save: Path | str | None = None,
    *,
    video: Path | str | None = None,
    footage: Footage = "auto",
    overwrite: bool = False,
    observer: Observer = unobserved,
) -> ViewReport:
    """Open a motion in the Rerun viewer, or write it as a recording for the viewer.

    People are shown in the estimated world, y up, or else in the camera's frame, x
    right, y down, z away; in metres. Keypoints are in pixels, angles in degrees.

    Args:
        motion: the motion to show.
        save: file to write, ending in .rrd, instead of opening the viewer.
        video: the source of the motion; None means the one recorded in the motion, if it exists.
        footage: ``file`` stores the video file, ``pictures`` its pictures, ``auto`` what this
            machine can show, ``none`` nothing; see :func:`mbcli.show.rerun.video.add_video`.
        overwrite: replace an existing file.
        observer: receives progress.

    Raises:
        ConfigError: Rerun is not installed, the viewer cannot be opened here, or the video cannot
            be stored as requested.
        InputError: the motion has no frames, or the video cannot be read or does not belong to
            the motion.
        OutputError: the file cannot be written.
    """
    path = None if save is None else Path(save)
    if path is not None:
        if path.suffix.lower() != _SUFFIX:
            raise OutputError(f"a recording is written as {_SUFFIX}, got {path.name}")
        check_output(path, overwrite=overwrite, inputs=(video, noted_source(motion)))
    ViewOptions(footage)  # checks itself
    if not len(motion.timestamps):
        raise InputError("the motion holds no frames to show")
    recording = _new_recording(motion)
    source = noted_video(motion) if video is None else Path(video)

    def fill() -> ViewReport:
        return _fill(recording, motion, source, footage, observer)

    if path is None:
        return _opened(recording, fill)
    return _saved(recording, path, fill, overwrite=overwrite)


def _new_recording(motion: Motion3D) -> rr.RecordingStream:
    """An empty recording.

    Raises:
        ConfigError: Rerun is not installed, or not available for this Python.
    """
    if sys.version_info[:2] < _PYTHON:
        raise ConfigError(
            f"the viewer needs Python {_PYTHON[0]}.{_PYTHON[1]} or newer, and this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}: mbcli render writes a page (.html) "
            "that needs no viewer"
        )
    if find_spec("rerun") is None:
        raise ConfigError(
            "the viewer needs rerun-sdk, which is not installed: pip install 'mbcli[view]'"
        )
    with _environment("RUST_LOG", _log_level()):
        import rerun as rr
    recording = rr.RecordingStream(_APPLICATION)
    source = motion.meta.get("source")
    if isinstance(source, str) and source:
        recording.send_recording_name(PurePath(source).name)
    return recording


def _saved(
    recording: rr.RecordingStream, path: Path, fill: Callable[[], ViewReport], *, overwrite: bool
) -> ViewReport:
    with written_whole(path, overwrite=overwrite) as temporary:
        try:
            try:
                recording.save(temporary)
                report = fill()
                recording.flush()
            finally:
                recording.disconnect()
            _check_whole(temporary)
        except RuntimeError as error:
            reason = first_line(error)
            raise OutputError(f"{path} cannot be written: {reason}") from error
    return report


def _check_whole(path: Path) -> None:
    """Read the table of contents at the end of a recording, which a full disk would truncate.

    Raises:
        RuntimeError: it is missing.
    """
    import rerun as rr

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rr.chunk.RrdReader(path)
    except (ValueError, Warning) as error:
        raise RuntimeError("the file has no end") from error


def _opened(recording: rr.RecordingStream, fill: Callable[[], ViewReport]) -> ViewReport:
    # The viewer was installed with this Python, which need not be on the PATH.
    scripts = sysconfig.get_path("scripts")
    hint = f"save the recording with --save FILE{_SUFFIX} and open it elsewhere"
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        raise ConfigError(f"there is no display to open the viewer on: {hint}")
    path = f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        with (
            _environment("PATH", path),
            _environment("RUST_LOG", _log_level()),
            # Without this the viewer assigns the user an id, and records and reports the use.
            _environment("CI", "1"),
        ):
            recording.spawn(port=_PORT, hide_welcome_screen=True)
        time.sleep(_OPENING)
        _check_open()
        report = fill()
        _hand_over(recording)
    except RuntimeError as error:
        reason = first_line(error).rstrip(".")
        raise ConfigError(f"the viewer cannot be opened ({reason}): {hint}") from error
    finally:
        recording.disconnect()
    return report


def _hand_over(recording: rr.RecordingStream) -> None:
    """Wait until the viewer has received everything.

    Raises:
        RuntimeError: the viewer has closed.
    """
    while True:
        try:
            recording.flush(timeout_sec=_PATIENCE)
        except RuntimeError:
            _check_open()
        else:
            return


def _check_open() -> None:
    """Check whether the viewer still listens; Rerun itself would wait forever.

    Raises:
        RuntimeError: it no longer listens.
    """
    try:
        socket.create_connection(("127.0.0.1", _PORT), timeout=_PATIENCE).close()
    except OSError:
        raise RuntimeError("it has closed again") from None


def _log_level() -> str:
    """Rerun's log level: off, since its exceptions report what matters."""
    return os.environ.get("RUST_LOG", "off")


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for the body."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _fill(
    recording: rr.RecordingStream,
    motion: Motion3D,
    video: Path | None,
    footage: Footage,
    observer: Observer,
) -> ViewReport:
    from mbcli.show.rerun.curves import add_curves
    from mbcli.show.rerun.layout import layout_of
    from mbcli.show.rerun.recording import add_people, add_space
    from mbcli.show.rerun.video import add_video

    scene = scene_of(motion)
    recording.send_blueprint(layout_of(motion, scene))
    stored: Literal["file", "pictures"] | None = None
    missing = 0
    if video is not None and footage != "none":
        stored, missing = add_video(recording, motion, video, footage, observer)
    add_space(recording, motion, scene)
    add_people(recording, motion, scene, observer)
    add_curves(recording, motion)
    return ViewReport(
        frames=len(motion.timestamps),
        people=len(motion.track_ids),
        video=None if stored is None else video,
        footage=stored,
        missing=missing,
    )
