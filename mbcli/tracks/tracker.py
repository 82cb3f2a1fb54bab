"""Tracking: identities over time for the people that a 2D front end detects frame by frame.

Association between frames is by OC-SORT (Cao et al. 2023, "Observation-Centric SORT") as
implemented in the ``trackers`` library, which is maintained, under Apache-2.0, and accepts time
stamps. Of its trackers, OC-SORT was chosen because it

- starts from where somebody was last *observed*, not from a filter's extrapolation, so that people
  who stop, turn or come back keep their identity;
- takes the direction of motion into account;
- returns every box that it receives.

On 48 synthetic scenes (five people who cross, out of sight for up to a second, at 5, 15, 30 and 60
frames per second) it assigned the right identity to 91 % of the detections, C-BIoU to 91 %,
BoT-SORT without camera compensation to 90 % (76 % at 5 frames per second), SORT and ByteTrack to
89 %. Two people of exactly equal size who pass behind each other may be swapped for a frame; people
of different size rarely are.

`mbcli.tracks.joining` improves the result once the whole clip is known.
"""

from __future__ import annotations

import numpy as np

from mbcli.types import FramePoses, IntArray

# The figures below are from two people in each of five clips, 11 seconds in total, whose tracks
# were compared with themselves at a later time (`research.thresholds`).

# How long the online tracker remembers somebody out of sight: its own default.
LOST_SECONDS = 1.0
# Boxes of one person 0.2 s apart overlapped by at least 0.18. At 5 frames per second, boxes of
# people who walk across the picture hardly overlap at all.
_MIN_IOU = 0.1


class Tracker:
    """Assigns track numbers to the people in each frame, online."""

    def __init__(self, fps: float, *, lost_seconds: float = LOST_SECONDS) -> None:
        """Start without any tracks.

        Args:
            fps: mean frames per second; the time stamps of the frames take precedence.
            lost_seconds: how long a person out of sight is remembered.
        """
        # Imported on use: the library loads OpenCV and SciPy, more than a second in all.
        import supervision
        from trackers import OCSORTTracker

        self._boxes_type = supervision.Detections
        self._tracker = OCSORTTracker(
            lost_track_buffer=max(1, round(30 * lost_seconds)),  # in frames at 30 a second
            frame_rate=fps,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=_MIN_IOU,
        )

    def update(self, poses: FramePoses) -> IntArray:
        """Identities of one frame's people; frames must come in order of time.

        Returns:
            (P,) int64: the number of each person's track, or -1 for a new person, who gets a number
            in the next frame.
        """
        ids = np.full(len(poses), -1, dtype=np.int64)
        boxes = self._boxes_type(
            xyxy=np.array(poses.boxes, dtype=np.float32),
            # The order may change; each box carries its row number.
            data={"row": np.arange(len(poses))},
        )
        tracked = self._tracker.update(boxes, timestamp=poses.time)
        if len(tracked):
            ids[tracked.data["row"]] = np.asarray(tracked.tracker_id)
        return ids
