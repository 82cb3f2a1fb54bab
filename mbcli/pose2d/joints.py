"""Which skeleton a network of OpenMMLab has, by the number of its keypoints."""

from __future__ import annotations

from mbcli.skeleton import COCO17, HALPE26, WHOLEBODY23, Skeleton

# Of COCO-WholeBody's 133 the body and the feet come first; face and hands are not used.
_BY_NUMBER: dict[int, Skeleton] = {17: COCO17, 26: HALPE26, 133: WHOLEBODY23}


def skeleton_of(keypoints: int) -> Skeleton | None:
    """The skeleton of the first keypoints; None if there is none of that number.

    Args:
        keypoints: how many the network gives.
    """
    return _BY_NUMBER.get(keypoints)


def known_numbers() -> str:
    """The numbers for which `skeleton_of` has an answer, for people."""
    return ", ".join(f"{number} ({s.name})" for number, s in _BY_NUMBER.items())
