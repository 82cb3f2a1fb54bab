"""Live poses on the screen: a window, or a page for a browser on this machine."""

from __future__ import annotations

import os
import sys
from typing import Protocol

import cv2
import numpy as np

from mbcli.errors import ConfigError
from mbcli.live.page import Page
from mbcli.live.run import LivePose, LiveReport
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.compose import Composer
from mbcli.show.drawing.lettering import text_height, write
from mbcli.show.drawing.options import RenderOptions
from mbcli.show.drawing.sizes import panels
from mbcli.show.drawing.styles import STYLES
from mbcli.video.presentation import RgbImage

_WIDTH = 960  # pixels of the picture and the view in space together
_OPTIONS = RenderOptions(layout="side", camera="follow")
_TITLE = "mbcli live (q ends)"
_ENDS = (ord("q"), 27)  # keys: q and Escape


class View(Protocol):
    """Shows pictures."""

    def show(self, picture: RgbImage) -> bool:
        """Show a picture; False if whoever watches has ended the run."""
        ...

    def close(self) -> None:
        """Take the view away."""
        ...


def drawn(pose: LivePose, report: LiveReport) -> RgbImage:
    """The frame with everybody in it, their poses in space beside it, and how the run is going."""
    style = STYLES[_OPTIONS.style]
    if pose.motion is None:
        size, parts = panels(_OPTIONS.layout, pose.frame.size, _WIDTH)
        image = np.empty((size[1], size[0], 3), np.uint8)
        canvas = Canvas.on_rgb(image)
        canvas.fill(style.background)
        left = next(part for part in parts if part.name == "picture")
        canvas.part(left.left, left.top, *left.size).paste_picture(pose.frame.image)
    else:
        composer = Composer(pose.motion, _OPTIONS, width=_WIDTH)
        image = composer.compose_rgb(pose.row, pose.frame.image)
        canvas = Canvas.on_rgb(image)
    letters = text_height(canvas.size)
    words = (
        f"{report.fps:.0f} poses/s   {1000 * pose.latency:.0f} ms   "
        f"{report.given - report.seen} of {report.given} frames left out"
    )
    write(
        canvas,
        words,
        (letters, canvas.size[1] - 3 * letters),
        letters,
        style.text,
        plate=style.plate,
    )
    return image


def has_screen() -> bool:
    """Whether windows can be opened."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_view(kind: str, port: int) -> View | None:
    """Open a view.

    Args:
        kind: ``window``, ``page``, ``auto`` or ``none``, see `LiveOptions.view`.
        port: port of the page.

    Raises:
        ConfigError: a window is asked for where none can be opened, or the port is in use.
    """
    if kind == "none":
        return None
    if kind == "window" or (kind == "auto" and has_screen()):
        try:
            return Window()
        except cv2.error as error:
            if kind == "window":
                raise ConfigError(
                    "--view window needs a screen and an OpenCV that can open windows; "
                    "--view page needs neither"
                ) from error
    return Page(port)


class Window:
    """A window by OpenCV, in the thread that opened it."""

    def __init__(self) -> None:
        cv2.namedWindow(_TITLE)

    def show(self, picture: RgbImage) -> bool:
        """See `View.show`."""
        cv2.imshow(_TITLE, picture[..., ::-1])
        key = cv2.waitKey(1) & 0xFF
        return key not in _ENDS and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) > 0

    def close(self) -> None:
        """See `View.close`."""
        cv2.destroyWindow(_TITLE)
