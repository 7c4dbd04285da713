"""FBX as game engines want it: metres with scale 1, no rotation on the armature, the bind pose at rest, one clip."""

from collections.abc import Sequence
from pathlib import Path

from ..character import Character
from .exporter import run_exporter
from .options import ExportOptions
from .stage import staged


def write_fbx(characters: Sequence[Character], path: Path, options: ExportOptions) -> None:
    """Write armatures, skins and clip. The shape is part of the mesh: the only blend shapes are pose correctives, if
    the character has them.

    FBX_SCALE_ALL puts the unit into the file's header, where the other choices scale the armature by 100. Without leaf
    bones no `_end` bones appear; without simplification every frame is exact; the one NLA strip is the only clip.
    Of several characters each would have a clip of its own, in which the others are at rest: the scene is the clip.
    """
    with staged(characters, options, y_up=True):
        run_exporter(
            "fbx",
            filepath=str(path),
            object_types={"ARMATURE", "MESH"} if options.mesh else {"ARMATURE"},
            apply_scale_options="FBX_SCALE_ALL",
            axis_forward="-Z",
            axis_up="Y",
            add_leaf_bones=False,
            mesh_smooth_type="FACE",
            bake_anim=True,
            bake_anim_use_all_bones=True,
            bake_anim_use_nla_strips=len(characters) == 1,
            bake_anim_use_all_actions=False,
            bake_anim_simplify_factor=0.0,
        )
