"""The skeleton of an OpenMMLab network, from its number of keypoints."""

from __future__ import annotations

from mbcli.skeleton import COCO17, HALPE26, WHOLEBODY27, WHOLEBODY_PLACES, Skeleton

# Of COCO-WholeBody's 133 keypoints, the face is not used, and of hands only two knuckles.
_BY_NUMBER: dict[int, Skeleton] = {17: COCO17, 26: HALPE26, 133: WHOLEBODY27}


def places_of(skeleton: Skeleton) -> list[int]:
    """Where the joints of a skeleton are among the keypoints of a network."""
    return list(WHOLEBODY_PLACES if skeleton is WHOLEBODY27 else range(len(skeleton)))


def skeleton_of(keypoints: int) -> Skeleton | None:
    """The skeleton of the keypoints that are used; None for an unknown number.

    Args:
        keypoints: number of keypoints that the network returns.
    """
    return _BY_NUMBER.get(keypoints)


def known_numbers() -> str:
    """The numbers that `skeleton_of` knows, as text for messages."""
    return ", ".join(f"{number} ({s.name})" for number, s in _BY_NUMBER.items())
