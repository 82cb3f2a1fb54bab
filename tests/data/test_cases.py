"""Files of users on which an import once fell short (`../shared/cases/files`)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mbcli.cli.app import app
from mbcli.data.stores.store import ClipStore
from mbcli.skeleton import BODY21

CASES = Path(__file__).parents[3] / "shared" / "cases" / "files"
needs_cases = pytest.mark.skipif(not CASES.exists(), reason="cases that are not in the repository")
J = BODY21.index


def imported(case: str, out: Path, *more: str, format: str = "bvh") -> ClipStore:
    """The store of a case, with nothing refused and nothing broken."""
    words = ["data", "import", format, str(CASES / case), "--out", str(out), "--json", *more]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["refused"] == []
    checked = CliRunner().invoke(app, ["data", "check", str(out), "--quiet"])
    assert checked.exit_code == 0, checked.output
    return ClipStore.open(out)


@needs_cases
@pytest.mark.parametrize(
    ("case", "read_as"),
    [
        ("bvh_frame_count_off_by_one", "y up"),
        ("bvh_mixamo_prefix", "y up"),
        ("bvh_utf8_bom", "y up"),
        ("bvh_z_up_motion", "z up"),
    ],
)
def test_the_person_is_the_plain_one(case: str, read_as: str, tmp_path: Path) -> None:
    store = imported(case, tmp_path / "s")
    plain = imported("bvh_plain_control", tmp_path / "plain")
    body, wanted = store.joints(store.clips[0]), plain.joints(plain.clips[0])
    assert wanted[:, J("head"), 1].min() > 1.4
    assert (wanted[:, J("nose"), 2] > wanted[:, J("left_ear"), 2]).all()
    np.testing.assert_allclose(body - body[:, :1], wanted - wanted[:, :1], atol=1e-4)
    assert store.clips[0].read_as.startswith(f"{read_as} (found from the motion), cm")


@needs_cases
def test_a_flat_folder_is_one_person(tmp_path: Path) -> None:
    store = imported("bvh_flat_folder", tmp_path / "s")
    assert (len(store.clips), store.subjects) == (2, ("takes",))


@needs_cases
@pytest.mark.parametrize("case", ["bvh_frame_time_in_ms", "bvh_frame_time_one_second"])
def test_absurd_frame_times_name_the_option_that_helps(case: str, tmp_path: Path) -> None:
    words = ["data", "import", "bvh", str(CASES / case), "--out", str(tmp_path / "s")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    (line,) = [line for line in done.output.splitlines() if line.startswith("error")]
    assert "--fps" in line
    (clip,) = imported(case, tmp_path / "s", "--fps", "30").clips
    assert clip.fps == 30


@needs_cases
def test_a_rest_pose_along_x_is_no_obstacle(tmp_path: Path) -> None:
    """The file's person has trunk and thighs along +x, the left side at +z, so the face at +y."""
    store = imported("bvh_rest_pose_along_x", tmp_path / "s")
    (clip,) = store.clips
    body = store.joints(clip)
    assert clip.read_as.startswith("y up (found from the motion), cm")
    up, left, ahead = np.eye(3)[[0, 2, 1]]
    for length, joint, above, way in (
        (0.46, "thorax", "pelvis", up),
        (0.42, "left_knee", "left_hip", up),
        (0.42, "right_ankle", "right_knee", up),
        (0.20, "left_hip", "right_hip", left),
    ):
        first = body[0, J(joint)] - body[0, J(above)]
        np.testing.assert_allclose(first, length * way, atol=1e-3, err_msg=joint)
    face = body[:, J("nose")] - (body[:, J("left_ear")] + body[:, J("right_ear")]) / 2
    assert (face @ ahead > 0.9 * np.linalg.norm(face, axis=-1)).all()
    # The legs swing, the root walks 3 cm a frame along z.
    np.testing.assert_allclose(np.diff(body[:, J("pelvis"), 2]), 0.03, atol=1e-4)


@needs_cases
def test_amc_says_its_rate(tmp_path: Path) -> None:
    (clip,) = imported("amc_samples_per_second", tmp_path / "s", format="asf-amc").clips
    assert clip.fps == 60
    assert clip.seconds == pytest.approx(100 / 60)


@needs_cases
@pytest.mark.parametrize(("format", "suffix"), [("bvh", "bvh"), ("c3d", "c3d"), ("trc", "trc")])
def test_our_own_exports_come_back(format: str, suffix: str, tmp_path: Path) -> None:
    case = CASES / "bvh_own_export_not_importable" / "pose.npz"
    (tmp_path / "in").mkdir()
    words = ["export", str(case), "--out", str(tmp_path / "in" / f"p.{suffix}"), "--quiet"]
    assert CliRunner().invoke(app, words).exit_code == 0
    store = imported(str(tmp_path / "in"), tmp_path / "s", format=format)
    body = store.joints(store.clips[0])
    assert (body[:, J("head"), 1] > body[:, J("pelvis"), 1] + 0.4).all()
