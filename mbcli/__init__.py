"""mbcli: 3D motion of every person in a video.

    import mbcli

    motion = mbcli.infer("walk.mp4")                         # Motion3D; or mbcli.load("pose.npz")
    motion.save("pose.npz")
    motion = mbcli.refine(motion, mbcli.RefineOptions(feet=True, world=True))
    mbcli.render(motion, "walk_3d.mp4")                      # also .gif, .png and .html
    mbcli.export(motion, "walk.bvh")                         # by the suffix
    mbcli.plot(motion, "angles.pdf")
    mbcli.view(motion)                                       # or save="walk.rrd"

These are the functions behind the commands of the same names. They are loaded when they are first
used, so that importing the package costs nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mbcli.errors import MbcliError
    from mbcli.exports.export import export
    from mbcli.exports.options import ExportOptions
    from mbcli.motion import Motion3D, Refinement
    from mbcli.motion import load_motion as load
    from mbcli.motion import save_motion as save
    from mbcli.options import InferOptions
    from mbcli.pipeline import infer
    from mbcli.refinement.options import RefineOptions
    from mbcli.refinement.refine import refine
    from mbcli.report import InferReport
    from mbcli.show.drawing.options import RenderOptions
    from mbcli.show.plots.figure import plot
    from mbcli.show.plots.options import PlotOptions
    from mbcli.show.render import render
    from mbcli.show.rerun.view import view
    from mbcli.types import Frame, FramePoses, Keypoints2D

# onnxruntime reports its use to its makers unless this is set before its library is loaded. Here it
# is set in every process that loads anything of mbcli, and in those that they start.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__: str

__all__ = [
    "ExportOptions",
    "Frame",
    "FramePoses",
    "InferOptions",
    "InferReport",
    "Keypoints2D",
    "MbcliError",
    "Motion3D",
    "PlotOptions",
    "RefineOptions",
    "Refinement",
    "RenderOptions",
    "__version__",
    "export",
    "infer",
    "load",
    "plot",
    "refine",
    "render",
    "save",
    "view",
]

# public name -> (module, name there)
_WHERE = {
    "ExportOptions": ("mbcli.exports.options", "ExportOptions"),
    "Frame": ("mbcli.types", "Frame"),
    "FramePoses": ("mbcli.types", "FramePoses"),
    "InferOptions": ("mbcli.options", "InferOptions"),
    "InferReport": ("mbcli.report", "InferReport"),
    "Keypoints2D": ("mbcli.types", "Keypoints2D"),
    "MbcliError": ("mbcli.errors", "MbcliError"),
    "Motion3D": ("mbcli.motion", "Motion3D"),
    "PlotOptions": ("mbcli.show.plots.options", "PlotOptions"),
    "RefineOptions": ("mbcli.refinement.options", "RefineOptions"),
    "Refinement": ("mbcli.motion", "Refinement"),
    "RenderOptions": ("mbcli.show.drawing.options", "RenderOptions"),
    "export": ("mbcli.exports.export", "export"),
    "infer": ("mbcli.pipeline", "infer"),
    "load": ("mbcli.motion", "load_motion"),
    "plot": ("mbcli.show.plots.figure", "plot"),
    "refine": ("mbcli.refinement.refine", "refine"),
    "render": ("mbcli.show.render", "render"),
    "save": ("mbcli.motion", "save_motion"),
    "view": ("mbcli.show.rerun.view", "view"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = import_module("mbcli.version").version()
    elif name in _WHERE:
        module, attribute = _WHERE[name]
        value = getattr(import_module(module), attribute)
    else:
        raise AttributeError(f"module 'mbcli' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
