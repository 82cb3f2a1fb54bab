from __future__ import annotations

from dataclasses import replace

import numpy as np
from motions import walking

from mbcli.show.drawing.ink import opacity
from mbcli.show.drawing.scene import Scene
from mbcli.show.drawing.styles import STYLES
from mbcli.show.drawing.sureness import DASHED_BEYOND, sureness
from mbcli.show.drawing.view3d import View3D


def test_small_errors_are_opaque_and_large_ones_dashed() -> None:
    motion = walking(3)
    errors = np.full(motion.confidence.shape, 0.05)
    errors[1], errors[2], errors[0, 0, 0], errors[2, 0, 5] = 0.12, 0.2, 0.0, np.nan
    sure = sureness(replace(motion, expected_error=errors))
    assert (opacity(sure[0]) == 1).all()
    assert ((opacity(sure[1]) < 1) & (sure[1] > 0.25)).all()
    assert (sure[2] < 0.25).all()
    assert sure[2, 0, 5] == 0
    at_the_limit = replace(motion, expected_error=np.full(errors.shape, DASHED_BEYOND))
    assert np.allclose(sureness(at_the_limit), 0.25)


def test_without_expected_errors_the_confidence_counts() -> None:
    motion = walking(3)
    assert sureness(motion) is motion.confidence


def test_the_3d_view_draws_by_it() -> None:
    from mbcli.show.drawing.canvas import Canvas

    pictures = []
    for metres in (0.03, 0.3):
        motion = walking(2)
        motion = replace(motion, expected_error=np.full(motion.confidence.shape, metres))
        view = View3D(
            Scene(motion), (320, 240), STYLES["dark"], azimuth=0.0, elevation=10.0, title="a"
        )
        image = np.zeros((240, 320, 3), dtype=np.uint8)
        view.draw(Canvas.on_rgb(image), 0)
        pictures.append(image.astype(int))
    sure, unsure = pictures
    assert sure.sum() > unsure.sum()
    assert (sure != unsure).any(axis=-1).sum() > 100
