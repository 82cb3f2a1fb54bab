"""Drawing: a motion on its video and in space, as videos and pictures."""

from mbcli.drawing.files import SUFFIXES, render
from mbcli.drawing.movies import RenderReport
from mbcli.drawing.options import RenderOptions

__all__ = ["SUFFIXES", "RenderOptions", "RenderReport", "render"]
