"""The options of exports: people, axes, scale and rate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mbcli.bounds import MAX_RATE
from mbcli.flags import check, option
from mbcli.kinematics.rig_table import RigName
from mbcli.people import EVERYBODY, GRAMMAR, read_person

Up = Literal["y", "z"]
Shape = Literal["wide", "long"]
Space = Literal["auto", "camera", "world"]
Heading = Literal["camera", "person"]

PANEL = "Output"


@dataclass(frozen=True)
class ExportOptions:
    """Options of `mbcli.exports.export.export` and the writers of `FORMATS`.

    Attributes:
        person: ``"all"``, ``"largest"``, or track ids separated by commas, such as ``"1,3"``.
            Writers receive a motion without the other people.
        up: the axis that points up; None means the format's own. Writers receive the choice.
        scale: factor on the lengths, in addition to the format's unit: 100 turns metres into
            centimetres. Files that declare their unit take it into account.
        fps: rate to resample to; None keeps every frame. Writers receive a resampled motion.
        rig: the rig whose names, rest pose and axes of bones skeletons have; None is our own.
        character: a .glb, .vrm or .bvh file whose bones are moved; None is nobody's.
        trim: leave out the frames before the first and after the last with somebody; in a file of
            one person, with this person.
        loop: only the stretch that repeats best, made seamless; each person in a file.
        in_place: keep the hips of skeletons above one point of the floor.
        feet: whether standing feet keep their place; None means in formats with skeletons only.
            ``pose.npz`` stays as it is.
        space: ``world``: gravity is down, the floor is at 0, and the first person begins over the
            origin; ``camera``: the axes of the first frame's camera, which is taken to be level;
            ``auto``: the world where `mbcli infer` was sure enough of it.
        heading: what is forward on the floor: where the ``camera`` looks from, or where the first
            ``person`` of a file faces at first.
        shape: shape of tables: ``wide`` has one row per frame and person, ``long`` one per joint.

    Raises:
        ConfigError: a value breaks its rule.
    """

    person: str = option(EVERYBODY, "Which people to write.", panel=PANEL, metavar=GRAMMAR)
    up: Up | None = option(
        None,
        "The axis that points up.",
        panel=PANEL,
        choices=get_args(Up),
        shown="the format's own",
    )
    scale: float | None = option(
        None,
        "Factor on lengths: 100 turns metres into centimetres.",
        panel=PANEL,
        above=0,
        shown="1",
    )
    fps: float | None = option(
        None,
        "Frames per second to resample to, positions by cubic splines.",
        panel=PANEL,
        least=0.1,
        most=MAX_RATE,
        unit="frames/s",
        shown="unchanged",
    )
    rig: RigName | None = option(
        None,
        "Bones as another program has them: names, hierarchy, rest pose, axes.",
        panel=PANEL,
        choices=get_args(RigName),
        shown="mbcli's own",
    )
    character: Path | None = option(
        None,
        "Animate your own character, .glb, .vrm or .bvh; it keeps its size and shape.",
        panel=PANEL,
        metavar="FILE",
        reads=True,
    )
    trim: bool = option(
        False,
        "Only from the first frame with a person to the last.",
        panel=PANEL,
    )
    loop: bool = option(
        False,
        "Only the stretch that repeats best, cross-faded into a seamless loop.",
        panel=PANEL,
    )
    in_place: bool = option(
        False,
        "Move skeletons on the spot: they stay above one point of the floor.",
        panel=PANEL,
    )
    feet: bool | None = option(
        None,
        "Keep standing feet from sliding, and on the floor.",
        panel=PANEL,
        shown="yes for skeletons: BVH, GLB, VRMA, USD, FBX",
    )
    space: Space = option(
        "auto",
        "Axes: upright on the floor (world), or those of the first frame's camera (camera); auto "
        "uses the floor if it is known well enough.",
        panel=PANEL,
        choices=get_args(Space),
    )
    heading: Heading = option(
        "camera",
        "Forward is towards the camera, or where the first person faces in their first frames.",
        panel=PANEL,
        choices=get_args(Heading),
    )
    shape: Shape = option(
        "wide",
        "Tables: one row per frame and person (wide), or per joint (long).",
        panel=PANEL,
        choices=get_args(Shape),
    )

    def __post_init__(self) -> None:
        check(self)
        read_person(self.person)
