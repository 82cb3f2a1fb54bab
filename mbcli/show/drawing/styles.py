"""Dark and light: what surrounds the people, and the tones in which colours stand out from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mbcli.show.colours import Colour

# Share of red, green and blue in how bright a colour looks: ITU-R BT.601.
_SHARES = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Style:
    """One of the two looks.

    Attributes:
        background: of views in space, and of what has no picture.
        grid: lines of the floor.
        shadow: of bodies on the floor.
        text: letters.
        plate: what lies behind letters on a picture, and around strokes.
        axes: of the x, y and z axis.
        brightest: how bright, 0..255, a colour may be to stand out.
    """

    background: Colour
    grid: Colour
    shadow: Colour
    text: Colour
    plate: Colour
    axes: tuple[Colour, Colour, Colour]
    brightest: float = 255.0

    def tone(self, colour: Colour) -> Colour:
        """A colour of `mbcli.show.colours` as it is drawn."""
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
