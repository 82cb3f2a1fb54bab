"""MotionBERT's mesh model: a DSTformer with a head for the pose and shape of a body.

Zhu et al. 2023, section 3.4 ("Human mesh recovery"). Tensor names are the published ones.

Letters in the shape comments: B clips, T frames, J joints of the skeleton, R representation
width, H hidden width, K joints of the body, S numbers of its shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from mbcli.lift.body.body_model import JOINTS, upright
from mbcli.lift.body.rotations import matrices_from_six, six_from_matrices
from mbcli.lift.model import DSTformer

PUBLISHED_HIDDEN = 1024  # width of the hidden layers in MotionBERT's configuration
_INIT_GAIN = 0.01  # as published: the head begins near the mean body


@dataclass(frozen=True)
class MeshHeadConfig:
    """Dimensions of a mesh head; the defaults are the published ones, for SMPL.

    Attributes:
        hidden: width H of the hidden layers.
        shapes: number S of shape parameters.
        dropout: dropout probability of the representation in training.
    """

    hidden: int = PUBLISHED_HIDDEN
    shapes: int = 10
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.shapes < 1:
            raise ValueError(
                f"a mesh head needs 1 or more hidden units and shapes, "
                f"got {self.hidden} and {self.shapes}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"a mesh head's dropout must be 0 to less than 1, got {self.dropout}")


class MeshHead(nn.Module):
    """The pose of every frame and one shape per clip, each from its own hidden layer.

    Args:
        features: numbers in a frame's representation, joints times width.
        config: the dimensions.
    """

    init_pose: Tensor
    init_shape: Tensor

    def __init__(self, features: int, config: MeshHeadConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.dropout)
        self.fc1 = nn.Linear(features, config.hidden)
        self.fc2 = nn.Linear(features, config.hidden)
        self.bn1 = nn.BatchNorm1d(config.hidden)
        self.bn2 = nn.BatchNorm1d(config.hidden)
        self.head_pose = nn.Linear(config.hidden, 6 * len(JOINTS))
        self.head_shape = nn.Linear(config.hidden, config.shapes)
        for layer in (self.head_pose, self.head_shape):
            nn.init.xavier_uniform_(layer.weight, gain=_INIT_GAIN)
        # The layers' outputs are added to these; published files hold SMPL's mean pose and shape.
        self.register_buffer("init_pose", six_from_matrices(upright()).reshape(1, -1))
        self.register_buffer("init_shape", torch.zeros(1, config.shapes))

    def forward(self, representation: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, T, J, R) to rotations (B, T, K, 3, 3) and shapes (B, S)."""
        frames = representation.flatten(2)  # (B, T, J*R)
        batch, length = frames.shape[:2]
        each = self.dropout(frames.flatten(0, 1))  # (B*T, J*R)
        each = F.relu(self.bn1(self.fc1(each)))  # (B*T, H)
        six = self.head_pose(each) + self.init_pose  # (B*T, 6K)
        whole = self.dropout(frames.mean(dim=1))  # (B, J*R)
        whole = F.relu(self.bn2(self.fc2(whole)))  # (B, H)
        shape = self.head_shape(whole) + self.init_shape  # (B, S)
        rotations = matrices_from_six(six.view(batch, length, len(JOINTS), 6))
        return rotations, shape  # (B, T, K, 3, 3), (B, S)


class MeshNet(nn.Module):
    """Maps 2D keypoint clips to the rotations and shape of a body, without the body itself.

    Args:
        backbone: the DSTformer.
        head: dimensions of the head on top of it.
    """

    def __init__(self, backbone: DSTformer, head: MeshHeadConfig) -> None:
        super().__init__()
        self.config = backbone.config
        self.head_config = head
        self.backbone = backbone
        self.head = MeshHead(self.config.num_joints * self.config.dim_rep, head)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Recover a batch of clips.

        Args:
            x: (B, T, J, 3) normalised x, y and confidence; missing joints are (0, 0, 0).

        Returns:
            (B, T, 24, 3, 3) rotations, see `mbcli.lift.body.body_model`, and (B, S) shapes.
        """
        return self.head(self.backbone.get_representation(x))
