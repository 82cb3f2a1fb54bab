"""Videos and pictures of a motion: the video with skeletons on it, views in space, or both."""
