"""Published data sets with 2D keypoints, read into sequence stores, one file a data set."""
