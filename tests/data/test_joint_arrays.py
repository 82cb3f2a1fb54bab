from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from typer.testing import CliRunner
from walkers import LIMBS, walker

from mbcli.cli.app import app
from mbcli.data.recordings.body import body_positions
from mbcli.data.recordings.joint_arrays import import_joint_arrays
from mbcli.data.recordings.upright import turn_up
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError, DataError, InputError
from mbcli.skeleton import BODY21

MOCAP = Path(__file__).parents[3] / "shared" / "mocap"
J = BODY21.index
Body = npt.NDArray[np.float32]

# Unity's names, and which of our joints are there.
NAMES = {"Hips": "pelvis", "Head": "skull"} | {
    f"{side}{theirs}": f"{side.lower()}_{ours}"
    for side in ("Left", "Right")
    for theirs, ours in (
        ("UpperLeg", "hip"),
        ("LowerLeg", "knee"),
        ("Foot", "ankle"),
        ("UpperArm", "shoulder"),
        ("LowerArm", "elbow"),
        ("Hand", "wrist"),
    )
}


@pytest.fixture
def moving(standing: Body) -> Body:
    """(80, 21, 3) the standing person, who raises the left knee and lowers it again."""
    body = np.repeat(standing[None], 80, axis=0)
    raised = np.sin(np.linspace(0, np.pi, 80))[:, None] ** 2
    body[:, J("left_knee")] += raised * (0, 0.2, 0.35)
    body[:, J("left_ankle")] += raised * (0, 0.3, 0.05)
    return body


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes clips as joint arrays."""

    def write(prefix: str = "Neo_", **arrays: npt.ArrayLike) -> Path:
        path = tmp_path / "people.npz"
        clips: dict[str, Any] = {}
        for name, array in arrays.items():
            if np.ndim(array) == 3 and np.shape(array)[1] == len(BODY21):
                body = np.asarray(array)
                skull = body[:, J("thorax")] + (0, 0.14, 0)
                clips[name] = np.stack(
                    [skull if ours == "skull" else body[:, J(ours)] for ours in NAMES.values()], 1
                )
            else:
                clips[name] = np.asarray(array)
        np.savez(path, **{"joints": np.array([prefix + name for name in NAMES]), **clips})
        return path

    return write


def test_joints_are_where_they_were(write: Callable[..., Path], moving: Body, tmp_path) -> None:
    path = write(walk=moving, wait=moving[:50], fps=60.0, parents=np.arange(len(NAMES)))
    report = import_joint_arrays(path, tmp_path / "store", prefix="my-", licence="mine")
    store = ClipStore.open(tmp_path / "store")
    assert report.imported == ("my-people/walk", "my-people/wait")
    assert [(clip.frames, clip.fps, clip.licence) for clip in store.clips] == [
        (80, 60.0, "mine"),
        (50, 60.0, "mine"),
    ]
    body = store.joints(store.clips[0])
    for name in (*NAMES.values(), "thorax", "spine"):
        if name != "skull":
            off = np.abs(body[:, J(name)] - moving[:, J(name)]).max()
            assert off < (0.02 if name == "spine" else 1e-5), name
    # Nobody has said how the head is turned: level, and to where the chest looks.
    nose = body[:, J("nose")] - body[:, J("head")]
    ears = body[:, J("left_ear")] - body[:, J("right_ear")]
    assert (nose[:, 2] > 0.1).all()
    assert np.abs(nose[:, 0]).max() < 1e-5
    assert np.allclose(ears[:, 1:], 0, atol=1e-5)
    assert (ears[:, 0] > 0.1).all()


def test_a_head_nods_and_leans_with_the_neck(write, moving: Body, tmp_path) -> None:
    path = write(level=moving, nodding=moving[:35], leaning=moving[:35], fps=60.0)
    with np.load(path) as file:
        arrays = dict(file)
    skull = list(NAMES).index("Head")
    arrays["nodding"][:, skull, 2] += 0.14 * np.tan(np.radians(30))
    arrays["leaning"][:, skull, 0] += 0.14 * np.tan(np.radians(20))
    np.savez(path, **arrays)
    import_joint_arrays(path, tmp_path / "store")
    store = ClipStore.open(tmp_path / "store")
    _, nodding, leaning = (store.joints(clip)[0] for clip in store.clips)
    up = nodding[J("head")] - (nodding[J("left_ear")] + nodding[J("right_ear")]) / 2
    assert np.degrees(np.arctan2(up[2], up[1])) == pytest.approx(30, abs=0.1)
    assert nodding[J("nose"), 1] < nodding[J("head"), 1] - 0.1
    across = leaning[J("left_ear")] - leaning[J("right_ear")]
    assert np.degrees(np.arctan2(-across[1], across[0])) == pytest.approx(20, abs=0.1)


def test_stylised_figures_get_human_lengths(write, moving: Body, tmp_path) -> None:
    figure = np.array(moving)
    for side in ("left", "right"):
        shift = 0.25 * (figure[:, J(f"{side}_shoulder")] - figure[:, J("thorax")])
        for joint in ("shoulder", "elbow", "wrist"):
            figure[:, J(f"{side}_{joint}")] += shift
    path = write(walk=figure, fps=60.0)
    import_joint_arrays(path, tmp_path / "plain")
    import_joint_arrays(path, tmp_path / "human", human_lengths=True)
    plain, human = (
        store.joints(store.clips[0])
        for store in map(ClipStore.open, (tmp_path / "plain", tmp_path / "human"))
    )
    bones = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]
    legs = {"plain": np.zeros(len(plain)), "human": np.zeros(len(human))}
    for a, b in [(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in bones]:
        before, after = (body[:, J(b)] - body[:, J(a)] for body in (plain, human))
        turned = (before * after).sum(-1) / np.linalg.norm(before, axis=-1)
        assert np.allclose(turned, np.linalg.norm(after, axis=-1), rtol=1e-4), "direction is kept"
        if "_knee" in a + b:
            legs["plain"] += np.linalg.norm(before, axis=-1) / 2
            legs["human"] += np.linalg.norm(after, axis=-1) / 2
    leg = legs["human"].mean()
    assert leg == pytest.approx(np.median(legs["plain"]), rel=1e-3), "so is the leg"
    width = np.linalg.norm(human[:, J("left_shoulder")] - human[:, J("right_shoulder")], axis=-1)
    assert np.allclose(width, 2 * 0.222 * leg, rtol=0.01)
    # The foot that it stands on stays where it was.
    right = np.abs(human[30:50, J("right_ankle")] - plain[30:50, J("right_ankle")])
    assert right.max() < 0.01


def test_the_scale_and_the_rate_can_be_given(write, moving: Body, tmp_path) -> None:
    path = write(prefix="", walk=100 * moving)
    with pytest.raises(DataError, match=r"must hold fps.*--fps"):
        import_joint_arrays(path, tmp_path / "store")
    import_joint_arrays(path, tmp_path / "store", scale=0.01, fps=120, max_fps=60)
    clip = ClipStore.open(tmp_path / "store").clips[0]
    assert (clip.frames, clip.fps, clip.subject) == (40, 60.0, "people")
    with pytest.raises(ConfigError, match="scale must be a positive number"):
        import_joint_arrays(path, tmp_path / "other", scale=-1.0)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"walk": np.zeros((9, 3, 3))}, r"walk must be \(F, 14, 3\) numbers, got"),
        ({"fps": 60.0}, "must hold clips"),
        ({"walk": "moving", "fps": "sixty"}, "fps must be a positive number"),
        ({"walk": "moving", "joints": np.arange(14)}, "joints must be names"),
        ({"walk": "moving", "joints": np.array(list("abcdefghijklmn"))}, "--joint-map"),
    ],
)
def test_what_is_wrong_is_said(write, moving: Body, tmp_path, arrays, message) -> None:
    given = {"fps": 60.0} | {
        name: moving if isinstance(value, str) and value == "moving" else value
        for name, value in arrays.items()
    }
    with pytest.raises(DataError, match=message):
        import_joint_arrays(write(**given), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_what_is_no_archive_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"must hold \.npz files"):
        import_joint_arrays(tmp_path, tmp_path / "store")
    (tmp_path / "people.npz").write_text("no archive")
    with pytest.raises(InputError, match="is not a complete"):
        import_joint_arrays(tmp_path, tmp_path / "store")


def test_the_command_knows_it(write, moving: Body, tmp_path) -> None:
    path = write(walk=moving, fps=60.0)
    words = ["data", "import", "joints", str(path), "--out", str(tmp_path / "store")]
    done = CliRunner().invoke(app, [*words, "--human-lengths", "--quiet"])
    assert done.exit_code == 0, done.output
    words[2] = "amass"
    done = CliRunner().invoke(app, [*words, "--human-lengths"])
    assert done.exit_code == 1
    assert "--human-lengths does not apply to amass" in done.output


@pytest.mark.skipif(not MOCAP.exists(), reason="recordings that are not in the repository")
def test_real_acrobats_stand_and_turn_over(tmp_path) -> None:
    import_joint_arrays(
        MOCAP / "cmu_acrobatics_joints.npz",
        tmp_path / "store",
        subject=r".*/(?P<subject>cmu_\d+)_\d+\.npz",
    )
    store = ClipStore.open(tmp_path / "store")
    assert store.subjects == ("cmu_135", "cmu_85")
    assert store.hours == pytest.approx(0.0443, abs=0.0005)
    upside = 0
    for clip in store.clips:
        body = store.joints(clip)
        assert body[0, J("head"), 1] > body[0, J("pelvis"), 1] + 0.5
        upside += int((body[:, J("head"), 1] < body[:, J("pelvis"), 1]).sum())
    assert upside > 100


def test_a_tree_helps_where_names_say_nothing(tmp_path: Path) -> None:
    person = walker()
    places, _ = person.forward()
    tree = person.hierarchy
    arrays = {
        "joints": np.array([f"joint{i}" for i in range(len(tree))]),
        "walk": places.astype(np.float32),
        "fps": np.array(30.0),
    }

    def saved(name: str, **more: npt.ArrayLike) -> Path:
        np.savez(tmp_path / name, **arrays, **more)  # type: ignore[arg-type]
        return tmp_path / name

    with pytest.raises(DataError, match=r"must have left_hip, .*--joint-map .* got joint0, joint1"):
        import_joint_arrays(saved("a.npz"), tmp_path / "store")
    report = import_joint_arrays(saved("b.npz", parents=tree.parents), tmp_path / "store")
    assert "found by the tree of bones" in report.notes[0][1]
    store = ClipStore.open(tmp_path / "store")
    body = store.joints(store.clips[0])
    limbs = [J(name) for name in LIMBS]
    np.testing.assert_allclose(body[:, limbs], body_positions(person)[:, limbs], atol=1e-5)
    with pytest.raises(DataError, match=r"parents must be \(\d+,\) integers, got float64"):
        import_joint_arrays(saved("c.npz", parents=np.zeros(3)), tmp_path / "other")


def test_other_axes_and_units_are_found(write: Callable[..., Path], moving: Body, tmp_path) -> None:
    path = write(walk=100 * moving @ turn_up("z"), fps=60.0)
    import_joint_arrays(path, tmp_path / "store")
    store = ClipStore.open(tmp_path / "store")
    assert store.clips[0].read_as == "z up (found from the motion), cm (found from the bones)"
    ankle = store.joints(store.clips[0])[:, J("right_ankle")]
    np.testing.assert_allclose(ankle, moving[:, J("right_ankle")], atol=1e-5)
