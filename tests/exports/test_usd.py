"""USD read back through UsdSkel, which computes the joints' places itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking

from mbcli.errors import ConfigError, NobodyFoundError
from mbcli.exports.axes import turn
from mbcli.exports.options import ExportOptions
from mbcli.exports.usd import write_usd
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.skeleton import H36M17


@pytest.mark.parametrize("suffix", [".usda", ".usdc", ".usd"])
@pytest.mark.parametrize(("up", "scale"), [("y", None), ("z", 100.0)])
def test_usdskel_finds_the_positions_with_constant_lengths(
    tmp_path: Path, suffix: str, up: str, scale: float | None
) -> None:
    pytest.importorskip("pxr", reason="reads back what was written")
    from pxr import Usd, UsdGeom, UsdSkel

    motion = walking(frames=8, people=2, fps=25.0)
    path = tmp_path / f"walk{suffix}"
    write_usd(motion, path, ExportOptions(up="z" if up == "z" else "y", scale=scale))
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageUpAxis(stage) == up.upper()
    assert UsdGeom.GetStageMetersPerUnit(stage) == pytest.approx(1 / (scale or 1))
    assert stage.GetTimeCodesPerSecond() == 25
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, 7)
    assert "axes: right-handed" in stage.GetRootLayer().customLayerData["notes"]
    points = motion.in_world @ turn("z" if up == "z" else "y").T * (scale or 1)
    cache = UsdSkel.Cache()
    for person in range(2):
        place = f"/people/person_{person + 1}"
        root = UsdSkel.Root.Get(stage, place)
        assert cache.Populate(root, Usd.PrimDefaultPredicate)
        query = cache.GetSkelQuery(UsdSkel.Skeleton.Get(stage, f"{place}/skeleton"))
        names = [str(name).rpartition("/")[2] for name in query.GetJointOrder()]
        wanted = with_lengths(
            points[:, person], usual_lengths(points[:, person], H36M17, symmetric=True), H36M17
        )
        for frame in range(8):
            found = np.array(query.ComputeJointSkelTransforms(Usd.TimeCode(frame)))[:, 3, :3]
            chosen = found[[names.index(joint) for joint in H36M17.joints]]
            assert np.abs(chosen - wanted[frame]).max() < 1e-4 * (scale or 1)
        skins = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
        assert [len(skin.GetSkinningTargets()) for skin in skins] == [3]
        mesh = skins[0].GetSkinningTargets()[0]
        shape = np.array(UsdGeom.Mesh(mesh.GetPrim()).GetPointsAttr().Get())
        height = shape[:, 1 if up == "y" else 2] / (scale or 1)
        assert -0.05 < height.min() < height.max() < 1.9
    assert UsdSkel.Topology(query.GetJointOrder()).Validate()


def test_what_cannot_be_written(tmp_path: Path) -> None:
    pytest.importorskip("pxr", reason="writes the file")
    with pytest.raises(NobodyFoundError, match="got none in 3 frames"):
        write_usd(hidden(walking(3), slice(None)), tmp_path / "none.usda", ExportOptions())
    assert not (tmp_path / "none.usda").exists()


def test_without_usd_core_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pxr.Usd", None)
    with pytest.raises(ConfigError, match=r"pip install 'mbcli\[formats\]'"):
        write_usd(walking(2), tmp_path / "walk.usda", ExportOptions())
