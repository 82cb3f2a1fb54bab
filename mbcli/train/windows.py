"""From pixels to the input of a network: the window of a clip, missing joints, mirror images.

Tensors of H36M-17 joints: 2D keypoints (B, T, 17, 3) = x, y, confidence and 3D targets
(B, T, 17, 3), both in pixels before, in image units after.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mbcli.skeleton import H36M17

_PELVIS = H36M17.index("pelvis")
_MIRROR = list(H36M17.mirror)


def without_gaps(keypoints: Tensor) -> Tensor:
    """Replace missing joints (NaN, NaN, 0) by the token (0, 0, 0)."""
    return torch.where(keypoints[..., 2:] > 0, keypoints.nan_to_num(), 0.0)  # (B, T, 17, 3)


def crop_window(keypoints: Tensor) -> tuple[Tensor, Tensor]:
    """The square around all keypoints of a clip.

    Returns:
        Its centre (B, 1, 1, 2) and half its side (B, 1, 1, 1); a clip without keypoints gets a
        square around 0.
    """
    seen = keypoints[..., 2:] > 0  # (B, T, 17, 1)
    xy = keypoints[..., :2]
    low = torch.where(seen, xy, torch.inf).amin(dim=(1, 2), keepdim=True)  # (B, 1, 1, 2)
    high = torch.where(seen, xy, -torch.inf).amax(dim=(1, 2), keepdim=True)  # (B, 1, 1, 2)
    empty = ~seen.any(dim=1, keepdim=True).any(dim=2, keepdim=True)  # (B, 1, 1, 1)
    low, high = torch.where(empty, -1.0, low), torch.where(empty, 1.0, high)
    half = ((high - low).amax(dim=-1, keepdim=True) / 2).clamp_min(1e-6)  # (B, 1, 1, 1)
    return (low + high) / 2, half


def image_window(sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The whole picture, -1..1 across its width, as published for Human3.6M.

    Args:
        sizes: (B, 2) width and height in pixels.
    """
    return sizes[:, None, None] / 2, sizes[:, None, None, :1] / 2


def seen_through(points: Tensor, window: tuple[Tensor, Tensor]) -> Tensor:
    """Convert 2D keypoints to image units; missing ones stay (0, 0, 0)."""
    middle, half = window
    xy = (points[..., :2] - middle) / half
    return torch.cat([xy, points[..., 2:]], dim=-1) * (points[..., 2:] > 0)  # (B, T, 17, 3)


def target_through(target: Tensor, window: tuple[Tensor, Tensor]) -> Tensor:
    """Convert 3D targets to image units, with depth at the scale of x and y."""
    middle, half = window
    xy = (target[..., :2] - middle) / half
    return torch.cat([xy, target[..., 2:] / half], dim=-1)  # (B, T, 17, 3)


def rooted(target: Tensor, root: str) -> Tensor:
    """Make targets relative to the root.

    Args:
        target: (B, T, 17, 3).
        root: ``picture``: the pelvis' position in the picture, depth relative to the pelvis;
            ``first``: depth relative to the pelvis of the clip's first frame (published, global);
            ``relative``: everything relative to the pelvis (published, root-relative).
    """
    pelvis = target[:, :, _PELVIS, None]  # (B, T, 1, 3)
    if root == "relative":
        return target - pelvis
    depth = pelvis[..., 2:] if root == "picture" else pelvis[:, :1, :, 2:]
    return torch.cat([target[..., :2], target[..., 2:] - depth], dim=-1)  # (B, T, 17, 3)


def mirrored(points: Tensor, chosen: Tensor) -> Tensor:
    """Mirror some clips: x changes sign, left and right swap.

    Args:
        points: (B, T, 17, C) in image units, x first.
        chosen: (B,) which clips.
    """
    other = points[:, :, _MIRROR].clone()
    other[..., 0] *= -1
    return torch.where(chosen[:, None, None, None], other, points)
