from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mbcli.errors import DataError
from mbcli.evaluate.protocols import BLOCKED, PROTOCOLS, h36m, plain
from mbcli.skeleton import BODY23, H36M17

IMAGE = {"window": "image"}
VIDEO = "s_09_act_02_subact_01_ca_01"


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
@pytest.mark.parametrize("window", ["image", "crop"])
def test_whoever_knows_the_truth_makes_no_error(make_store, make_lifter, protocol, window) -> None:
    store = make_store((VIDEO, "Directions", "test", 70), ("x", "Posing", "test", 20))
    found = PROTOCOLS[protocol](
        [store], make_lifter(metadata={"window": window}), splits=["test"], source="detected"
    )
    for name in ("mpjpe", "p_mpjpe", "n_mpjpe", "mpjve", "acceleration"):
        assert getattr(found.overall, name) == pytest.approx(0, abs=2e-3), name
    assert found.overall.pck == 100
    assert found.overall.auc == pytest.approx(100 * 30 / 31)  # no error is below 0
    assert set(found.actions) == {"Directions", "Posing"}
    assert found.missed == 0
    assert found.settings["window"] == window
    # Two whole clips and the short sequence; or every frame.
    assert found.overall.frames == (2 * 27 + 20 if protocol == "h36m" else 90)


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_a_lifter_of_more_joints_is_measured_on_those_of_the_store(
    make_store, make_lifter, protocol
) -> None:
    store = make_store((VIDEO, "Directions", "test", 60))
    found, usual = (
        PROTOCOLS[protocol](
            [store], make_lifter(0.05, {**IMAGE, **skeleton}), splits=["test"], source="detected"
        )
        for skeleton in ({"skeleton": BODY23.name}, {})
    )
    assert found.overall == usual.overall
    assert tuple(found.overall.joints) == H36M17.joints


def test_the_published_arithmetic(make_store, make_lifter) -> None:
    off, half = 0.1, 500
    store = make_store((VIDEO, "Directions", "test", 54), ("x", "Posing", "test", 27))
    found = h36m([store], make_lifter(off, IMAGE))
    # The error in pixels is off times half the width of the picture; a frame's factor makes it
    # millimetres. 16 of 17 joints err.
    means = [np.linspace(4, 5, 54).mean(), np.linspace(4, 5, 27).mean()]
    wanted = [off * half * mean for mean in means]
    assert found.actions["Directions"].joints["head"] == pytest.approx(wanted[0], rel=1e-4)
    assert found.actions["Posing"].mpjpe == pytest.approx(wanted[1] * 16 / 17, rel=1e-4)
    assert found.overall.mpjpe == pytest.approx(np.mean(wanted) * 16 / 17, rel=1e-4)
    assert found.overall.joints["pelvis"] == pytest.approx(0, abs=1e-3)
    joints = [found.overall.joints[name] for name in H36M17.joints]
    assert np.mean(joints) == pytest.approx(found.overall.mpjpe)
    assert found.overall.pck == 0
    assert found.overall.auc == 0


def test_actions_count_alike_or_frames_do(make_store, make_lifter) -> None:
    def twice_as_large(parts: dict[str, Any]) -> None:
        if len(parts["factor"]) == 27:
            parts["factor"] *= 2
            parts["truth"] *= 2

    store = make_store(
        ("a", "Directions", "test", 81), ("b", "Posing", "test", 27), change=twice_as_large
    )
    lifter = make_lifter(0.1, IMAGE)
    by_action, by_frame = h36m([store], lifter), plain([store], lifter)
    one, two = (by_action.actions[name].mpjpe for name in ("Directions", "Posing"))
    assert two == pytest.approx(2 * one, rel=1e-3)
    assert by_action.overall.mpjpe == pytest.approx((one + two) / 2)
    assert by_frame.overall.mpjpe == pytest.approx((3 * one + two) / 4, rel=1e-3)
    assert (by_action.mean, by_frame.mean) == ("actions", "frames")


def test_blocked_videos_are_left_out_of_the_published_protocol_alone(
    make_store, make_lifter
) -> None:
    blocked = [f"{name}_ca_0{camera}" for name in BLOCKED for camera in (1, 4)]
    others = [VIDEO, "s_09_act_05_subact_01_ca_01", "s_11_act_05_subact_02_ca_01"]
    store = make_store(*((name, "Waiting", "test", 27) for name in (*blocked, *others)))
    found = h36m([store], make_lifter(metadata=IMAGE))
    assert set(found.left_out) == set(blocked)
    assert found.sequences == len(others)
    assert found.overall.frames == 27 * len(others)
    assert plain([store], make_lifter()).sequences == len(blocked) + len(others)


