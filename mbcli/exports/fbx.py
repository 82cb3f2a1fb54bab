"""FBX through Blender: the format is closed, and a script makes Blender convert a GLB to it."""

from __future__ import annotations

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
# instead; so the keys are imported at 60 and moved onto the frames.
_UNEVEN = (
    "s.render.fps_base = round(fps) / fps",
    "[setattr(k.co, 'x', round(k.co.x * fps / round(fps))) "
    "for a in bpy.data.actions for c in a.fcurves for k in c.keyframe_points]",
)
_EXPORT = (
    "s.frame_start = 0",
    "s.frame_end = round(max(a.frame_range[1] for a in bpy.data.actions))",
    "bpy.ops.export_scene.fbx(filepath={fbx!r}, add_leaf_bones=False, "
    "bake_anim_use_nla_strips=False, bake_anim_use_all_actions=False, "
    "bake_anim_simplify_factor=0)",
)


def blender_script(glb: str, fbx: str, fps: float) -> str:
    """One line of Python for Blender 4.2 that converts a GLB of mbcli to FBX.

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
