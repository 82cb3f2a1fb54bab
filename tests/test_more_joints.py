"""Motions of skeletons with feet, in the usual and in another order of joints, through every room.

What the 17 joints of Human3.6M give must stay what it is without feet.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from motions import grounded, hidden, walking, with_feet

import mbcli
from mbcli.errors import ConfigError, WeightsError
from mbcli.exports import FORMATS
from mbcli.kinematics.angles import motion_angles
from mbcli.kinematics.bones import bone_lengths
from mbcli.lift.error_features import FEATURES
from mbcli.lift.expected_error import METADATA_KEY, ErrorModel, groups_of
from mbcli.motion import Motion3D
from mbcli.options import InferOptions
from mbcli.show.drawing.options import Layout
from mbcli.show.plots.options import PlotOptions, What
from mbcli.show.plots.panels import angle_panels, speed_panels
from mbcli.show.plots.selection import select
from mbcli.skeleton import BODY23, FOOT, H36M17, HALPE26, Skeleton
from mbcli.types import Keypoints2D


def _in_another_order() -> Skeleton:
    """``BODY23`` with each foot behind its ankle, and the head and the arms before the legs."""
    leg = ("hip", "knee", "ankle", *reversed(FOOT))
    upper = [joint for joint in BODY23.joints if not joint.endswith(leg)]
    legs = [f"{side}_{part}" for side in ("left", "right") for part in leg]
    joints = (*reversed(upper), *legs)
    parent = {
        joint: BODY23.joints[number] if number >= 0 else None
        for joint, number in zip(BODY23.joints, BODY23.parents, strict=True)
    }
    numbers = (-1 if parent[j] is None else joints.index(parent[j]) for j in joints)
    return Skeleton("another", joints, tuple(numbers))


ANOTHER = _in_another_order()
SKELETONS = pytest.mark.parametrize("skeleton", [BODY23, ANOTHER], ids=lambda s: s.name)
STEPS: dict[str, dict[str, Any]] = {
    "outliers": {"outliers": True},
    "gaps": {"max_gap": 0.5},
    "butterworth": {"filter": "butterworth"},
    "savgol": {"filter": "savgol"},
    "one-euro": {"filter": "one-euro"},
    "bones": {"bones": True, "symmetric": True},
    "feet": {"feet": True},
    "world": {"world": True},
    "all": {
        "outliers": True, "max_gap": 0.5, "filter": "butterworth", "bones": True, "feet": True,
        "world": True,
    },
}  # fmt: skip


def plain(frames: int = 60) -> Motion3D:
    """Two people who tremble; the second one is away for a moment, a wrist jumps."""
    motion = walking(frames, people=2)
    noise = np.random.default_rng(7).normal(0, 0.008, motion.positions.shape)
    noise[:, :, 0] = 0
    noise[20, 0, H36M17.index("left_wrist")] = [0.8, 0.0, 0.3]
    motion = replace(motion, positions=motion.positions + noise)
    return hidden(motion, slice(30, 34), person=1)


def shared(skeleton: Skeleton) -> list[int]:
    """Where a skeleton has the joints of H36M-17."""
    return [skeleton.index(joint) for joint in H36M17.joints]


def feet(skeleton: Skeleton) -> list[int]:
    return [n for n, joint in enumerate(skeleton.joints) if joint not in H36M17.joints]


@SKELETONS
def test_saved_and_loaded(skeleton: Skeleton, tmp_path: Path) -> None:
    motion = with_feet(plain(), skeleton)
    motion.save(tmp_path / "pose.npz")
    with np.load(tmp_path / "pose.npz") as file:
        assert file["positions"].shape == (60, 2, 23, 3)
        assert str(file["skeleton"]) == skeleton.name
        assert tuple(file["joint_names"].tolist()) == skeleton.joints
    assert mbcli.load(tmp_path / "pose.npz") == motion


@SKELETONS
@pytest.mark.parametrize("step", STEPS)
def test_every_refinement_step(skeleton: Skeleton, step: str) -> None:
    options = mbcli.RefineOptions(**STEPS[step])
    usual, found = (mbcli.refine(m, options) for m in (plain(), with_feet(plain(), skeleton)))
    assert found.skeleton == skeleton
    kept = shared(skeleton)
    np.testing.assert_allclose(found.positions[:, :, kept], usual.positions, atol=1e-5)
    np.testing.assert_allclose(found.root, usual.root, atol=1e-5)
    np.testing.assert_array_equal(found.confidence[:, :, kept], usual.confidence)
    assert found.refinement is not None
    assert usual.refinement is not None
    contacts, expected = found.refinement.foot_contacts, usual.refinement.foot_contacts
    assert (contacts is None) == (expected is None)
    if contacts is not None:
        np.testing.assert_array_equal(contacts, expected)
    np.testing.assert_allclose(
        found.camera.world_from_camera, usual.camera.world_from_camera, atol=1e-6
    )
    np.testing.assert_array_equal(found.positions[found.present][:, skeleton.root], 0)
    # Feet keep their shape, and go with their ankles.
    lengths = bone_lengths(found.positions, skeleton)[found.present][:, feet(skeleton)]
    before = bone_lengths(with_feet(walking(2), skeleton).positions, skeleton)[0, 0, feet(skeleton)]
    slack = 0.02 if options.filter != "none" or options.gap else 1e-4
    np.testing.assert_allclose(lengths, np.tile(before, (len(lengths), 1)), atol=slack)


def test_a_toe_that_jumps_is_an_outlier() -> None:
    motion = with_feet(walking(60))
    positions, toe = motion.positions.copy(), BODY23.index("left_big_toe")
    positions[25, 0, toe] += [0.0, -0.9, 0.4]
    found = mbcli.refine(
        replace(motion, positions=positions), mbcli.RefineOptions(outliers=True, max_gap=0.3)
    )
    assert np.argwhere(found.confidence == 0).tolist() == [[25, 0, toe]]
    assert np.abs(found.positions[25, 0, toe] - motion.positions[25, 0, toe]).max() < 0.05


@SKELETONS
def test_joint_angles(skeleton: Skeleton) -> None:
    usual, found = motion_angles(plain()), motion_angles(with_feet(plain(), skeleton))
    assert [name for name in found.names if name in usual.names] == list(usual.names)
    of_feet = {f"{name}_{side}" for name in ("ankle_angle", "foot_progression") for side in "rl"}
    assert set(found.names) - set(usual.names) == of_feet
    for name in usual.names:
        np.testing.assert_allclose(found.of(name), usual.of(name), atol=1e-4)


# Formats of Human3.6M's joints alone: feet change nothing. Rigs turn theirs.
RIGS = ("bvh", "glb", "vrma")
ANGLE_FILES = ("angles.csv", "sto", "mot")
WITHOUT_FEET = ("npy", "coco.json")


@SKELETONS
@pytest.mark.parametrize("suffix", [f.suffixes[0].removeprefix(".") for f in FORMATS.values()])
def test_every_export(skeleton: Skeleton, suffix: str, tmp_path: Path) -> None:
    if suffix == "fbx":
        pytest.skip("needs Blender; it is the glb")
    written = {}
    for name, motion in (("usual", plain()), ("found", with_feet(plain(), skeleton))):
        (tmp_path / name).mkdir()
        try:
            paths = mbcli.export(motion, tmp_path / name / f"walk.{suffix}")
        except ConfigError as error:
            if "pip install" not in str(error):
                raise
            pytest.skip(str(error))
        written[name] = {path.name: path.read_bytes() for path in paths}
    assert written["found"].keys() == written["usual"].keys()
    for name, content in written["found"].items():
        usual = written["usual"][name]
        if suffix in RIGS:
            assert content != usual
        elif suffix in WITHOUT_FEET:
            assert content.replace(b"places of 23 joints", b"places of 17 joints") == usual
        elif suffix in ANGLE_FILES:
            assert b"ankle_angle_r" in content
            assert b"ankle_angle_r" not in usual
        elif suffix != "usd":
            assert content != usual
            assert all(joint.encode() in content for joint in skeleton.joints)


def test_a_table_has_the_feet_where_they_are(tmp_path: Path) -> None:
    motion = with_feet(walking(5), ANOTHER)
    (path,) = mbcli.export(motion, tmp_path / "walk.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert tuple(document["joint_names"]) == ANOTHER.joints
    found = np.array([frame["positions"] for frame in document["people"][0]["frames"]])
    toe = ANOTHER.index("right_small_toe")
    np.testing.assert_allclose(found[:, toe], motion.in_camera[:, 0, toe] * [1, -1, -1], atol=1e-5)


@SKELETONS
@pytest.mark.parametrize("layout", ["overlay", "3d"])
def test_feet_are_drawn(skeleton: Skeleton, layout: Layout, walk: Path, tmp_path: Path) -> None:
    still = grounded(walking(40), np.eye(4))
    options = mbcli.RenderOptions(layout=layout, frame=20)
    pictures = []
    for number, motion in enumerate((still, with_feet(still, skeleton))):
        path = tmp_path / f"{number}.png"
        mbcli.render(motion, path, video=walk, options=options)
        picture = cv2.imread(str(path))
        assert picture is not None
        pictures.append(picture.astype(int))
    changed = np.argwhere(np.abs(pictures[0] - pictures[1]).max(axis=-1) > 20)
    assert len(changed) > 20
    if layout == "overlay" and skeleton == BODY23:  # else limbs hide each other otherwise
        seen = with_feet(still, skeleton).keypoints.data[20, 0, feet(skeleton), :2]
        scale = pictures[0].shape[1] / still.keypoints.size[0]
        low, high = seen.min(axis=0) * scale - 25, seen.max(axis=0) * scale + 25
        assert (changed[:, ::-1] > low).all()
        assert (changed[:, ::-1] < high).all()


@SKELETONS
def test_page(skeleton: Skeleton, tmp_path: Path) -> None:
    from mbcli.show.page.packed import packed

    motion = with_feet(plain(), skeleton)
    mbcli.render(motion, tmp_path / "walk.html")
    assert "right_small_toe" in (tmp_path / "walk.html").read_text(encoding="utf-8")
    found, usual = (packed(m, title="", columns=[0, 1]) for m in (motion, plain()))
    assert tuple(found["joints"]) == skeleton.joints
    assert [tuple(bone) for bone in found["bones"]] == list(skeleton.bones)
    assert (found["roots"], found["front"]) == (usual["roots"], usual["front"])


@SKELETONS
def test_rerun(skeleton: Skeleton, tmp_path: Path) -> None:
    rr = pytest.importorskip("rerun")
    motion = with_feet(walking(6), skeleton)
    mbcli.view(motion, save=tmp_path / "walk.rrd", footage="none")
    chunks = rr.chunk.RrdReader(tmp_path / "walk.rrd").stream().to_chunks()
    assert "/angles/person_1/ankle_angle_l" in {c.entity_path for c in chunks}
    batches = [c.to_record_batch() for c in chunks if c.entity_path == "/space/person_1"]
    rows = [
        points
        for batch in batches
        if "Points3D:positions" in batch.schema.names and "frame" in batch.schema.names
        for points in batch.column("Points3D:positions").to_pylist()
    ]
    np.testing.assert_allclose(np.array(rows), motion.in_camera[:, 0], atol=1e-6)


@SKELETONS
@pytest.mark.parametrize("what", ["angles", "speeds", "confidence", "trajectories"])
def test_plots(skeleton: Skeleton, what: What, tmp_path: Path) -> None:
    motion = with_feet(plain(), skeleton)
    report = mbcli.plot(motion, tmp_path / "walk.svg", PlotOptions(what=what, joint=("knee",)))
    assert report.people == (1, 2)
    if what == "angles":
        mbcli.plot(motion, tmp_path / "feet.svg", PlotOptions(joint=("left_ankle", "foot")))
        with pytest.raises(ConfigError, match=r"--joint must be one of .*, got 'ankle'"):
            mbcli.plot(plain(), tmp_path / "none.svg", PlotOptions(joint=("ankle",)))
    else:
        joints = ("big_toe", "left_heel")
        mbcli.plot(motion, tmp_path / "feet.svg", PlotOptions(what=what, joint=joints))
        with pytest.raises(ConfigError, match=r"--joint must be one of .*, got 'big_toe'"):
            mbcli.plot(plain(), tmp_path / "none.svg", PlotOptions(what=what, joint=joints))


@SKELETONS
@pytest.mark.parametrize("panels", [angle_panels, speed_panels])
def test_curves(skeleton: Skeleton, panels: Any) -> None:
    usual, found = (
        [
            {(panel.label, curve.side): curve for panel in person for curve in panel.curves}
            for person in panels(select(motion, PlotOptions()), ("knee", "left_elbow"))
        ]
        for motion in (plain(), with_feet(plain(), skeleton))
    )
    for person, expected in zip(found, usual, strict=True):
        assert person.keys() == expected.keys()
        for name, curve in person.items():
            np.testing.assert_allclose(curve.values, expected[name].values, atol=1e-4)
            np.testing.assert_array_equal(curve.confidence, expected[name].confidence)


# lifting


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small lifter that says of itself that it takes and gives ``BODY23``."""
    import torch

    from mbcli.lift.checkpoint import save_lifter
    from mbcli.lift.dimensions import DSTformerConfig
    from mbcli.lift.model import DSTformer

    torch.manual_seed(0)
    config = DSTformerConfig(
        dim_feat=16, dim_rep=16, depth=1, num_heads=2, mlp_ratio=2, maxlen=27, num_joints=23
    )
    count = len(FEATURES)
    errors = ErrorModel(
        offsets=np.full(23, -3.0),
        slopes=np.full((len(groups_of(BODY23)), count), 0.1),
        low=np.full(count, -10.0),
        high=np.full(count, 10.0),
        skeleton=BODY23,
    )
    metadata = {"licence": "CC0-1.0", "skeleton": BODY23.name, METADATA_KEY: errors.to_metadata()}
    path = tmp_path_factory.mktemp("weights") / "body23.safetensors"
    save_lifter(path, DSTformer(config), metadata, half=False)
    return path


