"""How the viewer gets the video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mbcli.flags import check, option

Footage = Literal["auto", "file", "pictures", "none"]


@dataclass(frozen=True)
class ViewOptions:
    """How `mbcli.show.rerun.view.view` shows a motion.

    Attributes:
        footage: ``file`` stores the video as it is, ``pictures`` its pictures, ``auto`` what this
            machine can show, ``none`` nothing; see :func:`mbcli.show.rerun.video.add_video`.

    Raises:
        ConfigError: a value outside its rule.
    """

    footage: Footage = option(
        "auto",
        "Store the video as it is (small; needs ffmpeg to be shown unless it is AV1), its "
        "pictures, or nothing; auto is the file where this machine could show it.",
        choices=get_args(Footage),
    )

    def __post_init__(self) -> None:
        check(self)
