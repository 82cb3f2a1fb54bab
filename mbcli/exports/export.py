"""Exporting a motion: choosing format, people and rate, and writing all files or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbcli.errors import ConfigError, InputError, NobodyFoundError, OutputError
from mbcli.exports import FORMATS, ExportFormat
from mbcli.exports.axes import PER_METRE, assumptions, notes
from mbcli.exports.looping import looped
from mbcli.exports.options import ExportOptions
from mbcli.exports.resampling import even, resampled
from mbcli.exports.space import begun, in_space
from mbcli.exports.standing import with_standing_feet
from mbcli.motion import Motion3D, noted_source
from mbcli.people import EVERYBODY, columns_of, read_person, select_people
from mbcli.storage.output import Input, check_output, written_together
from mbcli.values import kept


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes:
        paths: the files, one per person if the format holds one person.
        format: the format.
        frames: number of frames in each file.
        fps: frames per second of each file.
        track_ids: the people in the files.
        notes: sentences on units, axes and assumptions.
    """

    paths: tuple[Path, ...]
    format: ExportFormat
    frames: tuple[int, ...]
    fps: float
    track_ids: tuple[int, ...]
    notes: tuple[str, ...]


def export(
    motion: Motion3D,
    path: Path | str,
    options: ExportOptions | None = None,
    *,
    format: str | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a motion in a format of another program.

    Args:
        motion: the motion, refined or not.
        path: the file. If the format holds one person and there are several, each gets a file
            with the id before the suffix: ``walk.trc`` becomes ``walk_1.trc`` and ``walk_2.trc``.
        options: people, axes, scale and rate.
        format: a name in `mbcli.exports.FORMATS`; None selects by suffix.
        overwrite: replace existing files.

    Returns:
        The files that were written: all of them or, with an error, none.

    Raises:
        ConfigError: an unknown format or suffix, an option without effect in the format, a person
            who is not present, or a library that is not installed.
        InputError: the motion has no frames or no people.
        OutputError: a file exists and ``overwrite`` is off, or it cannot be written.
    """
    return list(exported(motion, path, options, format=format, overwrite=overwrite).paths)


def exported(
    motion: Motion3D,
    path: Path | str,
    options: ExportOptions | None = None,
    *,
    format: str | None = None,
    overwrite: bool = False,
    inputs: Iterable[Input] = (),
) -> Exported:
    """Write like :func:`export`, and report the details.

    Args:
        motion: as for `export`.
        path: as for `export`.
        options: as for `export`.
        format: as for `export`.
        overwrite: as for `export`.
        inputs: files the motion came from, which must not be overwritten.
    """
    path = Path(path)
    options = ExportOptions() if options is None else options
    row = format_of(path, format)
    row.check(options)
    options = row.completed(options)
    columns = _chosen(motion, options.person)
    ids: list[int] = motion.track_ids[columns].tolist()
    apart = (row.per_person or options.character is not None or options.loop) and len(ids) > 1
    paths = _names(path, row, ids if apart else ids[:1])
    read = (*inputs, noted_source(motion), options.character)
    for target in paths:
        check_output(target, overwrite=overwrite, inputs=read)
    skeleton, hindered = bool(row.rigs), ""
    if skeleton if options.feet is None else options.feet:
        motion, hindered = with_standing_feet(motion, steady_bones=skeleton)
    motion = select_people(in_space(motion, options), columns)
    if options.trim:
        motion = _trimmed(motion)
    motion = begun(motion, options)
    if options.fps is not None:
        motion = resampled(motion, options.fps)
    elif row.steady and not even(motion):
        motion = resampled(motion, motion.fps)
    # Files that would be too long together begin and end with their person.
    only_seen = apart and (options.trim or not motion.fits_dense)
    frames: list[int] = []
    loops: list[str] = []
    with written_together(paths, overwrite=overwrite) as temporaries:
        for column, (target, temporary) in enumerate(zip(paths, temporaries, strict=True)):
            part = motion
            if apart:
                part = motion.alone(column) if only_seen else motion.whole(column)
            if options.loop:
                part = looped(part.alone(0))
                first, last = part.meta["loop"]
                loops.append(f"person {ids[column]}: a loop from {first:g} to {last:g} s")
            frames.append(row.length(part, options))
            _write(row, part, temporary, target, options)
    said = says(row, motion, options) + ((hindered,) if hindered else ())
    if only_seen or (row.everywhere and not motion.fits_dense):
        why = "" if motion.fits_dense else ": the motion is long"
        said += (f"each person only from their first frame to their last{why}",)
    return Exported(tuple(paths), row, tuple(frames), motion.fps, tuple(ids), (*said, *loops))


def format_of(path: Path, name: str | None = None) -> ExportFormat:
    """The format of a file to write.

    Args:
        path: selects the format by suffix; of two matching suffixes, the longer counts.
        name: a name in `mbcli.exports.FORMATS`, which takes precedence.

    Raises:
        ConfigError: there is no such format.
    """
    if name is not None:
        if name not in FORMATS:
            raise ConfigError(f"--format must be one of {', '.join(FORMATS)}, got {name!r}")
        return FORMATS[name]
    rows = [(suffix, row) for row in FORMATS.values() for suffix in row.suffixes]
    fitting = [(len(suffix), row) for suffix, row in rows if _ends(path, suffix)]
    if fitting:
        return max(fitting, key=lambda pair: pair[0])[1]
    known = ", ".join(suffix for suffix, _ in rows)
    raise ConfigError(f"--out must end in one of {known}, or --format be given, got {path.name}")


def says(row: ExportFormat, motion: Motion3D, options: ExportOptions) -> tuple[str, ...]:
    """Sentences on the meaning of a file's numbers, and on assumptions."""
    rate = motion.meta.get("resampled")
    said: tuple[str, ...]
    if row.unit is None:
        said = (row.says,)
    elif options.character is not None:
        said = (
            f"{options.character.name} keeps its own size and unit; the floor is at 0, places are "
            "scaled by the length of its legs",
            *assumptions(motion),
        )
    elif options.up is None:
        said = assumptions(motion)
    else:
        scale = 1.0 if options.scale is None else options.scale
        said = notes(motion, up=options.up, per_metre=PER_METRE[row.unit] * scale)
        said += (row.says,) if row.says else ()
    if row.seen_only:
        said += ("frames without the person are left out",)
    if row.rigs:
        from mbcli.exports.turned import said_of_turns

        said += (said_of_turns(motion),)
    start = float(motion.timestamps[0])
    if row.timeless and start and not options.loop:
        said += (f"the format has no start time: the first frame is at {start:g} s of the source",)
    if isinstance(rate, dict):
        said += (
            f"resampled from {rate['from_fps']:g} to {rate['to_fps']:g} frames/s, positions by "
            "cubic splines",
        )
    return said


def _chosen(motion: Motion3D, person: str) -> list[int]:
    """The columns of the requested people; for ``all``, those present in some frame.

    Raises:
        ConfigError: somebody is not in the motion, or in none of its frames.
        NobodyFoundError: nobody is in any frame.
        InputError: the motion has no frames.
    """
    if not len(motion.timestamps):
        raise InputError("the motion holds no frames to export")
    positions = kept(motion, "positions")
    whole = positions.filled_with(np.asarray(np.isfinite(positions.rows).all(-1).any(-1)))
    seen = np.array([whole[column].any() for column in range(len(whole.spans))], np.bool_)
    if not seen.any():
        raise NobodyFoundError("the motion holds nobody to export: no person is in any frame")
    columns = columns_of(person, motion.keypoints)
    if read_person(person) == EVERYBODY:
        columns = [column for column in columns if seen[column]]
    for column in columns:
        if not seen[column]:
            there = ", ".join(map(str, motion.track_ids[seen]))
            raise ConfigError(
                f"--person must be all or of {there}, got {motion.track_ids[column]}, who is in no "
                "frame"
            )
    return columns


def _trimmed(motion: Motion3D) -> Motion3D:
    """From the first frame with somebody to the last."""
    positions = kept(motion, "positions")
    there = np.isfinite(positions.rows).all(-1).any(-1)
    frames = positions.spans.frame[there]
    whole = slice(int(frames.min()), int(frames.max()) + 1)
    return motion.part(whole, range(len(motion.track_ids)))


def _ends(path: Path, suffix: str) -> bool:
    return path.name.lower().endswith(suffix) and len(path.name) > len(suffix)


def _names(path: Path, row: ExportFormat, ids: Sequence[int]) -> list[Path]:
    """One file per part: the path itself for one part, with ids for several."""
    if len(ids) == 1:
        return [path]
    length = len(_suffix(row, path) or path.suffix)
    stem, suffix = path.name[: len(path.name) - length], path.name[len(path.name) - length :]
    return [path.with_name(f"{stem}_{number}{suffix}") for number in ids]


def _suffix(row: ExportFormat, path: Path) -> str:
    """The longest suffix of the format in which the path ends; empty if it ends otherwise."""
    return max((s for s in row.suffixes if _ends(path, s)), key=len, default="")


def _write(
    row: ExportFormat, motion: Motion3D, temporary: Path, target: Path, options: ExportOptions
) -> None:
    """Write one file.

    Raises:
        OutputError: it cannot be written; the message names the target, not the temporary file.
    """
    # Some libraries refuse names that end otherwise, or add the ending.
    named = temporary.with_name("export" + (_suffix(row, target) or row.suffixes[0]))
    try:
        row.write(motion, named, options)
        complete = named.is_file()
        if complete:
            named.replace(temporary)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
    if not complete:
        raise OutputError(f"{target} cannot be written: its library left no file")
