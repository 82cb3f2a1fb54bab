"""What stands on the backbone to recognise actions (Zhu et al. 2023, section 3.4).

The motion representation of everybody in a clip is averaged over time and people; a small head
makes a class or an embedding of it. Tensor names are the published ones.

Letters in the shape comments: B clips, M people, T frames, J joints, R representation width,
H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from mbcli.lift.model import DSTformer

HIDDEN = 2048  # as published


class _Pooling(nn.Module):
    """Dropout, then the mean over frames and people."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def pooled(self, features: Tensor) -> Tensor:
        """Map (B, M, T, J, R) to (B, J * R)."""
        frames = self.dropout(features).mean(dim=2)  # (B, M, J, R)
        return frames.flatten(2).mean(dim=1)  # (B, J * R)


class ActionHead(_Pooling):
    """Classes: one hidden layer with batch normalisation.

    Args:
        features: numbers of a person, J * R.
        classes: how many.
        hidden: width H of the hidden layer.
        dropout: probability with which a number of the representation is dropped in training.
    """

    def __init__(
        self, features: int, classes: int, hidden: int = HIDDEN, dropout: float = 0.0
    ) -> None:
        super().__init__(dropout)
        self.bn = nn.BatchNorm1d(hidden, momentum=0.1)
        self.fc1 = nn.Linear(features, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, M, T, J, R) to (B, classes) logits."""
        x = F.relu(self.bn(self.fc1(self.pooled(features))))  # (B, H)
        return self.fc2(x)  # (B, classes)


class EmbeddingHead(_Pooling):
    """A point on the unit sphere, near those of the same action.

    Args:
        features: numbers of a person, J * R.
        hidden: dimensions H of the embedding.
        dropout: probability with which a number of the representation is dropped in training.
    """

    def __init__(self, features: int, hidden: int = HIDDEN, dropout: float = 0.0) -> None:
        super().__init__(dropout)
        self.fc1 = nn.Linear(features, hidden)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, M, T, J, R) to (B, H) of length 1."""
        return F.normalize(self.fc1(self.pooled(features)), dim=-1)  # (B, H)


class ActionNet(nn.Module):
    """A backbone with a head; the backbone's own map to 3D poses is not used.

    Args:
        backbone: gives the motion representation of each person.
        head: makes something of it.
    """

    def __init__(self, backbone: DSTformer, head: ActionHead | EmbeddingHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        """Recognise a batch of clips.

        Args:
            x: (B, M, T, 17, 3) normalised x, y and confidence; missing joints and absent people
                are (0, 0, 0).

        Returns:
            (B, classes) logits, or (B, H) embeddings of length 1.
        """
        people = x.flatten(0, 1)  # (B * M, T, J, 3)
        # Most partners of a data set are not there, and all of these look the same: one is enough.
        there = people.flatten(1).any(dim=1)  # (B * M,)
        numbers = torch.arange(len(people), device=x.device)
        stand_in = torch.where(there, numbers, (~there).int().argmax())  # (B * M,)
        shown, place = torch.unique(stand_in, return_inverse=True)
        features = self.backbone.get_representation(people[shown])[place]  # (B * M, T, J, R)
        return self.head(features.reshape(*x.shape[:-1], -1))


def new_head(
    backbone: DSTformer, classes: int | None, *, hidden: int, dropout: float, seed: int
) -> ActionHead | EmbeddingHead:
    """A head with random weights that fits a backbone.

    Args:
        backbone: what it stands on.
        classes: how many, or None for an embedding.
        hidden: width of the hidden layer, or of the embedding.
        dropout: see the heads.
        seed: of the weights; the same for the same seed.
    """
    features = backbone.config.num_joints * backbone.config.dim_rep
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if classes is None:
            return EmbeddingHead(features, hidden, dropout)
        return ActionHead(features, classes, hidden, dropout)
