"""What Blender makes of the files: upright, joints in their places, also through FBX.

Needs a Python that imports ``bpy``: this one, or the one that MBCLI_TEST_BLENDER names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from motions import walking

from mbcli.errors import ConfigError, OutputError
from mbcli.exports import FORMATS
from mbcli.exports.axes import turn
from mbcli.exports.bvh import write_bvh
from mbcli.exports.export import export
from mbcli.exports.glb import write_glb
from mbcli.exports.options import ExportOptions
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17

# Every bone's head in Blender's world, frame by frame.
READ = """
import sys
import bpy, numpy as np
source, target, fps, order = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]
bpy.ops.wm.read_factory_settings(use_empty=True)
render = bpy.context.scene.render
render.fps = round(fps)
if source.endswith(".bvh"):
    bpy.ops.import_anim.bvh(filepath=source, update_scene_fps=True)
elif source.endswith(".fbx"):
    bpy.ops.import_scene.fbx(filepath=source)
else:
    bpy.ops.import_scene.gltf(filepath=source)
    render.fps_base = round(fps) / fps
# Blender reads seconds of 59.94 frames at 60, so that keys fall between its frames.
first, last = bpy.data.actions[0].frame_range
step = 1.0 if source.endswith(".bvh") else round(fps) / fps
frames = first + step * np.arange(round((last - first) / step) + 1)
found = {}
for body in [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]:
    places = found[body.name] = np.full((len(frames), len(order), 3), np.nan)
    for number_of_frame, frame in enumerate(frames):
        bpy.context.scene.frame_set(int(frame), subframe=float(frame % 1))
        for number, name in enumerate(order):
            if name in body.pose.bones:
                place = body.matrix_world @ body.pose.bones[name].head
            else:  # BVH: Blender has no bone for an end
                place = body.matrix_world @ body.pose.bones["nose"].tail
            places[number_of_frame, number] = place
np.savez(target, fps=render.fps / render.fps_base, **found)
"""


@pytest.fixture(scope="module")
def blender() -> str:
    """The Python that has Blender."""
    python = os.environ.get("MBCLI_TEST_BLENDER", sys.executable)
    tried = subprocess.run([python, "-c", "import bpy"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("bpy (Blender) is not installed; MBCLI_TEST_BLENDER may name a Python with it")
    return python


def run(blender: str, script: str, *words: str) -> None:
    # Blender as a module now and then crashes while Python ends, when all is done.
    leave = "\nimport os; os._exit(0)"
    done = subprocess.run(
        [blender, "-c", script + leave, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def check(blender: str, path: Path, motion: Motion3D) -> None:
    target = path.with_name("places.npz")
    run(blender, READ, str(path), str(target), str(motion.fps), *H36M17.joints)
    with np.load(target) as found:
        assert float(found["fps"]) == pytest.approx(motion.fps)
        bodies = sorted(set(found.files) - {"fps"})
        assert len(bodies) == len(motion.track_ids)
        for person, body in enumerate(bodies):
            places = found[body]
            points = motion.in_world[:, person] @ turn("z").T  # as Blender has it
            wanted = with_lengths(points, usual_lengths(points, H36M17, symmetric=True), H36M17)
            assert places.shape == wanted.shape
            assert np.linalg.norm(places - wanted, axis=-1).max() < 1e-3
            height = dict(zip(H36M17.joints, places[..., 2].mean(axis=0), strict=True))
            assert height["head"] > height["pelvis"] > height["left_ankle"]


def test_blender_imports_the_bvh_upright(tmp_path: Path, blender: str) -> None:
    motion = walking(frames=20, fps=25.0)
    write_bvh(motion, tmp_path / "walk.bvh", ExportOptions())
    check(blender, tmp_path / "walk.bvh", motion)


def test_blenders_boxes_have_the_names_that_are_printed(blender: str) -> None:
    """The note on BVH names them; one that Blender calls otherwise cannot be found."""
    script = """
import sys
import bpy
boxes = bpy.ops.import_anim.bvh.get_rna_type().properties
names = [boxes[one].name for one in ("use_fps_scale", "update_scene_fps")]
assert all(name in sys.argv[1] for name in names), names
"""
    run(blender, script, FORMATS["bvh"].says)


def test_blender_imports_the_glb_upright_and_turns_it_into_fbx(
    tmp_path: Path, blender: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion = walking(frames=20, people=2, fps=59.94)
    glb, fbx = tmp_path / "walk.glb", tmp_path / "walk.fbx"
    write_glb(motion, glb, ExportOptions())
    check(blender, glb, motion)
    monkeypatch.setenv("MBCLI_BLENDER", blender)
    assert export(motion, fbx) == [fbx]
    assert {path.name for path in tmp_path.iterdir()} == {"walk.glb", "walk.fbx", "places.npz"}
    check(blender, fbx, motion)


def test_a_blender_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "blender"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'out of memory' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("MBCLI_BLENDER", str(program))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(OutputError, match="could not write the FBX: out of memory"):
        export(walking(3), out / "walk.fbx")
    program.write_text("#!/bin/sh\nexit 0\n")  # and says that all is well
    with pytest.raises(OutputError, match="could not write the FBX: it says nothing"):
        export(walking(3), out / "walk.fbx")
    assert not list(out.iterdir())


def test_without_blender_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mbcli.exports.fbx.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MBCLI_BLENDER", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'mbcli\[fbx\]'.*import_scene\.gltf"):
        export(walking(3), tmp_path / "walk.fbx")
    monkeypatch.setenv("MBCLI_BLENDER", "no-such-blender")
    with pytest.raises(ConfigError, match="MBCLI_BLENDER must name a program, got no-such"):
        export(walking(3), tmp_path / "walk.fbx")
    assert not list(tmp_path.iterdir())
