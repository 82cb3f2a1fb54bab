"""The bundled 2D front end: Google's MoveNet on onnxruntime, CPU only.

MultiPose finds people and Thunder follows them, see `mbcli.pose2d.one_by_one`.
"""

from __future__ import annotations

from mbcli.pose2d.movenet_nets import Thunder
from mbcli.pose2d.one_by_one import OneByOne
from mbcli.skeleton import COCO17, Skeleton


class MoveNet(OneByOne):
    """Detects people with MultiPose and follows each with Thunder; a `mbcli.pose2d.Pose2D`."""

    name: str = "movenet"
    skeleton: Skeleton = COCO17
    weights: tuple[str, ...] = ("movenet-thunder", "movenet-multipose")

    def __init__(
        self,
        *,
        threads: int | None = None,
        search_every: float = 0.2,
        person_threshold: float = 0.2,
    ) -> None:
        """Load both networks; see `OneByOne` for arguments and errors."""
        super().__init__(
            Thunder(threads),
            "MultiPose and Thunder",
            threads=threads,
            search_every=search_every,
            person_threshold=person_threshold,
        )
