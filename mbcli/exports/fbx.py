"""FBX through Blender: the format is closed, so that Blender converts a GLB to it.

Blender is run as a program of its own: ``blender`` where it is on the path, or its Python module
``bpy`` (``pip install 'mbcli[fbx]'``, Python 3.11); ``MBCLI_BLENDER`` names another one, or a
Python that imports ``bpy``. Tested with 4.2 and 5.0.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from mbcli.errors import ConfigError, OutputError
from mbcli.exports.glb import write_glb
from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D

# Names a Blender, or a Python with its module.
VARIABLE = "MBCLI_BLENDER"

# By default, Blender converts glTF's seconds at the scene's rate, plays frames from 0, draws joints
# as spheres, writes every motion for every person, and thins out keys.
_IMPORT = (
    "import bpy",
    "fps = {fps:.10g}",
    "bpy.ops.wm.read_factory_settings(use_empty=True)",
    "s = bpy.context.scene",
    "s.render.fps = round(fps)",
    "bpy.ops.import_scene.gltf(filepath={glb!r}, disable_bone_shape=True)",
)
# Blender represents a rate such as 59.94 as 60 and a divisor, by which its glTF importer multiplies
# instead; so the keys are imported at 60 and moved onto the frames. Since Blender 4.4, curves are
# in layers, and an action has none itself since 5.0.
_UNEVEN = (
    "s.render.fps_base = round(fps) / fps",
    "[setattr(k.co, 'x', round(k.co.x * fps / round(fps))) for a in bpy.data.actions "
    "for c in (a.fcurves if hasattr(a, 'fcurves') else [c for l in a.layers for p in l.strips "
    "for b in p.channelbags for c in b.fcurves]) for k in c.keyframe_points]",
)
_EXPORT = (
    "s.frame_start = 0",
    "s.frame_end = round(max(a.frame_range[1] for a in bpy.data.actions))",
    "bpy.ops.export_scene.fbx(filepath={fbx!r}, add_leaf_bones=False, "
    "bake_anim_use_nla_strips=False, bake_anim_use_all_actions=False, "
    "bake_anim_simplify_factor=0)",
)
# Blender as a module now and then crashes while Python ends, when all is done.
_LEAVE = "import os; os._exit(0)"


def write_fbx(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Create ``path`` from a motion: a GLB, which Blender converts.

    Raises:
        NobodyFoundError: there are no people, or one of them is in no frame.
        ConfigError: there is no Blender.
        OutputError: Blender has failed.
    """
    command = blender()
    glb = path.with_suffix(".glb")
    fbx = path.with_suffix(".fbx")
    write_glb(motion, glb, options)
    script = f"{blender_script(str(glb), str(fbx), motion.fps)}; {_LEAVE}"
    done = subprocess.run(
        [*command, script], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    glb.unlink()
    if done.returncode or not fbx.is_file():
        lines = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()
        raise OutputError(f"Blender could not write the FBX: {lines[-1]}")
    fbx.replace(path)


def blender() -> list[str]:
    """The command that runs a line of Python in Blender, without the line.

    Raises:
        ConfigError: there is no Blender.
    """
    named = os.environ.get(VARIABLE)
    program = named or shutil.which("blender")
    if program is not None:
        if shutil.which(program) is None:
            raise ConfigError(f"{VARIABLE} must name a program, got {program}")
        if "python" in Path(program).name:
            return [program, "-c"]
        return [program, "--background", "--python-exit-code", "1", "--python-expr"]
    if find_spec("bpy") is not None:
        return [sys.executable, "-c"]
    raise ConfigError(
        "FBX needs Blender: install it, or pip install 'mbcli[fbx]' on Python 3.11, or name one by "
        f"{VARIABLE}; or export a GLB, and run (fps is the motion's): "
        + blender_command("walk.glb", "walk.fbx", 30)
    )


def blender_script(glb: str, fbx: str, fps: float) -> str:
    """One line of Python for Blender that converts a GLB of mbcli to FBX.

    Args:
        glb: the file to read.
        fbx: the file to write.
        fps: frames per second of the motion; glTF has seconds only.
    """
    steps = (*_IMPORT, *(() if fps == round(fps) else _UNEVEN), *_EXPORT)
    return "; ".join(steps).format(glb=glb, fbx=fbx, fps=fps)


def blender_command(glb: str, fbx: str, fps: float) -> str:
    """The command line that runs :func:`blender_script`."""
    return f'blender --background --python-expr "{blender_script(glb, fbx, fps)}"'
