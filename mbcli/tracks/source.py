"""Opening a video, a keypoint file or both as a source of 2D keypoint tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mbcli.batch.finished import fingerprint
from mbcli.calibration import calibrated, calibration_file
from mbcli.camera import focal_length
from mbcli.errors import ConfigError
from mbcli.flags import described, flag, of
from mbcli.keypoints import is_keypoint_file, read_keypoints
from mbcli.options import InferOptions
from mbcli.pose2d import AUTO, SPECIAL
from mbcli.pose2d.choose import choose
from mbcli.report import Observer, Stopwatch
from mbcli.storage.journal import Arrays, Journal, journal, journal_folder
from mbcli.tracks.detection import Detection
from mbcli.tracks.from_keypoints import detect_in_file
from mbcli.tracks.from_pictures import detect_in_pictures
from mbcli.video import VideoReader

__all__ = ["Detection", "detect_in_file", "detect_in_pictures", "kept_beside", "opened"]

Detect = Callable[[Observer, Stopwatch], Detection]


@contextmanager
def opened(
    source: Path,
    options: InferOptions,
    keypoints: Path | None = None,
    work: Journal | None = None,
) -> Iterator[Detect]:
    """Open a source and yield a function that detects people in it, to be called once.

    Problems with a file are reported on opening, before networks are loaded.

    Args:
        source: a video, an image, a folder of images, or a keypoint file or folder.
        options: the options of the inference.
        keypoints: a keypoint file that belongs to the video ``source``.
        work: where what is seen in pictures is kept until the run has succeeded.

    Raises:
        InputError: a file cannot be read or violates its format.
        ConfigError: an option does not apply to such a source.
    """
    if is_keypoint_file(source):
        if keypoints is not None:
            raise ConfigError(f"--keypoints needs a video, but {source} holds keypoints itself")
        if options.rotate:
            raise ConfigError(f"--rotate needs pictures, but {source} holds keypoints")
        _check_nobody_looks(options, source)
        alone = read_keypoints(source, options.joint_map)
        yield lambda _, watch: detect_in_file(alone, options, None, watch)
        return
    file = None if keypoints is None else read_keypoints(keypoints, options.joint_map)
    rate = {} if options.fps is None else {"image_fps": options.fps}
    with VideoReader(
        source,
        start=options.start,
        end=options.end,
        every=options.every,
        rotate=options.rotate,
        **rate,
    ) as reader:
        _check_lens(reader.info.size, options)
        if options.fps is not None and reader.info.kind == "video":
            raise ConfigError(f"--fps is for pictures and keypoint files, but {source} is a video")
        if file is not None:
            _check_nobody_looks(options, keypoints)
            yield lambda _, watch: detect_in_file(file, options, reader, watch)
        else:
            if options.joint_map is not None:
                raise ConfigError(f"--joint-map is for keypoint files, which {source} is not")
            yield lambda observer, watch: detect_in_pictures(reader, options, observer, watch, work)


def _check_lens(size: tuple[int, int], options: InferOptions) -> None:
    """Check the camera of the options before anything is looked at."""
    if options.calibration is None:
        focal_length(size, options.focal, options.fov)
    else:
        calibrated(options.calibration, size)


def _check_nobody_looks(options: InferOptions, file: Path | None) -> None:
    """Refuse what only a look at pictures can tell.

    Raises:
        ConfigError: the camera is said to turn or move, or a 2D model is asked for, but keypoints
            come from a file.
    """
    for name in ("pose2d", *SPECIAL):
        value = getattr(options, name)
        if value not in (None, AUTO):
            raise ConfigError(
                f"{flag(name)} is for pictures, but the keypoints come from {file}, got {value}"
            )
    if options.camera_motion not in (AUTO, "still"):
        raise ConfigError(
            "--camera-motion must be auto or still with keypoints from a file, which has no "
            f"background, got {options.camera_motion!r} with {file}"
        )


@contextmanager
def kept_beside(
    target: Path,
    source: Path,
    options: InferOptions,
    *,
    restart: bool = False,
    seen: Sequence[Arrays] = (),
) -> Iterator[Journal]:
    """A journal for the 2D stage of a result, which another run with the same options goes on with.

    Options of lifting alone may differ.

    Args:
        target: the result.
        source: the video.
        options: the options of the inference.
        restart: forget an earlier run.
        seen: what its parts have shown, from `mbcli.tracks.parts.look_at_part`.

    Raises:
        OutputError: see `mbcli.storage.journal.journal`.
    """

    def key() -> str:
        choice = choose(options.pose2d, options)
        named = [one for one in described(options) if not of(one).lifts]
        values = {one.name: getattr(choice.options, one.name) for one in named}
        values["pose2d_rate"] = options.looking_rate
        values["follows_camera"] = options.follows_camera
        files = [values[one.name] for one in named if of(one).reads]
        words = [value for value in files if isinstance(value, str)]
        if options.follows_camera and options.calibration is not None:
            # The background is followed without the lens's distortion.
            values["calibration"] = options.calibration
            words.append(str(calibration_file(options.calibration)[0]))
        return fingerprint(f"2D {choice.backend} {values}", [], [source, *words])

    with journal(journal_folder(target), key, restart=restart) as work:
        work.begin_with(seen)
        yield work
