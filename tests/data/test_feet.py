"""Heels and toes of recordings: level where the foot stands, turned with it elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from walkers import bvh_of, rebound, renamed, turned, walker

from mbcli.data.recordings.body import figure_of
from mbcli.data.recordings.figure import placed
from mbcli.data.recordings.hierarchy import Recording
from mbcli.data.recordings.importing import import_folder
from mbcli.data.recordings.points import figure_of_points
from mbcli.data.recordings.upright import turn_up
from mbcli.data.stores.store import ClipStore, StoreWriter, merge_clips
from mbcli.errors import DataError
from mbcli.skeleton import BODY21, FEET

TIPTOE = 30.0  # degrees
STANDING = slice(0, 60)


def tiptoeing() -> Recording:
    """Stands still, facing z; then the left heel rises while the ankle stays."""
    person = walker(90)
    tree = person.hierarchy
    rotations = np.tile(np.eye(3), (90, len(tree), 1, 1))
    for side, s in (("left", 1), ("right", -1)):
        rotations[:, tree.index(f"{side}_shoulder")] = Rotation.from_euler(
            "z", -75 * s, degrees=True
        ).as_matrix()
    rotations[STANDING.stop :, tree.index("left_ankle")] = Rotation.from_euler(
        "x", TIPTOE, degrees=True
    ).as_matrix()
    place = np.tile([0.0, 0.93, 0.0], (90, 1))
    return replace(person, rotations=rotations, translations={0: place})


def soles(recording: Recording) -> np.ndarray:
    feet = placed(figure_of(recording)).feet
    assert feet is not None
    return feet


def of(feet: np.ndarray, joint: str) -> np.ndarray:
    return feet[:, FEET.index(joint)]


@pytest.mark.parametrize("rest", ["standing", "z", "x"])
def test_a_standing_foot_is_level_and_points_ahead(rest: str) -> None:
    person = tiptoeing()
    if rest != "standing":
        person = rebound(person, {"z": np.array([0.0, 0, 1]), "x": np.array([1.0, 0, 0])}[rest])
    body = placed(figure_of(person)).body
    feet = soles(person)[STANDING]
    for side, out in (("left", 1.0), ("right", -1.0)):
        ankle = body[STANDING, BODY21.index(f"{side}_ankle")]
        heel, big, small = (of(feet, f"{side}_{part}") for part in ("heel", "big_toe", "small_toe"))
        heights = np.stack([heel, big, small])[..., 1] - ankle[:, 1]
        assert np.ptp(heights) < 0.01
        assert (heights < -0.04).all()
        assert (heights > -0.09).all()
        assert ((big - heel)[:, 2] > 0.2).all()
        assert ((heel - ankle)[:, 2] < -0.03).all()
        assert (out * (small - big)[:, 0] > 0.04).all()
        assert ((big - small)[:, 2] > 0.02).all()


def test_a_heel_that_rises_turns_its_foot_alone() -> None:
    feet = soles(tiptoeing())
    before, after = feet[30], feet[80]
    for side, angle in (("left", TIPTOE), ("right", 0.0)):
        toe, heel = FEET.index(f"{side}_big_toe"), FEET.index(f"{side}_heel")
        one, other = before[toe] - before[heel], after[toe] - after[heel]
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert np.degrees(np.arccos(min(1.0, cosine))) == pytest.approx(angle, abs=0.5)
        assert (after[heel] - after[toe])[1] == pytest.approx(
            np.linalg.norm(other) * np.sin(np.radians(angle)), abs=0.01
        )


def test_axes_and_unit_of_the_file_do_not_matter() -> None:
    person = walker()
    feet, body = soles(person), placed(figure_of(person)).body
    away = placed(figure_of(turned(person, turn_up("-z").T, 100.0)))
    assert away.feet is not None
    np.testing.assert_allclose(away.body, body, atol=1e-5)
    np.testing.assert_allclose(away.feet, feet, atol=1e-5)


def test_points_with_toes_have_feet_by_the_shank() -> None:
    person = tiptoeing()
    positions, _ = person.forward()
    figure = figure_of_points(person.hierarchy.names, positions, person.fps)
    found = placed(figure).feet
    assert found is not None
    np.testing.assert_allclose(found[STANDING], soles(person)[STANDING], atol=0.002)


def test_stores_have_feet_where_recordings_have_toes(tmp_path: Path) -> None:
    person = walker()
    source = tmp_path / "source"
    source.mkdir()
    (source / "with.bvh").write_text(bvh_of(person))
    none = {f"{side}_toe": f"{side}_lace" for side in ("left", "right")}
    (source / "without.bvh").write_text(bvh_of(renamed(person, none)))
    import_folder("bvh", source, tmp_path / "store")
    store = ClipStore.open(tmp_path / "store")
    found = {Path(clip.source).stem: store.feet_of(clip) for clip in store.clips}
    assert found["without"] is None
    assert found["with"] is not None
    np.testing.assert_allclose(found["with"], soles(person)[: len(found["with"])], atol=1e-4)

    merged = merge_clips([(store, clip) for clip in store.clips], tmp_path / "merged")
    clip = next(c for c in merged.clips if c.source == "with.bvh")
    np.testing.assert_array_equal(merged.feet_of(clip), found["with"])

    (tmp_path / "merged" / "feet.npy").unlink()  # a store of mbcli 0.2.0
    older = ClipStore.open(tmp_path / "merged")
    assert all(older.feet_of(clip) is None for clip in older.clips)


@pytest.mark.parametrize(
    ("feet", "message"),
    [
        (np.zeros((9, 6, 3)), r"the feet must be \(10, 6, 3\), got \(9, 6, 3\)"),
        (np.full((10, 6, 3), np.nan), "all positions must be finite numbers"),
    ],
)
def test_feet_that_a_store_refuses(tmp_path: Path, feet: np.ndarray, message: str) -> None:
    about = {"name": "a", "subject": "a", "source": "a.bvh", "fps": 30.0}
    with (
        pytest.raises(DataError, match=message),
        StoreWriter(tmp_path / "store") as writer,
    ):
        writer.add(np.zeros((10, 21, 3)), feet=feet, **about)  # type: ignore[arg-type]
    assert not (tmp_path / "store").exists()
