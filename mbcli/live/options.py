"""The options of a live run, checked before the camera is opened."""

from __future__ import annotations

from dataclasses import dataclass

from mbcli.errors import ConfigError
from mbcli.flags import option
from mbcli.options import NETWORKS, InferOptions

LIVE = "Live"
VIEWS = ("auto", "window", "page", "none")

# What needs the whole clip, or a file.
NOT_LIVE = (
    "start",
    "end",
    "every",
    "cuts",
    "pose2d_rate",
    "camera_motion",
    "image_size",
    "fps",
    "joint_map",
    "compat",
    "root_relative",
    "action",
    "mesh",
    "body_model",
)


def address(text: str) -> tuple[str, int]:
    """Parse HOST:PORT.

    Raises:
        ConfigError: the text has another form.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
        raise ConfigError(f"--osc must be HOST:PORT, such as 127.0.0.1:39539, got {text!r}")
    return host, int(port)


@dataclass(frozen=True)
class LiveOptions(InferOptions):
    """Options of a live run; of `InferOptions`, those in ``NOT_LIVE`` have no effect.

    Attributes:
        flip: off unless asked for, as it doubles the time of lifting.
        latency: seconds by which a pose lags behind the newest frame, in order to know what follows
            it; 0 means the newest frame's.
        span: seconds before the newest frame that the lifter sees.
        view: ``window`` on the screen, ``page`` for a browser on this machine, ``auto`` for a
            window where there is a screen, or ``none``.
        port: port of the page; 0 takes a free one.
        osc: (host, port) that receives one person in VMC's form.

    Raises:
        ConfigError: a value breaks its rule.
    """

    flip: bool = option(
        False, "Average with the mirror image: better but slower.", panel=NETWORKS, lifts=True
    )
    latency: float = option(
        0.0,
        "Seconds that a pose waits for the frames after it; 0 gives the newest frame's.",
        panel=LIVE,
        metavar="SECONDS",
        least=0,
        most=1,
        unit="seconds",
    )
    span: float = option(
        1.0,
        "Seconds before the newest frame that the lifter sees.",
        panel=LIVE,
        metavar="SECONDS",
        least=0.1,
        most=10,
        unit="seconds",
    )
    view: str = option("auto", "How the result is shown.", panel=LIVE, choices=VIEWS)
    port: int = option(0, "Port of the page; 0 takes a free one.", panel=LIVE, least=0, most=65535)
    osc: tuple[str, int] | None = option(
        None,
        "Send one person to an avatar in VMC's form, by OSC.",
        panel=LIVE,
        metavar="HOST:PORT",
        parse=address,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latency >= self.span:
            raise ConfigError(
                f"--latency must be less than --span, got {self.latency:g} and {self.span:g}"
            )
