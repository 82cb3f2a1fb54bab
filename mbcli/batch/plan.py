"""Where the result of each input goes."""

from __future__ import annotations

import os
import string
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mbcli.batch.inputs import Given, real
from mbcli.errors import ConfigError, OutputError
from mbcli.storage.output import check_folder, check_separate
from mbcli.storage.remote import address, is_folder, is_remote

# What may stand in --out.
_FIELDS = ("name", "folder", "parent")
# What results beside their inputs have after the name.
POSE, KEYPOINTS, REFINED = ".pose", ".keypoints", ".refined"


@dataclass(frozen=True)
class Job:
    """An input and its result."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Plan:
    """Inputs with their results.

    Attributes:
        jobs: in the order of the inputs.
        batch: whether results go to a folder, beside their inputs or by a template, so that
            finished ones can be left out; False for one input with the file of its result.
    """

    jobs: tuple[Job, ...]
    batch: bool

    @property
    def several(self) -> bool:
        """Whether there are several inputs."""
        return len(self.jobs) > 1


def plan(
    inputs: Sequence[Given], out: Path | None, suffixes: Sequence[str], *, beside: str
) -> Plan:
    """Pair every input with its result.

    Inputs of one name keep the folders in which they differ, or else their suffix: ``a/walk.mp4``
    and ``b/walk.mp4`` give ``a/walk.npz`` and ``b/walk.npz``.

    Args:
        inputs: at least one.
        out: the file of a single result; or a folder; or a template with ``{name}``, ``{folder}``
            (relative to the folder that was named) and ``{parent}`` (the input's own folder); None
            puts each result beside its input. A path without a suffix is a folder.
        suffixes: allowed suffixes of results; in a folder, results get the first.
        beside: the end of a result's name beside its input, such as ``.pose.npz``.

    Raises:
        OutputError: a result has another suffix or would replace an input, several inputs have
            no folder, or the folder cannot be created or written to.
        ConfigError: two results would have one name, or the template has unknown fields.
    """
    template = out is not None and "{" in str(out)
    if out is not None and not template and out.suffix and not is_folder(out):
        if len(inputs) > 1:
            raise OutputError(
                f"with several inputs --out must be a folder or contain {{name}}, got {out}"
            )
        check_suffix(out, suffixes)
        return Plan((Job(inputs[0].path, out),), batch=False)
    if out is not None and not template and not is_remote(out):
        check_folder(out)

    def target(given: Given) -> Path:
        name = given.name or name_of(given.path)
        if out is None:
            return given.path.with_name(f"{name}{beside}")
        if not template:
            return out / given.below / f"{name}{suffixes[0]}"
        return _filled(out, name, given)

    jobs = [Job(one.path, target(one)) for one in _distinct(inputs, target)]
    for job in jobs:
        check_suffix(job.target, suffixes)
    check_separate([job.target for job in jobs], [job.source for job in jobs])
    for folder in {job.target.parent for job in jobs if not is_remote(job.target)}:
        check_folder(folder)
    return Plan(tuple(jobs), batch=True)


def name_of(path: Path) -> str:
    """The name of an input without its suffix, and without ``.pose`` and the like."""
    if path.is_dir():
        return real(path).name
    name = path.stem
    for kind in (REFINED, KEYPOINTS, POSE):
        name = name.removesuffix(kind)
    return name or path.stem


def check_suffix(target: Path, suffixes: Sequence[str]) -> None:
    """Check the suffix of a result.

    Raises:
        OutputError: it is none of ``suffixes``.
    """
    if not target.name.lower().endswith(tuple(suffixes)):
        raise OutputError(
            f"--out must end in {' or '.join(suffixes)}, or be a folder, got {address(target)}"
        )


def _filled(template: Path, name: str, given: Given) -> Path:
    try:
        unknown = {field for _, field, _, _ in string.Formatter().parse(str(template)) if field}
    except ValueError as error:
        raise ConfigError(f"--out has unpaired braces, got {template}") from error
    if unknown - set(_FIELDS):
        raise ConfigError(
            f"--out may contain {{{'}, {'.join(_FIELDS)}}}, got {{{min(unknown - set(_FIELDS))}}}"
        )
    parent = given.path.parent
    return Path(str(template).format(name=name, folder=given.below, parent=parent))


def _distinct(inputs: Sequence[Given], target: Callable[[Given], Path]) -> list[Given]:
    """The inputs, with folders and names such that all results differ."""
    named = list(inputs)
    for differ in (_by_folder, _by_suffix):
        groups: dict[Path, list[int]] = defaultdict(list)
        for number, given in enumerate(named):
            groups[target(given)].append(number)
        for numbers in groups.values():
            if len(numbers) > 1:
                changed = differ([named[number] for number in numbers])
                for number, given in zip(numbers, changed, strict=True):
                    named[number] = given
    taken: dict[Path, Path] = {}
    for given in named:
        made = target(given)
        if made in taken:
            raise ConfigError(
                f"every input needs a result of its own, but {taken[made]} and {given.path} would "
                f"both be {made}"
            )
        taken[made] = given.path
    return named


def _by_folder(group: list[Given]) -> list[Given]:
    folders = [real(given.path).parent for given in group]
    common = os.path.commonpath(folders) if len({f.anchor for f in folders}) == 1 else None
    if common is None:
        return group
    return [
        replace(given, below=folder.relative_to(common))
        for given, folder in zip(group, folders, strict=True)
    ]


def _by_suffix(group: list[Given]) -> list[Given]:
    return [replace(given, name=given.path.name) for given in group]
