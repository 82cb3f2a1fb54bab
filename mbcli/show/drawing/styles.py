"""Dark and light styles: the background, and tones of the colours that stand out from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mbcli.show.colours import Colour

# Shares of red, green and blue in the brightness of a colour: ITU-R BT.601.
_SHARES = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Style:
    """One of the two styles.

    Attributes:
        background: colour of the background of 3D views and missing pictures.
        grid: colour of the lines of the floor.
        shadow: colour of bodies' shadows on the floor.
        text: colour of letters.
        plate: colour behind letters on a picture, and around strokes.
        axes: colours of the x, y and z axes.
        brightest: maximum brightness, 0..255, of a colour that stands out.
    """

    background: Colour
    grid: Colour
    shadow: Colour
    text: Colour
    plate: Colour
    axes: tuple[Colour, Colour, Colour]
    brightest: float = 255.0

    def tone(self, colour: Colour) -> Colour:
        """The tone in which a colour of `mbcli.show.colours` is drawn."""
        return _toned(colour, self.brightest)


@lru_cache(maxsize=256)
def _toned(colour: Colour, brightest: float) -> Colour:
    light = sum(share * value for share, value in zip(_SHARES, colour, strict=True))
    factor = min(1.0, brightest / max(light, 1.0))
    red, green, blue = (round(factor * value) for value in colour)
    return red, green, blue


STYLES: dict[str, Style] = {
    "dark": Style(
        background=(30, 32, 37),
        grid=(70, 74, 84),
        shadow=(14, 15, 18),
        text=(240, 240, 240),
        plate=(16, 17, 20),
        axes=(
            (214, 120, 120),
            (146, 190, 140),
            (130, 150, 220),
        ),
    ),
    "light": Style(
        background=(246, 246, 243),
        grid=(204, 206, 210),
        shadow=(218, 219, 221),
        text=(28, 30, 34),
        plate=(252, 252, 250),
        axes=((176, 60, 60), (50, 130, 60), (60, 80, 170)),
        brightest=135.0,
    ),
}
