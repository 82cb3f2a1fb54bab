"""The skeleton of an OpenMMLab network, from its number of keypoints."""

from __future__ import annotations

from mbcli.skeleton import COCO17, HALPE26, WHOLEBODY23, Skeleton

# Of COCO-WholeBody's 133 keypoints, body and feet come first; face and hands are not used.
_BY_NUMBER: dict[int, Skeleton] = {17: COCO17, 26: HALPE26, 133: WHOLEBODY23}


def skeleton_of(keypoints: int) -> Skeleton | None:
    """The skeleton of the first keypoints; None for an unknown number.

    Args:
        keypoints: number of keypoints that the network returns.
    """
    return _BY_NUMBER.get(keypoints)


def known_numbers() -> str:
    """The numbers that `skeleton_of` knows, as text for messages."""
    return ", ".join(f"{number} ({s.name})" for number, s in _BY_NUMBER.items())
