from __future__ import annotations

import numpy as np
import pytest

from mbcli.evaluate import metrics
from mbcli.evaluate.figures import Tally
from mbcli.evaluate.picture import draw_evaluation
from mbcli.evaluate.protocols import h36m


def motions(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.normal(0, 300, (frames, 17, 3))
    return target + rng.normal(0, 60, target.shape), target


def test_one_stretch_is_what_the_metrics_say() -> None:
    prediction, target = motions(30)
    tally = Tally()
    tally.add(prediction + 7, target - 9, "walk")  # the place does not matter
    found = tally.over_frames()
    p, t = metrics.root_relative(prediction), metrics.root_relative(target)
    assert found.mpjpe == pytest.approx(metrics.mpjpe(p, t))
    assert found.p_mpjpe == pytest.approx(metrics.p_mpjpe(p, t))
    assert found.n_mpjpe == pytest.approx(metrics.n_mpjpe(p, t))
    assert found.mpjve == pytest.approx(metrics.mpjve(p, t))
    assert found.acceleration == pytest.approx(metrics.acceleration_error(p, t))
    some = [joint for joint in range(17) if joint not in (0, 7, 9)]
    assert found.pck == pytest.approx(metrics.pck(p[:, some], t[:, some]))
    assert found.auc == pytest.approx(metrics.auc(p[:, some], t[:, some]))
    assert found.joints["left_wrist"] == pytest.approx(
        np.linalg.norm(p[:, 13] - t[:, 13], axis=-1).mean()
    )
    assert found == tally.over_actions() == tally.actions()["walk"]


def test_stretches_weigh_by_their_frames_and_gaps_have_no_velocity() -> None:
    prediction, target = motions(30)
    whole, parts = Tally(), Tally()
    whole.add(prediction, target, "walk")
    parts.add(prediction[:10], target[:10], "walk")
    parts.add(prediction[10:], target[10:], "sit")
    assert parts.over_frames().mpjpe == pytest.approx(whole.over_frames().mpjpe)
    assert parts.over_frames().mpjve != pytest.approx(whole.over_frames().mpjve)
    means = [figures.mpjpe for figures in parts.actions().values()]
    assert parts.over_actions().mpjpe == pytest.approx(np.mean(means))

    broken, gap = prediction.copy(), Tally()
    broken[10] = np.nan
    gap.add(broken, target, "walk")
    assert gap.missed == 1
    assert gap.frames == 29
    p, t = metrics.root_relative(prediction), metrics.root_relative(target)
    wanted = (9 * metrics.mpjve(p[:10], t[:10]) + 18 * metrics.mpjve(p[11:], t[11:])) / 27
    assert gap.over_frames().mpjve == pytest.approx(wanted)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_picture(make_store, make_lifter, tmp_path, suffix) -> None:
    store = make_store(("a", "Sitting", "test", 27), ("b", "Walking", "test", 27))
    found = h36m([store], make_lifter(0.1, {"window": "image"}))
    path = tmp_path / f"errors{suffix}"
    draw_evaluation(found, path, title="weights on store", overwrite=False)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    assert len(content) > 10_000
    assert [part.name for part in tmp_path.glob("*part*")] == []
