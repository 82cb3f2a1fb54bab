"""Drawing: a motion on its video and in space, as videos and pictures."""

from mbcli.show.drawing.files import SUFFIXES, render
from mbcli.show.drawing.movies import RenderReport
from mbcli.show.drawing.options import RenderOptions

__all__ = ["SUFFIXES", "RenderOptions", "RenderReport", "render"]
