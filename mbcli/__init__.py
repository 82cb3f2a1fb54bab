"""mbcli: 3D motion of every person in a video.

    import mbcli

    motion = mbcli.infer("walk.mp4")        # Motion3D
    motion = mbcli.load("pose.npz")         # the same, from a file

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mbcli.errors import MbcliError
    from mbcli.motion import Motion3D
    from mbcli.motion import load_motion as load
    from mbcli.motion import save_motion as save
    from mbcli.options import InferOptions
    from mbcli.pipeline import infer
    from mbcli.report import InferReport
    from mbcli.types import Frame, FramePoses, Keypoints2D

__version__ = "0.1.0"

__all__ = [
    "Frame",
    "FramePoses",
    "InferOptions",
    "InferReport",
    "Keypoints2D",
    "MbcliError",
    "Motion3D",
    "__version__",
    "infer",
    "load",
    "save",
]

# public name -> (module, name there)
_WHERE = {
    "Frame": ("mbcli.types", "Frame"),
    "FramePoses": ("mbcli.types", "FramePoses"),
    "InferOptions": ("mbcli.options", "InferOptions"),
    "InferReport": ("mbcli.report", "InferReport"),
    "Keypoints2D": ("mbcli.types", "Keypoints2D"),
    "MbcliError": ("mbcli.errors", "MbcliError"),
    "Motion3D": ("mbcli.motion", "Motion3D"),
    "infer": ("mbcli.pipeline", "infer"),
    "load": ("mbcli.motion", "load_motion"),
    "save": ("mbcli.motion", "save_motion"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'mbcli' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
