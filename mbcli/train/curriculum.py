"""Which data come at which step: the published order of 3D data and videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mbcli.train.schedule import Epochs

Source = Literal["drawn", "poses", "videos"]


@dataclass(frozen=True)
class Curriculum:
    """An epoch is, in this order: the videos once they have come in, the poses, the drawn clips.

    Attributes:
        drawn: steps an epoch of clips drawn from motion.
        poses: steps an epoch of 3D poses.
        videos: steps an epoch of 2D keypoints.
        start_videos: epochs on 3D data before the videos come in.
    """

    drawn: int
    poses: int
    videos: int
    start_videos: int = 0

    @property
    def steps(self) -> int:
        """Steps of a whole epoch."""
        return self.drawn + self.poses + self.videos

    @property
    def epochs(self) -> Epochs:
        """Lengths of the epochs, without the videos and with them."""
        early = self.start_videos if self.videos else 0
        return Epochs(self.steps, early, self.drawn + self.poses)

    def turn(self, step: int) -> tuple[Source, int]:
        """The source of a step, and how many steps of that source came before it."""
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
