"""Import of a folder of motion recordings into a clip store.

Recordings that cannot be read or are not humanly possible are refused, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mbcli.boundary import reading
from mbcli.data.recordings.figure import Figure, placed
from mbcli.data.recordings.naming import Naming, files_in
from mbcli.data.recordings.reading import IMPORT_FORMATS, ImportOptions
from mbcli.data.stores.check import clip_faults
from mbcli.data.stores.quality import FPS, Body, human_stretches
from mbcli.data.stores.store import StoreWriter
from mbcli.errors import ConfigError, DataError


@dataclass(frozen=True)
class ImportReport:
    """Result of an import.

    Attributes:
        imported: clip names.
        refused: pairs of source file and reason.
        notes: pairs of source file and what was repaired.
        hours: total length of the imported clips.
        read_as: how many recordings were read in which axes and unit, the most frequent first.
    """

    imported: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...]
    hours: float
    read_as: Mapping[str, int] = field(default_factory=dict)


class Take(NamedTuple):
    """What a reader returns for one file.

    Attributes:
        body: (F, 21, 3) float32 metres, y up, joints of ``BODY21``.
        fps: frames per second.
        note: what was repaired while reading, or "".
        read_as: which axis was up and what the unit was, and how that is known, or "".
        feet: (F, 6, 3) float32 metres, joints ``FEET``; None if the recording has no toes.
    """

    body: Body
    fps: float
    note: str = ""
    read_as: str = ""
    feet: Body | None = None


class _Piece(NamedTuple):
    body: Body
    feet: Body | None


@dataclass(frozen=True, eq=False)
class _Outcome:
    pieces: tuple[_Piece, ...]
    fps: float
    note: str
    read_as: str = ""


def import_folder(
    format: str,
    source: Path,
    out: Path,
    *,
    subject: str | None = None,
    prefix: str = "",
    licence: str = "",
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
    **reading: Any,
) -> ImportReport:
    """Read all recordings of one format under a folder into a new clip store.

    Args:
        format: a key of ``IMPORT_FORMATS``.
        source: a recording, or a folder that is searched recursively.
        out: the store to create.
        subject: regular expression whose group ``subject`` names the person. It must match the
            whole path of a recording, relative to ``source``, with forward slashes. None uses
            the path of the file's folder in ``source``, or the name of ``source`` for a file
            directly in it.
        prefix: put before the subject's name, as in ``"cmu-"``.
        licence: terms of use, recorded with every clip.
        jobs: number of parallel reader processes.
        progress: called with the number of files done and their total.
        overwrite: whether a store at ``out`` may be replaced.
        reading: fields of ``ImportOptions``.

    Returns:
        What was imported and what was refused.

    Raises:
        ConfigError: an option breaks its rule.
        DataError: there is no recording of this format, or all were refused.
        OutputError: ``out`` exists or cannot be written.
    """
    if format not in IMPORT_FORMATS:
        raise ConfigError(f"the format must be one of {', '.join(IMPORT_FORMATS)}, got {format}")
    options = ImportOptions(**reading)
    suffix, _ = IMPORT_FORMATS[format]
    files = [path for path in files_in(source) if path.suffix.lower() == suffix]
    if not files:
        raise DataError(f"{source}: must hold {suffix} files, got none")
    return import_bodies(
        partial(_read_body, format, options=options),
        files,
        source,
        out,
        max_fps=options.max_fps,
        subject=subject,
        prefix=prefix,
        licence=licence,
        jobs=jobs,
        progress=progress,
        overwrite=overwrite,
    )


def import_bodies(
    read: Callable[[Path], Take],
    files: list[Path],
    source: Path,
    out: Path,
    *,
    max_fps: float,
    subject: str | None,
    prefix: str,
    licence: str,
    jobs: int,
    progress: Callable[[int, int], None] | None,
    overwrite: bool,
) -> ImportReport:
    """Read files and write their bodies into a new clip store.

    Args:
        read: reads a file's body; raises DataError and can be sent to another process.
        files: the files to read, all under ``source``, or ``source`` itself.
        source: the folder that names are relative to; for a file, its folder.
        out: the store to create.
        max_fps: faster recordings keep every n-th frame so as not to exceed it.
        subject: regular expression or None, see ``import_folder``.
        prefix: put before the subject's name.
        licence: terms of use, recorded with every clip.
        jobs: number of parallel reader processes.
        progress: called with the number of files done and their total.
        overwrite: whether a store at ``out`` may be replaced.

    Raises:
        ConfigError: an option breaks its rule.
        DataError: all recordings were refused.
        OutputError: ``out`` exists or cannot be written.
    """
    if jobs < 1:
        raise ConfigError(f"jobs must be at least 1, got {jobs}")
    naming = Naming(source, subject, prefix)
    imported: list[str] = []
    refused: list[tuple[str, str]] = []
    notes: list[tuple[str, str]] = []
    read_as: Counter[str] = Counter()
    seconds = 0.0
    with StoreWriter(out, overwrite=overwrite) as writer:
        outcomes = _outcomes(partial(_read, read, max_fps=max_fps), files, jobs)
        for done, (path, outcome) in enumerate(zip(files, outcomes, strict=True), start=1):
            file, person = naming.relative(path), naming.person(path)
            if not outcome.pieces:
                refused.append((file, outcome.note))
            elif person is None:
                refused.append((file, f"its path does not match the subject {subject!r}"))
            else:
                names = naming.clips(f"{person}/{path.stem}", len(outcome.pieces))
                for name, piece in zip(names, outcome.pieces, strict=True):
                    clip = writer.add(
                        piece.body,
                        name=name,
                        subject=person,
                        source=file,
                        fps=outcome.fps,
                        licence=licence,
                        read_as=outcome.read_as,
                        feet=piece.feet,
                    )
                    imported.append(clip.name)
                    seconds += clip.seconds
                if outcome.note:
                    notes.append((file, outcome.note))
                if outcome.read_as:
                    read_as[outcome.read_as] += 1
            if progress is not None:
                progress(done, len(files))
        if not imported:
            raise DataError(f"{source}: all {len(files)} recordings were refused; {refused[0][1]}")
    return ImportReport(
        tuple(imported), tuple(refused), tuple(notes), seconds / 3600, dict(read_as.most_common())
    )


def _outcomes(read: Callable[[Path], _Outcome], files: list[Path], jobs: int) -> Iterator[_Outcome]:
    if jobs == 1:
        yield from map(read, files)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(read, files, chunksize=4)


def take_of(figure: Figure, options: ImportOptions) -> Take:
    """The body of a figure, upright and in metres.

    Raises:
        DataError: the person has human height in no unit.
    """
    result = placed(figure, up=options.up, scale=options.scale, human_lengths=options.human_lengths)
    return Take(
        result.body.astype(np.float32),
        figure.fps,
        result.note,
        result.read_as,
        None if result.feet is None else result.feet.astype(np.float32),
    )


def _read_body(format: str, path: Path, *, options: ImportOptions) -> Take:
    return take_of(IMPORT_FORMATS[format][1](path, options), options)


def _read(read: Callable[[Path], Take], path: Path, *, max_fps: float) -> _Outcome:
    try:
        with reading(path, "a recording that can be used", DataError):
            body, fps, mended, read_as, feet = read(path)
            low, high = FPS
            if not low <= fps <= high:
                raise DataError(
                    f"{path}: must have {low:g}..{high:g} frames per second, got {fps:g}; "
                    "give the right rate with --fps"
                )
            stretches, dropped = human_stretches(body, fps)
    except DataError as error:
        return _Outcome((), 0.0, str(error))
    # A rate may exceed the limit by one percent: 120.005 fps counts as twice 60.
    step = max(1, int(np.ceil(fps / max_fps - 0.01)))
    thinned = [slice(piece.start, piece.stop, step) for piece in stretches]
    faults = [list(clip_faults(body[piece], fps / step)) for piece in thinned]
    sound = tuple(
        _Piece(body[piece], None if feet is None else _whole(feet[piece]))
        for piece, said in zip(thinned, faults, strict=True)
        if not said
    )
    left_out = dict.fromkeys(f"left out: {reason}" for said in faults for reason in said)
    note = "; ".join(filter(None, (mended, dropped, *left_out)))
    return _Outcome(sound, fps / step, note, read_as)


def _whole(feet: Body) -> Body | None:
    return feet if np.isfinite(feet).all() else None
