"""The meaning of colours in all pictures, pages and viewers: the side of a limb, and the person."""

from __future__ import annotations

from mbcli.skeleton import Skeleton

Colour = tuple[int, int, int]  # red, green, blue, 0..255

# A warm and a cool tone that also differ in brightness, so that colour-blind people can tell them
# apart.
LEFT: Colour = (255, 166, 43)
RIGHT: Colour = (52, 132, 255)

# Nobody is orange or blue, as the sides are.
_PEOPLE: tuple[Colour, ...] = (
    (92, 214, 120),
    (226, 110, 232),
    (240, 228, 92),
    (238, 96, 104),
    (232, 232, 232),
    (72, 214, 206),
    (166, 134, 250),
    (196, 160, 118),
)


def person_colour(column: int) -> Colour:
    """The colour of the person in a column of the motion, constant over the clip."""
    return _PEOPLE[column % len(_PEOPLE)]


def joint_colour(joint: str, person: Colour) -> Colour:
    """The colour of a joint: that of its side, or the person's for the middle of the body."""
    if joint.startswith("left_"):
        return LEFT
    return RIGHT if joint.startswith("right_") else person


def bone_colours(skeleton: Skeleton, person: Colour) -> tuple[Colour, ...]:
    """A colour for each of ``skeleton.bones``: by side for limbs, the person's for the trunk."""
    return tuple(joint_colour(skeleton.joints[child], person) for _, child in skeleton.bones)
