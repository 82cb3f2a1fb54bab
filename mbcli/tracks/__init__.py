"""From a video, a keypoint file or both to 2D keypoint tracks: the street up to the lifter."""
