"""Confidence and joint angles over time, as curves of a Rerun recording.

An absent person leaves a gap in their curves, as does an undefined angle.
"""

from __future__ import annotations

import numpy as np
import rerun as rr

from mbcli.kinematics.angles import ANGLES, Angle, angles_by_person
from mbcli.motion import Motion3D
from mbcli.show.colours import LEFT, RIGHT, Colour, joint_colour, person_colour
from mbcli.show.rerun.lanes import Lane, frames_of, lanes_of
from mbcli.show.rerun.recording import chunks, seen, time_columns

# Entity paths, each with one child per person, named by `lanes_of`.
CONFIDENCE = "confidence"  # one curve, the mean over the joints
JOINT_CONFIDENCE = "joint_confidence"  # one curve per joint
ANGLE_CURVES = "angles"  # one entity per angle, in degrees

_WIDTH = 1.5  # pixels
# Shades for curves that would have equal colours: towards white (above 0) or black.
_SHADES = (0.0, 0.55, -0.4, 0.3, -0.6)


def angle_path(person: str, angle: Angle) -> str:
    """The entity of an angle of a person."""
    return f"{ANGLE_CURVES}/{person}/{angle.name}"


def add_curves(recording: rr.RecordingStream, motion: Motion3D) -> None:
    """Add the curves of everybody."""
    names, degrees = angles_by_person(motion)
    lanes = lanes_of(motion)
    for lane in dict.fromkeys(lanes):
        _add_looks(recording, motion, lane, names)
    for column, (name, _) in enumerate(lanes):
        frames = frames_of(motion, column)
        alone = motion.part(frames, [column])
        turned = degrees.part(frames, [column]).dense()[:, 0]
        for rows in chunks(alone):
            times = time_columns(alone, rows)
            scores = alone.confidence[rows, 0].astype(np.float64)
            scores[~seen(alone.positions[rows, 0])] = np.nan
            counts = np.full(len(scores), scores.shape[1])
            curves = {
                f"{CONFIDENCE}/{name}": rr.Scalars.columns(scalars=scores.mean(axis=-1)),
                f"{JOINT_CONFIDENCE}/{name}": rr.Scalars.columns(scalars=scores.ravel()).partition(
                    counts
                ),
            }
            for number, angle in enumerate(names):
                values = rr.Scalars.columns(scalars=turned[rows, number])
                curves[angle_path(name, ANGLES[angle])] = values
            for path, values in curves.items():
                recording.send_columns(path, times, values, strict=True)


def _add_looks(
    recording: rr.RecordingStream, motion: Motion3D, lane: Lane, angles: tuple[str, ...]
) -> None:
    """Add colours and names."""
    name, person = lane.name, person_colour(lane.number)
    _add_look(recording, f"{CONFIDENCE}/{name}", [lane.words], [person])
    number = lane.words.removeprefix("person ")
    joints = motion.skeleton.joints
    _add_look(
        recording,
        f"{JOINT_CONFIDENCE}/{name}",
        [f"{number} {joint}" for joint in joints],
        [joint_colour(joint, person) for joint in joints],
    )
    drawn = [ANGLES[angle] for angle in angles]
    middle = [angle for angle in drawn if not angle.side]
    for angle in drawn:
        colour = {"left": LEFT, "right": RIGHT, "": person}[angle.side]
        # People share the colours of the sides and differ in shade; in the middle, angles do.
        turn = lane.number if angle.side else middle.index(angle)
        words = (number, angle.side, angle.label)
        _add_look(
            recording,
            angle_path(name, angle),
            [" ".join(filter(None, words))],
            [_shaded(colour, _SHADES[turn % len(_SHADES)])],
        )


def _add_look(
    recording: rr.RecordingStream, path: str, names: list[str], colours: list[Colour]
) -> None:
    widths = [_WIDTH] * len(names)
    looks = rr.SeriesLines(names=names, colors=colours, widths=widths)
    recording.log(path, looks, static=True, strict=True)


def _shaded(colour: Colour, shade: float) -> Colour:
    """The colour mixed with white (``shade`` > 0) or black (< 0)."""
    goal = 255 if shade > 0 else 0
    red, green, blue = (round(part + (goal - part) * abs(shade)) for part in colour)
    return red, green, blue
