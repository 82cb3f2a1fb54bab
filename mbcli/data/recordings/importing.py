"""Import of a folder of motion recordings into a clip store.

Recordings that cannot be read or that no person can have made are refused, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from mbcli.data.recordings.amc import read_amc
from mbcli.data.recordings.asf import read_asf
from mbcli.data.recordings.body import body_positions, rest_height
from mbcli.data.recordings.bvh import UNITS, read_bvh
from mbcli.data.recordings.hierarchy import Recording
from mbcli.data.stores.quality import HUMAN_HEIGHT, Body, human_pieces
from mbcli.data.stores.store import StoreWriter
from mbcli.errors import ConfigError, DataError

_AMC_FPS = 120.0


@dataclass(frozen=True)
class ImportOptions:
    """How recordings are read.

    Attributes:
        scale: metres of one unit; None takes the file's own (ASF) or the one among
            ``bvh.UNITS`` with which the skeleton is of human height (BVH).
        fps: frames per second; None takes the file's own (BVH) or 120 (AMC has none).
        max_fps: recordings that are faster keep every n-th frame so as not to exceed it.
    """

    scale: float | None = None
    fps: float | None = None
    max_fps: float = 60.0

    def __post_init__(self) -> None:
        for name in ("scale", "fps", "max_fps"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ConfigError(f"{name} must be a positive number, got {value}")


@dataclass(frozen=True)
class ImportReport:
    """What became of the recordings.

    Attributes:
        imported: clip names.
        refused: source file and reason, one pair each.
        notes: source file and what was mended, one pair each.
        hours: length of the imported clips.
    """

    imported: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...]
    hours: float


@dataclass(frozen=True)
class _Outcome:
    pieces: tuple[Body, ...]
    fps: float
    note: str


def read_bvh_recording(path: Path, options: ImportOptions) -> Recording:
    """Read a BVH file, finding its unit where the options give none.

    Raises:
        DataError: see ``read_bvh``; or no known unit makes the skeleton a person.
    """
    recording = read_bvh(path, scale=options.scale or 1.0, fps=options.fps)
    if options.scale is not None:
        return recording
    height = rest_height(recording.hierarchy)
    fitting = [s for s in UNITS.values() if HUMAN_HEIGHT[0] <= height * s <= HUMAN_HEIGHT[1]]
    if len(fitting) != 1:
        raise DataError(
            f"{path}: a skeleton {height:.4g} units tall is of human height in none of the units "
            f"{', '.join(UNITS)}; give the scale"
        )
    scale = fitting[0]
    return replace(
        recording,
        hierarchy=replace(recording.hierarchy, offsets=recording.hierarchy.offsets * scale),
        translations={j: t * scale for j, t in recording.translations.items()},
    )


def read_amc_recording(path: Path, options: ImportOptions) -> Recording:
    """Read an AMC file with the ASF skeleton in its folder that it belongs to.

    That is the only one there, or else the one with the longest name that the motion's name
    starts with.

    Raises:
        DataError: no skeleton, or see ``read_asf`` and ``read_amc``.
    """
    skeletons = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    named = [p for p in skeletons if path.stem.startswith(p.stem)]
    if len(skeletons) == 1:
        named = skeletons
    if not named:
        raise DataError(
            f"{path}: needs a skeleton <beginning of its name>.asf beside it, got "
            f"{', '.join(p.name for p in skeletons) or 'none'}"
        )
    skeleton = read_asf(max(named, key=lambda p: len(p.stem)), scale=options.scale)
    return read_amc(path, skeleton, fps=options.fps or _AMC_FPS)


IMPORT_FORMATS: dict[str, tuple[str, Callable[[Path, ImportOptions], Recording]]] = {
    "asf-amc": (".amc", read_amc_recording),
    "bvh": (".bvh", read_bvh_recording),
}
"""Format name to the suffix of its files, in lower case, and its reader."""


def import_folder(
    format: str,
    source: Path,
    out: Path,
    *,
    scale: float | None = None,
    fps: float | None = None,
    max_fps: float = 60.0,
    subject: str = r"(?P<subject>[^/]+)/[^/]+",
    prefix: str = "",
    licence: str = "",
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
) -> ImportReport:
    """Read all recordings of one format under a folder into a new clip store.

    Args:
        format: a key of ``IMPORT_FORMATS``.
        source: folder that is searched, with its subfolders.
        out: the store to make.
        scale: see ``ImportOptions``.
        fps: see ``ImportOptions``.
        max_fps: see ``ImportOptions``.
        subject: regular expression whose group ``subject`` names the person. It must match the
            whole path of a recording, relative to ``source``, with forward slashes. The default
            takes the name of the folder that holds the file.
        prefix: put before the subject's name, as in ``"cmu-"``.
        licence: terms of use, noted with every clip.
        jobs: processes that read in parallel.
        progress: called with the number of files done and their total.
        overwrite: whether a store at ``out`` may be replaced.

    Returns:
        What was imported and what was refused.

    Raises:
        ConfigError: an option breaks its rule.
        DataError: there is no recording of this format, or all were refused.
        OutputError: ``out`` exists or cannot be written.
    """
    if format not in IMPORT_FORMATS:
        raise ConfigError(f"the format must be one of {', '.join(IMPORT_FORMATS)}, got {format}")
    suffix, _ = IMPORT_FORMATS[format]
    files = sorted(p for p in source.rglob("*") if p.suffix.lower() == suffix and p.is_file())
    if not files:
        raise DataError(f"{source}: must hold {suffix} files, got none")
    return import_bodies(
        partial(_read_body, format, options=ImportOptions(scale, fps, max_fps)),
        files,
        source,
        out,
        max_fps=max_fps,
        subject=subject,
        prefix=prefix,
        licence=licence,
        jobs=jobs,
        progress=progress,
        overwrite=overwrite,
    )


def import_bodies(
    read: Callable[[Path], tuple[Body, float]],
    files: list[Path],
    source: Path,
    out: Path,
    *,
    max_fps: float,
    subject: str,
    prefix: str,
    licence: str,
    jobs: int,
    progress: Callable[[int, int], None] | None,
    overwrite: bool,
) -> ImportReport:
    """Write what a reader makes of some files into a new clip store.

    Args:
        read: a file to its body, (F, 21, 3) metres, y up, joints of ``BODY21``, and its frames
            per second. It raises DataError, and can be sent to another process.
        files: what is read, all under ``source``.
        source: the folder that names are relative to.
        out: see ``import_folder``, as are the others.
        max_fps: recordings that are faster keep every n-th frame.
        subject: regular expression.
        prefix: of the subject's name.
        licence: terms of use.
        jobs: processes.
        progress: called after each file.
        overwrite: of ``out``.

    Raises:
        ConfigError: an option breaks its rule.
        DataError: all recordings were refused.
        OutputError: ``out`` exists or cannot be written.
    """
    if jobs < 1:
        raise ConfigError(f"jobs must be at least 1, got {jobs}")
    try:
        pattern = re.compile(subject)
    except re.error as error:
        raise ConfigError(
            f"subject must be a regular expression, got {subject!r}: {error}"
        ) from error
    if "subject" not in pattern.groupindex:
        raise ConfigError(f"the subject pattern needs a group (?P<subject>...), got {subject!r}")

    imported: list[str] = []
    refused: list[tuple[str, str]] = []
    notes: list[tuple[str, str]] = []
    seconds = 0.0
    with StoreWriter(out, overwrite=overwrite) as writer:
        outcomes = _outcomes(partial(_read, read, max_fps=max_fps), files, jobs)
        for done, (path, outcome) in enumerate(zip(files, outcomes, strict=True), start=1):
            relative = path.relative_to(source).as_posix()
            named = pattern.fullmatch(relative)
            if not outcome.pieces:
                refused.append((relative, outcome.note))
            elif named is None:
                refused.append((relative, f"its path does not match the subject {subject!r}"))
            else:
                person = prefix + named["subject"]
                for number, piece in enumerate(outcome.pieces, start=1):
                    part = f"-{number}" if len(outcome.pieces) > 1 else ""
                    clip = writer.add(
                        piece,
                        name=f"{person}/{path.stem}{part}",
                        subject=person,
                        source=relative,
                        fps=outcome.fps,
                        licence=licence,
                    )
                    imported.append(clip.name)
                    seconds += clip.seconds
                if outcome.note:
                    notes.append((relative, outcome.note))
            if progress is not None:
                progress(done, len(files))
        if not imported:
            raise DataError(f"{source}: all {len(files)} recordings were refused; {refused[0][1]}")
    return ImportReport(tuple(imported), tuple(refused), tuple(notes), seconds / 3600)


def _outcomes(read: Callable[[Path], _Outcome], files: list[Path], jobs: int) -> Iterator[_Outcome]:
    if jobs == 1:
        yield from map(read, files)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(read, files, chunksize=4)


def _read_body(format: str, path: Path, *, options: ImportOptions) -> tuple[Body, float]:
    recording = IMPORT_FORMATS[format][1](path, options)
    return body_positions(recording), recording.fps


def _read(read: Callable[[Path], tuple[Body, float]], path: Path, *, max_fps: float) -> _Outcome:
    try:
        body, fps = read(path)
        pieces, note = human_pieces(body, fps)
    except DataError as error:
        return _Outcome((), 0.0, str(error))
    # A rate may exceed the limit by a hundredth: 120.005 a second is 60 twice.
    step = max(1, int(np.ceil(fps / max_fps - 0.01)))
    return _Outcome(tuple(piece[::step] for piece in pieces), fps / step, note)
