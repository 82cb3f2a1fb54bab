"""The options of the viewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mbcli.flags import check, option

Footage = Literal["auto", "file", "pictures", "none"]


@dataclass(frozen=True)
class ViewOptions:
    """Options of `mbcli.show.rerun.view.view`.

    Attributes:
        footage: ``file`` stores the video file, ``pictures`` its pictures, ``auto`` what this
            machine can show, ``none`` nothing; see :func:`mbcli.show.rerun.video.add_video`.

    Raises:
        ConfigError: a value breaks its rule.
    """

    footage: Footage = option(
        "auto",
        "Store the video file (small; needs ffmpeg for display unless it is AV1), its pictures, or "
        "nothing; auto stores the file if this machine can show it.",
        choices=get_args(Footage),
    )

    def __post_init__(self) -> None:
        check(self)