def in_halpe(motion: Motion3D) -> Keypoints2D:
    """The keypoints of a motion of ``BODY23`` in Halpe-26, whose eyes and ears are missing."""
    data = np.full((*motion.confidence.shape[:2], len(HALPE26), 3), np.nan)
    data[..., 2] = 0
    for number, joint in enumerate(HALPE26.joints):
        joint = {"neck": "thorax"}.get(joint, joint)
        if joint in BODY23.joints:
            data[:, :, number] = motion.keypoints.data[:, :, BODY23.index(joint)]
    return replace(motion.keypoints, data=data, skeleton=HALPE26)


def test_weights_of_more_joints_give_them(weights: Path, tmp_path: Path) -> None:
    from mbcli.keypoints import own

    seen = in_halpe(with_feet(walking(40, people=2)))
    own.write(tmp_path / "kp.npz", seen, {})
    options = InferOptions(weights=str(weights), fix_swaps=False, bridge=False)
    motion = mbcli.infer(tmp_path / "kp.npz", options)
    assert motion.skeleton == BODY23
    assert motion.positions.shape == (40, 2, 23, 3)
    assert motion.present.all()
    toe = BODY23.index("left_big_toe")
    np.testing.assert_array_equal(
        motion.keypoints.data[:, :, toe], seen.data[:, :, HALPE26.index("left_big_toe")]
    )
    assert motion.expected_error is not None
    assert motion.expected_error.shape == (40, 2, 23)
    assert (motion.expected_error[:, :, toe] > 0).all()
    assert (motion.expected_error[:, :, BODY23.root] == 0).all()
    motion.save(tmp_path / "pose.npz")
    assert mbcli.load(tmp_path / "pose.npz") == motion


