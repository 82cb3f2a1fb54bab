"""Recordings of bones and joints that are imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from data import conftest as data_conftest
from data import test_amass, test_asf_amc, test_joint_arrays

from .cases import Subject
from .importers import imported, imports, write_arrays
from .stores import moving


def _bvh(folder: Path) -> None:
    (folder / "a.bvh").write_text(data_conftest.bvh_text(90, {"LeftLeg": np.linspace(0, 60, 90)}))


# Acclaim's names of a body: bone, parent, direction, length in units of the file.
_BONES = (
    *((f"{s}hipjoint", "root", (x, -1, 0), 2) for s, x in (("l", 1), ("r", -1))),
    *((f"{s}femur", f"{s}hipjoint", (0, -1, 0), 7) for s in "lr"),
    *((f"{s}tibia", f"{s}femur", (0, -1, 0), 7) for s in "lr"),
    *((f"{s}foot", f"{s}tibia", (0, -0.2, 1), 2) for s in "lr"),
    ("thorax", "root", (0, 1, 0), 7),
    ("head", "thorax", (0, 1, 0), 3),
    *((f"{s}clavicle", "thorax", (x, 0.2, 0), 3) for s, x in (("l", 1), ("r", -1))),
    *((f"{s}humerus", f"{s}clavicle", (x, 0, 0), 5) for s, x in (("l", 1), ("r", -1))),
    *((f"{s}radius", f"{s}humerus", (x, 0, 0), 4) for s, x in (("l", 1), ("r", -1))),
    *((f"{s}wrist", f"{s}radius", (x, 0, 0), 2) for s, x in (("l", 1), ("r", -1))),
)


def build_acclaim(folder: Path) -> None:
    bones = "".join(
        f"  begin\n     id {n}\n     name {name}\n     direction {x} {y} {z}\n"
        f"     length {long}\n     axis 0 0 0  XYZ\n    dof rx ry rz\n"
        "    limits (-160.0 20.0)\n           (-70.0 70.0)\n           (-60.0 70.0)\n  end\n"
        for n, (name, _, (x, y, z), long) in enumerate(_BONES, 1)
    )
    children: dict[str, list[str]] = {}
    for name, parent, _, _ in _BONES:
        children.setdefault(parent, []).append(name)
    tree = "".join(f"    {parent} {' '.join(some)}\n" for parent, some in children.items())
    text = test_asf_amc.ASF
    start, end = text.index(":bonedata"), text.index(":hierarchy")
    text = f"{text[:start]}:bonedata\n{bones}{text[end:].split('begin')[0]}begin\n{tree}  end\n"
    frames = "".join(
        f"{frame}\nroot 0 16 {frame / 10} 0 0 0\n"
        + "".join(f"{name} {frame / 10} 0 0\n" for name, *_ in _BONES)
        for frame in range(1, 90)
    )
    (folder / "a").mkdir()
    (folder / "a" / "01.asf").write_text(text.replace("length 0.5", "length 0.45"))
    (folder / "a" / "01_01.amc").write_text(f"#!OML:ASF\n:FULLY-SPECIFIED\n:DEGREES\n{frames}")


def _joints() -> Any:
    names, body = test_joint_arrays.NAMES, moving()
    columns = [
        body[:, test_joint_arrays.J("thorax")] + (0, 0.14, 0)
        if ours == "skull"
        else body[:, test_joint_arrays.J(ours)]
        for ours in names.values()
    ]
    return {
        "joints": np.array([f"Neo_{name}" for name in names]),
        "walk": np.stack(columns, 1),
        "fps": np.array(60.0),
    }


def _amass(folder: Path) -> None:
    (folder / "smplh" / "male").mkdir(parents=True)
    np.savez(folder / "smplh" / "male" / "model.npz", **data_conftest.smpl_arrays())  # type: ignore[arg-type]
    test_amass.recording(folder / "amass" / "a.npz", frames=60)


def _amass_tree() -> Any:
    frames = 60
    return {
        "poses": np.zeros((frames, 156)),
        "trans": np.tile([0.5, 2.0, 1.2], (frames, 1)),
        "betas": np.zeros(16),
        "gender": np.array("male"),
        "mocap_framerate": np.array(120.0),
    }


def subjects() -> list[Subject]:
    """All of them."""
    return [
        Subject("importers", "bvh", imports("bvh", "a.bvh"), "a.bvh", _bvh, weight=2),
        Subject("importers", "asf", imports("asf-amc", "a"), "a/01.asf", build_acclaim),
        Subject("importers", "amc", imports("asf-amc", "a"), "a/01_01.amc", build_acclaim),
        imported(
            "joints", imports("joints", "a.npz"), "a.npz", _joints, write_arrays, archive=True
        ),
        Subject(
            "importers",
            "amass",
            imports("amass", "amass", "--models", "smplh"),
            "amass/a.npz",
            _amass,
            _amass_tree,
            write_arrays,
            archive=True,
        ),
    ]
