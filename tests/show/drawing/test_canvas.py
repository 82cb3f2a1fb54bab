from __future__ import annotations

import numpy as np
import pytest

from mbcli.show.colours import LEFT, RIGHT
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.ink import dot, limb, stroke
from mbcli.show.drawing.lettering import text_width, write, write_label
from mbcli.show.drawing.options import Layout
from mbcli.show.drawing.sizes import panels
from mbcli.show.drawing.styles import STYLES
from mbcli.video.planar import Planar

SIZE = (160, 120)


def draw(canvas: Canvas) -> None:
    canvas.fill((30, 32, 37))
    stroke(canvas, (20.3, 20), (120, 60.7), LEFT, 8, rim=(16, 17, 20))
    stroke(canvas, (-30, 90), (200, 80), RIGHT, 6, alpha=0.5)
    limb(canvas, (20, 110), (140, 100), RIGHT, 6, confidence=0.1, rim=(0, 0, 0))
    dot(canvas, (100, 30), (92, 214, 120), 9.0)
    dot(canvas, (130, 30), (240, 240, 240), 9.0, ring=3)
    write(canvas, "frame 7", (4, 100), 12, (240, 240, 240), plate=(16, 17, 20))


def test_planes_show_the_same_as_rgb() -> None:
    image = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    draw(Canvas.on_rgb(image))
    planar = Planar.empty(SIZE, "bt709")
    draw(Canvas.on_planar(planar))
    back = planar.frame.to_ndarray(format="rgb24", src_colorspace="ITU709")
    difference = np.abs(back.astype(int) - image)
    # Colour has half the pixels, so that edges differ; what is inside of them does not.
    assert difference.mean() < 4
    for x, y in ((70, 40), (100, 30), (5, 5), (150, 60)):
        assert difference[y, x].max() < 12, (x, y)


def test_parts_share_the_pixels() -> None:
    planar = Planar.empty(SIZE, "bt601")
    canvas = Canvas.on_planar(planar)
    canvas.fill((0, 0, 0))
    canvas.part(40, 20, 60, 30).fill((255, 255, 255))
    assert np.argwhere(planar.planes[0] == 235).min(axis=0).tolist() == [20, 40]
    assert np.argwhere(planar.planes[0] == 235).max(axis=0).tolist() == [49, 99]
    with pytest.raises(ValueError, match="even"):
        canvas.part(41, 20, 60, 30)


def test_labels_stay_inside() -> None:
    for over in ((-40.0, -40.0), (300.0, 300.0), (80.0, 1.0)):
        image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        write_label(Canvas.on_rgb(image), "12 walking", over, 10, (255, 255, 255))
        assert (image > 100).sum() > 200
        whole = np.zeros((400, 600, 3), np.uint8)
        write(Canvas.on_rgb(whole), "12 walking", (200, 200), 10, (255, 255, 255))
        assert (image > 0).sum() == pytest.approx((whole > 0).sum(), rel=0.02)
    assert text_width("12 walking", 10) < SIZE[0]


def test_nothing_far_out_is_drawn() -> None:
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    canvas = Canvas.on_rgb(image)
    for wild in ((np.nan, 3.0), (1e30, 0.0), (np.inf, 0.0)):
        stroke(canvas, wild, (10, 10), LEFT, 5)
        dot(canvas, wild, LEFT, 5)
        limb(canvas, wild, (10, 10), LEFT, 5, confidence=0.1, rim=RIGHT)
        write_label(canvas, "1", wild, 10, LEFT)
    assert not image.any()


def test_colours_stand_out_from_both_styles() -> None:
    dark, light = STYLES["dark"], STYLES["light"]
    assert dark.tone(LEFT) == LEFT
    for colour in (LEFT, RIGHT, (240, 228, 92), (232, 232, 232)):
        assert sum(light.background) - sum(light.tone(colour)) > 150
    assert light.tone((0, 0, 0)) == (0, 0, 0)


@pytest.mark.parametrize("layout", ["overlay", "3d", "side", "grid"])
@pytest.mark.parametrize("picture", [(1280, 720), (1088, 1920), (853, 481), (100, 3000)])
@pytest.mark.parametrize("width", [None, 390, 641])
def test_panels_fill_the_output_and_are_even(
    layout: Layout, picture: tuple[int, int], width: int | None
) -> None:
    size, parts = panels(layout, picture, width)
    covered = np.zeros((size[1], size[0]), dtype=int)
    for part in parts:
        assert all(n % 2 == 0 for n in (part.left, part.top, *part.size))
        covered[part.top : part.top + part.size[1], part.left : part.left + part.size[0]] += 1
    assert (covered == 1).all()
    if width is not None:
        assert abs(size[0] - width) <= 2
    elif min(picture) > 480:
        assert size[0] * size[1] < 1.1 * 1920 * 1088
