"""Frames in, frames out: videos, single images and image folders as one stream of pictures."""

from mbcli.video.reader import VideoInfo, VideoReader, list_videos, probe
from mbcli.video.writer import write_video

__all__ = ["VideoInfo", "VideoReader", "list_videos", "probe", "write_video"]
