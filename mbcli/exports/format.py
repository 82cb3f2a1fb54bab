"""Description of an export format, available before its module is loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from mbcli.errors import ConfigError
from mbcli.exports.options import ExportOptions, Up
from mbcli.kinematics.rig_table import RIGS

if TYPE_CHECKING:
    from mbcli.exports.axes import Unit
    from mbcli.motion import Motion3D


@dataclass(frozen=True)
class ExportFormat:
    """One row of `mbcli.exports.FORMATS`.

    Attributes:
        name: value of ``--format``.
        suffixes: file suffixes that select it, with the dot; the first is the usual one.
        about: one line for the list of formats.
        writer: ``module:function`` of its writer, which is loaded on use. The function takes a
            motion reduced to the requested people and rate, the path of the file to create, and
            the options with ``up`` filled in. It need not clean up.
        per_person: whether a file holds one person, so that several people need several files.
        up: the axis that its readers expect to point up; None if it holds no positions.
        unit: unit of its lengths; None if it holds no positions.
        fixed: whether its specification leaves no choice of axes and unit.
        steady: whether frames have no individual times, so that a motion with uneven times must
            be resampled.
        timeless: whether files cannot say when they start; all others have the times of the source.
            Each frame lasts equally long, also the last, so that a loop needs no closing frame.
        seen_only: whether frames without the person are left out.
        shapes: whether ``--shape`` applies to it.
        rigs: the rigs that it can have for bones; empty if it has none.
        characters: suffixes of the files of characters that it can move.
        declares: whether its files say what their unit is and which axis is up. The others have
            those of the rig, where there is one.
        everywhere: whether it has something for each person in each frame, also where they are
            absent, unless the motion is too long for that.
        extra: name of the extra of mbcli that it needs.
        flat: whether its numbers are those of the picture, whatever the axes in space.
        says: meaning of the numbers, if they are not positions, or what a reader needs to know.
    """

    name: str
    suffixes: tuple[str, ...]
    about: str
    writer: str
    per_person: bool = False
    up: Up | None = None
    unit: Unit | None = None
    fixed: bool = False
    steady: bool = False
    timeless: bool = False
    seen_only: bool = False
    shapes: bool = False
    rigs: tuple[str, ...] = ()
    characters: tuple[str, ...] = ()
    declares: bool = True
    everywhere: bool = False
    extra: str | None = None
    says: str = ""
    flat: bool = False

    def write(self, motion: Motion3D, path: Path, options: ExportOptions) -> None:
        """Create ``path``; see ``writer``."""
        module, _, function = self.writer.partition(":")
        getattr(import_module(module), function)(motion, path, options)

    def completed(self, options: ExportOptions) -> ExportOptions:
        """Options with ``up``, and a scale where the unit is that of a rig."""
        up, scale = options.up or self.up, options.scale
        if options.rig is not None and not self.declares:
            rig = RIGS[options.rig]
            up = options.up or rig.up
            scale = rig.scale if scale is None else scale
        return replace(options, up=up, scale=scale)

    def length(self, motion: Motion3D, options: ExportOptions) -> int:
        """Number of frames in a file of a motion."""
        if self.seen_only:
            there = motion.keypoints.there if self.flat else motion.glimpsed
            return len(set(there.spans.frame[there.rows].tolist()))
        return len(motion.timestamps) - (options.loop and self.timeless)

    def check(self, options: ExportOptions) -> None:
        """Refuse options without effect.

        Raises:
            ConfigError: an option does not apply to this format.
        """
        from mbcli.exports import FORMATS

        for given in self._idle(options):
            fitting = (row.name for row in FORMATS.values() if given not in row._idle(options))
            raise ConfigError(f"{given} applies to {', '.join(fitting)} files, got {self.name}")
        character = options.character
        if character is None:
            return
        for flag, value in (
            ("--rig", options.rig),
            ("--up", options.up),
            ("--scale", options.scale),
        ):
            if value is not None:
                raise ConfigError(f"{flag} must be left out with --character, got {value}")
        if character.suffix.lower() not in self.characters:
            suffixes = " or ".join(self.characters) or "left out"
            raise ConfigError(
                f"--character must be {suffixes} for {self.name} files, got {character.name}"
            )

    def _idle(self, options: ExportOptions) -> list[str]:
        """The options, as they were given, that have no effect in this format."""
        free = self.unit is not None and not self.fixed
        shape = None if options.shape == "wide" else options.shape
        space = None if options.space == "auto" else options.space
        heading = None if options.heading == "camera" else options.heading
        rows = (
            ("--up", options.up, free or options.up == self.up),
            ("--scale", options.scale, free),
            ("--shape", shape, self.shapes),
            ("--space", space, not self.flat),
            ("--heading", heading, not self.flat),
            ("--rig", options.rig, options.rig in self.rigs),
            ("--loop", "" if options.loop else None, bool(self.rigs)),
            ("--in-place", "" if options.in_place else None, bool(self.rigs)),
        )
        idle = [(option, value) for option, value, used in rows if not used and value is not None]
        return [f"{option} {value}".strip() for option, value in idle]


def library(module: str, format: str, extra: str = "formats") -> ModuleType:
    """A library installed by an extra of mbcli.

    Args:
        module: its name for ``import``.
        format: the format that needs it.
        extra: the extra.

    Raises:
        ConfigError: the library is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{format} needs {module}, which is not installed: pip install 'mbcli[{extra}]'"
        ) from error