def test_feet_that_nobody_saw_are_lifted_too(weights: Path, tmp_path: Path) -> None:
    walking(40).save(tmp_path / "pose.npz")
    motion = mbcli.infer(tmp_path / "pose.npz", InferOptions(weights=str(weights)))
    assert motion.skeleton == BODY23
    assert np.isnan(motion.keypoints.data[:, :, 17:, :2]).all()
    assert np.isfinite(motion.positions).all()


@pytest.fixture(scope="module")
def footed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small lifter of Human3.6M's joints with feet."""
    import torch

    from mbcli.lift.checkpoint import save_lifter
    from mbcli.lift.dimensions import DSTformerConfig
    from mbcli.lift.feet import WithFeet, feet_dimensions
    from mbcli.lift.model import DSTformer

    torch.manual_seed(0)
    config = DSTformerConfig(dim_feat=16, dim_rep=16, depth=1, num_heads=2, mlp_ratio=2, maxlen=27)
    model = WithFeet(DSTformer(config), DSTformer(feet_dimensions(config)))
    path = tmp_path_factory.mktemp("weights") / "footed.safetensors"
    save_lifter(path, model, {"licence": "CC0-1.0"}, half=False, feet={})
    return path


@pytest.mark.parametrize(
    ("skeleton", "seen", "joints"),
    [
        ("auto", "halpe26", "body23"),
        ("auto", "h36m17", "h36m17"),
        ("h36m17", "halpe26", "h36m17"),
        ("body23", "halpe26", "body23"),
        ("body23", "h36m17", "body23"),
    ],
)
def test_feet_are_lifted_where_they_are_seen_or_asked_for(
    footed: Path, tmp_path: Path, skeleton: str, seen: str, joints: str
) -> None:
    from mbcli.keypoints import own

    motion = with_feet(walking(30))
    keypoints = in_halpe(motion) if seen == "halpe26" else walking(30).keypoints
    own.write(tmp_path / "kp.npz", keypoints, {})

    def lifted(kind: str) -> Motion3D:
        options = InferOptions(
            weights=str(footed), skeleton=kind, fix_swaps=False, bridge=False, low_pass=0
        )
        return mbcli.infer(tmp_path / "kp.npz", options)

    found, body = lifted(skeleton), lifted("h36m17")
    assert found.skeleton.name == joints
    assert np.isfinite(found.positions).all()
    np.testing.assert_allclose(found.positions[:, :, :17], body.positions, atol=1e-5)
    np.testing.assert_allclose(found.root, body.root, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        ("tiny", {"skeleton": "body23"}, WeightsError, "weights with feet are needed"),
        (
            "body23",
            {"skeleton": "h36m17"},
            ConfigError,
            "--skeleton must be body23 with these weights, got h36m17",
        ),
        (
            "tiny",
            {"skeleton": "body23", "compat": "motionbert"},
            ConfigError,
            "--skeleton must be h36m17 or auto with --compat, got body23",
        ),
        (
            "tiny",
            {"skeleton": "coco17"},
            ConfigError,
            "--skeleton must be auto, h36m17 or body23, got 'coco17'",
        ),
    ],
)
def test_skeletons_that_weights_do_not_have(
    weights: Path,
    tiny_lifter: Path,
    tmp_path: Path,
    kind: str,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    walking(20).save(tmp_path / "pose.npz")
    path = tiny_lifter if kind == "tiny" else weights
    with pytest.raises(error, match=message):
        mbcli.infer(tmp_path / "pose.npz", InferOptions(weights=str(path), **options))


def test_mirror_averaging_swaps_the_feet(weights: Path) -> None:
    from mbcli.lift.checkpoint import load_lifter
    from mbcli.lift.lifter import Lifter, LiftOptions

    model, info = load_lifter(weights)
    lifter = Lifter(model, LiftOptions(device="cpu"), info.metadata)
    assert lifter.skeleton == BODY23
    clips = np.random.default_rng(1).normal(size=(2, 9, 23, 3)).astype(np.float32)
    sign, mirror = np.array([-1, 1, 1], np.float32), list(BODY23.mirror)
    straight, mirrored = lifter.network(clips), lifter.network(clips[:, :, mirror] * sign)
    np.testing.assert_allclose(mirrored[:, :, mirror] * sign, straight, atol=1e-5)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("body99", r"must be for one of coco17, .*body23, got 'body99'"),
        (["body23"], r"must be for one of .*, got \['body23'\]"),
        ("halpe26", r"are not for a body: .* got halpe26 without"),
    ],
)
def test_weights_that_describe_no_body(weights: Path, named: Any, message: str) -> None:
    from mbcli.lift.checkpoint import load_lifter
    from mbcli.lift.lifter import Lifter, LiftOptions

    model, info = load_lifter(weights)
    with pytest.raises(WeightsError, match=message):
        Lifter(model, LiftOptions(device="cpu"), {**info.metadata, "skeleton": named})
    with pytest.raises(WeightsError, match=r"of h36m17 must have 17 joints .* got 23"):
        Lifter(model, LiftOptions(device="cpu"))
    with pytest.raises(ConfigError, match="--compat motionbert must have weights of h36m17"):
        Lifter(model, LiftOptions(device="cpu", compat="motionbert"), info.metadata)
