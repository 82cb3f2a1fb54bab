"""Reading and writing of frames: videos, single images and image folders as one stream."""

from mbcli.video.ahead import ahead
from mbcli.video.gif import write_gif
from mbcli.video.planar import Planar
from mbcli.video.reader import VideoInfo, VideoReader, list_videos, probe
from mbcli.video.sound import Sound, sound_of
from mbcli.video.writer import write_video

__all__ = [
    "Planar",
    "Sound",
    "VideoInfo",
    "VideoReader",
    "ahead",
    "list_videos",
    "probe",
    "sound_of",
    "write_gif",
    "write_video",
]
