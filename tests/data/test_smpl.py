from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse

from mbcli.data.recordings.smpl import JOINTS, SmplModel, turned
from mbcli.errors import DataError
from mbcli.kinematics.rotations import from_vectors, to_vectors

Arrays = dict[str, Any]
MakeModel = Callable[..., Arrays]
J = JOINTS.index
NO_BETAS = np.zeros(16)


def write(path: Path, arrays: Arrays) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.fixture
def model(tmp_path: Path, smpl_data: MakeModel) -> SmplModel:
    return SmplModel.load(write(tmp_path / "model.npz", smpl_data()))


def move(model: SmplModel, turns: dict[str, tuple[float, float, float]], **options: Any) -> Any:
    poses = np.zeros((1, 52, 3))
    for joint, vector in turns.items():
        poses[0, J(joint)] = vector
    trans = options.get("trans", np.zeros((1, 3)))
    betas = options.get("betas", NO_BETAS)
    return model.recording(poses, trans, betas, fps=30.0, source=Path("x"))


def joints(*args: Any, **options: Any) -> npt.NDArray[np.float64]:
    return move(*args, **options).forward()[0][0]


def test_rotation_vectors_and_matrices_are_inverse() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(500, 3))
    vectors *= rng.uniform(0, np.pi, (500, 1)) / np.linalg.norm(vectors, axis=-1, keepdims=True)
    vectors[0], vectors[1], vectors[2] = 0, (np.pi, 0, 0), (1e-9, 0, 2e-9)
    matrices = from_vectors(vectors)
    np.testing.assert_allclose(
        matrices @ matrices.swapaxes(-1, -2), np.eye(3) + 0 * matrices, atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0)
    np.testing.assert_allclose(to_vectors(matrices), vectors, atol=1e-12)
    # A quarter turn about z takes x to y.
    np.testing.assert_allclose(from_vectors((0, 0, np.pi / 2)) @ (1, 0, 0), (0, 1, 0), atol=1e-12)


def test_the_rest_pose_is_the_template(model: SmplModel) -> None:
    places = joints(model, {})
    np.testing.assert_allclose(places[:52], model.template[:52], atol=1e-12)
    np.testing.assert_allclose(places[52], (0, 0.53, 0.02), atol=1e-12)  # 0.07 below the crown


def test_a_bent_knee_folds_the_shin_back(model: SmplModel) -> None:
    places = joints(model, {"left_knee": (np.pi / 2, 0, 0)})
    shin = places[J("left_ankle")] - places[J("left_knee")]
    # At rest (-0.01, -0.40, -0.03); a quarter turn about x takes y to z and z to -y.
    np.testing.assert_allclose(shin, (-0.01, 0.03, -0.40), atol=1e-12)
    np.testing.assert_allclose(places[J("right_ankle")], model.template[J("right_ankle")])


def test_the_root_turns_about_its_own_joint(model: SmplModel) -> None:
    turn, shift = (0.3, -0.8, 1.1), np.array([[1.0, 2.0, 3.0]])
    still = joints(model, {"left_elbow": (0, 1.0, 0)})
    moved = joints(model, {"left_elbow": (0, 1.0, 0), "pelvis": turn}, trans=shift)
    np.testing.assert_allclose(moved[0], still[0] + shift[0], atol=1e-12)
    np.testing.assert_allclose(
        moved - moved[0], (still - still[0]) @ from_vectors(turn).T, atol=1e-12
    )


def test_betas_shape_the_bones(model: SmplModel) -> None:
    betas = np.array([0.1, 0.05, *[0.0] * 20])  # more than the model knows
    places = joints(model, {}, betas=betas)
    np.testing.assert_allclose(places[J("left_knee"), 1], 1.1 * -0.67)
    np.testing.assert_allclose(places[J("left_wrist"), 0], 0.68 + 0.05)
    np.testing.assert_allclose(places[J("right_wrist"), 0], -0.68)


