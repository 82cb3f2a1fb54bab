"""Places of standing feet against the least squares that the module describes."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.refinement.planted import plant

FPS = 25.0


def steps(frames: int, wild: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ankles (N, 2, 3), their stretches (N, 2) and the root (N, 3) of somebody who walks."""
    rng = np.random.default_rng(0)
    root = np.stack(
        [np.linspace(-1, 1, frames), np.full(frames, 0.3), np.linspace(4, 6, frames)], axis=-1
    )
    root += np.cumsum(rng.normal(0, 0.01, root.shape), axis=0)
    ankles = root[:, None] + np.array([[0.1, 0.9, 0.2], [-0.1, 0.9, -0.2]])
    stretch = np.full((frames, 2), -1)
    stretch[:8, 0], stretch[6:14, 1], stretch[12 : frames - 2, 0] = 0, 1, 2
    for number in range(3):
        ankles[stretch == number] = ankles[stretch == number].mean(axis=0)
    ankles += rng.normal(0, 0.01, ankles.shape)
    if wild:
        ankles[4:7, 0] += [0.5, 0, 0]
    return ankles, stretch, root


def least_squares(
    ankles: np.ndarray, stretch: np.ndarray, root: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Shifts and places from one dense row for each thing that is known."""
    frames, count = len(root), int(stretch.max()) + 1
    standing = np.argwhere(stretch >= 0)
    weight = np.ones(len(standing))
    found = np.zeros((frames + count, 3))
    for _ in range(rounds):
        rows, wanted = [], []
        for w, (frame, foot) in zip(weight, standing, strict=True):
            for axis in range(3):
                row = np.zeros((frames + count, 3))
                row[frame, axis], row[frames + stretch[frame, foot], axis] = 1, -1
                rows.append(row * np.sqrt(w) / 0.05)
                wanted.append(-ankles[frame, foot, axis] * np.sqrt(w) / 0.05)
        for frame, place in enumerate(root):
            distance = np.linalg.norm(place)
            sight = place / distance
            across = np.eye(3) - np.outer(sight, sight)
            along = np.hypot(0.04 * distance, 0.03)
            for direction in (*across / 0.03, sight / along):
                row = np.zeros((frames + count, 3))
                row[frame] = direction / np.sqrt(0.5 * FPS)  # half a second is one error
                rows.append(row)
                wanted.append(0.0)
        for frame in range(frames - 2):
            for axis in range(3):
                row = np.zeros((frames + count, 3))
                row[frame : frame + 3, axis] = np.array([1, -2, 1]) * FPS**2 / 3.0
                rows.append(row)
                wanted.append(0.0)
        system = np.array(rows).reshape(len(rows), -1)
        found = np.linalg.lstsq(system, np.array(wanted), rcond=None)[0].reshape(-1, 3)
        away = np.array(
            [
                np.linalg.norm(ankles[i, f] + found[i] - found[frames + stretch[i, f]])
                for i, f in standing
            ]
        )
        weight = np.minimum(1, 1.5 * 0.05 / np.maximum(away, 1e-12))
    return found[:frames], found[frames:]


@pytest.mark.parametrize("wild", [False, True])
def test_places_and_shifts_are_the_least_squares(wild: bool) -> None:
    ankles, stretch, root = steps(20, wild)
    found = plant(ankles, stretch, root, FPS)
    shift, places = least_squares(ankles, stretch, root, rounds=4)
    np.testing.assert_allclose(found.shift, shift, atol=1e-6)
    np.testing.assert_allclose(found.places, places, atol=1e-6)
    if not wild:
        assert np.abs(found.places[0] - ankles[:8, 0].mean(axis=0)).max() < 0.1


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(frames: int) -> None:
    ankles, _, root = steps(20, False)
    stretch = np.tile([0, -1], (frames, 1))
    found = plant(ankles[:frames], stretch, root[:frames], FPS)
    shift, places = least_squares(ankles[:frames], stretch, root[:frames], 1)
    np.testing.assert_allclose(found.shift, shift, atol=1e-6)
    np.testing.assert_allclose(found.places, places, atol=1e-6)
