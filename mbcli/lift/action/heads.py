"""Heads on the backbone that recognise actions (Zhu et al. 2023, section 3.4).

The motion representation of everybody in a clip is averaged over time and people; a small head
turns it into a class or an embedding. Tensor names are the published ones.

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
    """Classification: one hidden layer with batch normalisation.

    Args:
        features: numbers per person, J * R.
        classes: number of classes.
        hidden: width H of the hidden layer.
        dropout: dropout probability of the representation in training.
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
    """Embedding: a point on the unit sphere, close to those of the same action.

    Args:
        features: numbers per person, J * R.
        hidden: dimensions H of the embedding.
        dropout: dropout probability of the representation in training.
    """

    def __init__(self, features: int, hidden: int = HIDDEN, dropout: float = 0.0) -> None:
        super().__init__(dropout)
        self.fc1 = nn.Linear(features, hidden)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, M, T, J, R) to (B, H) of length 1."""
        return F.normalize(self.fc1(self.pooled(features)), dim=-1)  # (B, H)


class ActionNet(nn.Module):
    """A backbone with a head; the backbone's own 3D pose output is not used.

    Args:
        backbone: computes the motion representation of each person.
        head: turns it into logits or an embedding.
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
        # Most second people of a data set are absent and look alike: computing one is enough.
        there = people.flatten(1).any(dim=1)  # (B * M,)
        numbers = torch.arange(len(people), device=x.device)
        stand_in = torch.where(there, numbers, (~there).int().argmax())  # (B * M,)
        shown, place = torch.unique(stand_in, return_inverse=True)
        features = self.backbone.get_representation(people[shown])[place]  # (B * M, T, J, R)
        return self.head(features.reshape(*x.shape[:-1], -1))


def new_head(
    backbone: DSTformer, classes: int | None, *, hidden: int, dropout: float, seed: int
) -> ActionHead | EmbeddingHead:
    """A head with random weights for a backbone.

    Args:
        backbone: the backbone.
        classes: number of classes, or None for an embedding.
        hidden: width of the hidden layer, or of the embedding.
        dropout: see the heads.
        seed: seed of the weights.
    """
    features = backbone.config.num_joints * backbone.config.dim_rep
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if classes is None:
            return EmbeddingHead(features, hidden, dropout)
        return ActionHead(features, classes, hidden, dropout)