def test_splits_and_stores(make_store, make_lifter) -> None:
    one = make_store(("a", "", "train", 27), ("b", "", "test", 27), name="one")
    two = make_store(("c", "", "", 27), ("d", "", "test", 27), name="two")
    lifter = make_lifter(metadata=IMAGE)
    assert h36m([one, two], lifter).sequences == 2
    assert h36m([one, two], lifter, splits=["train", ""]).sequences == 2
    assert list(h36m([one], lifter).actions) == [""]
    with pytest.raises(DataError, match=r"of the split val; there are test, train"):
        h36m([one], lifter, splits=["val"])


def test_projected_input_replaces_the_prediction_in_the_picture(make_store, make_lifter) -> None:
    def misplaced(parts: dict[str, Any]) -> None:
        parts["keypoints"][..., :2] += np.random.default_rng(0).normal(0, 20, (27, 17, 2))

    store = make_store(("a", "", "test", 27), change=misplaced)
    lifter = make_lifter(metadata=IMAGE)
    assert h36m([store], lifter).overall.mpjpe > 50
    assert h36m([store], lifter, source="projected").overall.mpjpe == pytest.approx(0, abs=1e-3)
    # Whatever the network says of x and y.
    network = lifter.network
    lifter.network = lambda clips: network(clips) * np.array([5, -1, 1], np.float32)
    assert h36m([store], lifter, source="projected").overall.mpjpe == pytest.approx(0, abs=1e-3)


def test_the_root_of_a_root_relative_model_is_what_it_was_trained_to_be(
    make_store, make_lifter
) -> None:
    store = make_store(("a", "", "test", 27))
    relative = make_lifter(metadata={"window": "image", "root": "relative"})
    plain_network = relative.network

    def network(clips):
        prediction = plain_network(clips)
        prediction -= prediction[:, :, :1]
        prediction[:, :, 0] = 0.3  # nobody asks
        return prediction

    relative.network = network
    assert h36m([store], relative).overall.mpjpe == pytest.approx(0, abs=1e-3)
    assert plain([store], relative).overall.mpjpe == pytest.approx(0, abs=1e-3)
    other = make_lifter(metadata=IMAGE)
    other.network = network
    assert h36m([store], other).overall.mpjpe > 100


def test_frames_that_are_not_known_or_not_found(make_store, make_lifter) -> None:
    def holes(parts: dict[str, Any]) -> None:
        parts["truth"][5:8] = np.nan
        parts["factor"][10] = np.nan
        parts["keypoints"][20:60] = np.nan, np.nan, 0

    store = make_store(("a", "", "test", 90), change=holes)
    found = plain([store], make_lifter())
    # More than half a window without keypoints has no poses.
    assert found.missed == 40
    assert found.overall.frames == 90 - 4 - 40
    assert found.overall.mpjpe == pytest.approx(0, abs=2e-3)


def test_a_part_of_the_clips_for_a_quick_look(make_store, make_lifter) -> None:
    store = make_store(("a", "x", "test", 27 * 9), ("b", "y", "test", 27))
    found = h36m([store], make_lifter(metadata=IMAGE), most=4)
    assert found.overall.frames == 4 * 27
    assert found.settings["clips"] == 4
    assert set(found.actions) == {"x", "y"}


def test_what_cannot_be_measured_is_reported(make_store, make_lifter) -> None:
    row = ("a", "", "test", 27)
    without = make_store(row, name="without", arrays=("target", "truth"))
    with pytest.raises(DataError, match=r"must hold truth and factor.*no factor"):
        plain([without], make_lifter())
    unsized = make_store(row, name="unsized", size=(0, 0))
    assert plain([unsized], make_lifter()).overall.mpjpe == pytest.approx(0, abs=2e-3)
    with pytest.raises(DataError, match="size of its pictures"):
        h36m([unsized], make_lifter(metadata=IMAGE))

    def unknown(parts: dict[str, Any]) -> None:
        parts["truth"][:] = np.nan

    with pytest.raises(DataError, match="nothing to compare"):
        plain([make_store(row, name="nan", change=unknown)], make_lifter())


def test_progress_and_document(make_store, make_lifter) -> None:
    store = make_store(("a", "x", "test", 80), ("b", "y", "test", 1))
    for name, protocol in PROTOCOLS.items():
        progress: list[tuple[int, int]] = []

        def noted(done: int, total: int, progress: list[tuple[int, int]] = progress) -> None:
            progress.append((done, total))

        found = protocol(
            [store],
            make_lifter(),
            splits=["test"],
            source="detected",
            progress=noted,
        )
        assert progress[-1][0] == progress[-1][1] == found.overall.frames
        document = json.loads(json.dumps(found.document(), allow_nan=False))
        assert document["protocol"] == name
        assert document["actions"]["y"]["mpjve"] is None  # one frame has no velocity
        assert document["actions"]["x"]["mpjve"] is not None
        assert document["overall"]["mpjve"] == pytest.approx(document["actions"]["x"]["mpjve"])


def test_the_same_twice(make_store, make_lifter) -> None:
    store = make_store(("a", "x", "test", 80))
    first, second = (plain([store], make_lifter(0.1)) for _ in range(2))
    assert first == replace(second)