def test_the_skin_follows_its_joints(
    model: SmplModel, tmp_path: Path, smpl_data: MakeModel
) -> None:
    arrays = smpl_data()
    half = J("left_elbow")
    arrays["weights"][52] = 0
    arrays["weights"][52, [J("left_shoulder"), half]] = 0.5
    # The entry of R - 1 that is sin(a) of the left elbow lifts vertex 52 by 0.1 metres.
    arrays["posedirs"][52, 1, 9 * (half - 1) + 2] = 0.1
    skin = SmplModel.load(write(tmp_path / "skin.npz", arrays))
    motion = move(skin, {"left_elbow": (0, np.pi / 2, 0)})
    found = skin.surface(motion, NO_BETAS, [52, J("left_wrist")])[0]
    start = np.array([0.0, 0.7, 0.02])
    elbow = np.array([0.43, 0.22, 0])
    offset = start - elbow
    rigid = elbow + np.array([offset[2], offset[1], -offset[0]])
    np.testing.assert_allclose(found[0], (start + rigid) / 2, atol=1e-7)
    np.testing.assert_allclose(found[1], motion.forward()[0][0, J("left_wrist")], atol=1e-12)
    # In another world the skin goes along.
    turn = from_vectors((0.4, 0.5, -0.6))
    other = skin.surface(turned(motion, turn), NO_BETAS, [52, J("left_wrist")])[0]
    np.testing.assert_allclose(other, found @ turn.T, atol=1e-12)


def test_original_pickles_are_read_without_their_packages(
    tmp_path: Path, smpl_data: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published files hold chumpy arrays and a sparse regressor."""
    chumpy = types.ModuleType("chumpy.ch")

    class Ch:
        pass

    class Select(Ch):
        pass

    for made in (Ch, Select):
        made.__module__, made.__qualname__ = "chumpy.ch", made.__name__
        setattr(chumpy, made.__name__, made)
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", chumpy)
    arrays = smpl_data()
    wanted = SmplModel.load(write(tmp_path / "m.npz", arrays))
    shapes, template = Ch(), Select()
    shapes.__dict__.update(x=arrays["shapedirs"], _dirty_vars=set(), _itr=None)
    base = Ch()
    base.__dict__["x"] = np.concatenate([np.zeros(6), arrays["v_template"].ravel()])
    template.__dict__.update(a=base, idxs=np.arange(53 * 3) + 6, preferred_shape=(53, 3))
    arrays |= {
        "shapedirs": shapes,
        "v_template": template,
        "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]),
        "bs_style": "lbs",
    }
    for protocol in (0, 2):
        path = tmp_path / f"model{protocol}.pkl"
        path.write_bytes(pickle.dumps(arrays, protocol=protocol, fix_imports=True))
        found = SmplModel.load(path)
        np.testing.assert_array_equal(found.template, wanted.template)
        np.testing.assert_array_equal(found.shapedirs, wanted.shapedirs)
        np.testing.assert_array_equal(found.regressor, wanted.regressor)
        assert found.parents == wanted.parents


def test_a_pickle_that_names_more_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataError, match=r"got os\.system: it was not run"):
        SmplModel.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": None}, r"must hold the array 'weights'"),
        (
            {"shapedirs": np.zeros((53, 2, 10))},
            r"shapedirs must be \(53, 3, any\), got \(53, 2, 10\)",
        ),
        ({"v_template": np.full((53, 3), np.nan)}, "v_template must hold finite numbers"),
        ({"J_regressor": np.zeros((5, 53))}, "must have at least 22 joints, got 5"),
        ({"posedirs": np.zeros((53, 3, 207))}, r"posedirs must be \(53, 3, 459\)"),
        ({"weights": np.array("lbs")}, "weights must be an array of numbers"),
        ({"kintree_table": np.full((2, 52), 60)}, "parents before children"),
    ],
)
def test_broken_models_are_reported(
    tmp_path: Path, smpl_data: MakeModel, change: Arrays, message: str
) -> None:
    arrays = {k: v for k, v in (smpl_data() | change).items() if v is not None}
    with pytest.raises(DataError, match=message) as error:
        SmplModel.load(write(tmp_path / "model.npz", arrays))
    assert "\n" not in str(error.value)


def test_a_model_that_is_cut_off(tmp_path: Path, smpl_data: MakeModel) -> None:
    path = write(tmp_path / "model.npz", smpl_data())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"not a complete \.npz"):
        SmplModel.load(path)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        SmplModel.load(tmp_path / "absent.pkl")
