"""Which data each step uses: the published order of 3D data and videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mbcli.train.schedule import Epochs

ClipSource = Literal["drawn", "poses", "videos"]


@dataclass(frozen=True)
class Curriculum:
    """The order of an epoch: the videos once they are added, the poses, the drawn clips.

    Attributes:
        drawn: steps per epoch on clips drawn from motion.
        poses: steps per epoch on 3D poses.
        videos: steps per epoch on 2D keypoints.
        start_videos: epochs on 3D data before the videos are added.
    """

    drawn: int
    poses: int
    videos: int
    start_videos: int = 0

    @property
    def steps(self) -> int:
        """Steps in a full epoch."""
        return self.drawn + self.poses + self.videos

    @property
    def epochs(self) -> Epochs:
        """Lengths of the epochs without and with the videos."""
        early = self.start_videos if self.videos else 0
        return Epochs(self.steps, early, self.drawn + self.poses)

    def turn(self, step: int) -> tuple[ClipSource, int]:
        """The source of a step, and the number of earlier steps with that source."""
        first = self.drawn + self.poses
        early = self.start_videos * first if self.videos else 0
        if step < early:
            epoch, within = divmod(step, first)
            within += self.videos
        else:
            epoch, within = divmod(step - early, self.steps)
            epoch += self.start_videos if self.videos else 0
        if within < self.videos:
            return "videos", (epoch - self.start_videos) * self.videos + within
        within -= self.videos
        if within < self.poses:
            return "poses", epoch * self.poses + within
        return "drawn", epoch * self.drawn + within - self.poses
