"""Videos and pictures of a motion: skeletons on the video, 3D views, or both."""
