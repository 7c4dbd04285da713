"""Writing a character to files that other programs read."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ...inference.errors import UserError
from ...inference.files.destination import replacing
from ..bone_names import preset
from ..character import Character
from .blend import write_blend
from .bvh import write_bvh
from .fbx import write_fbx
from .glb import write_glb
from .npz import write_npz
from .obj import write_obj
from .options import ExportOptions
from .sampling import keeping_pose, shows_unkeyed_pose

__all__ = ["FORMATS", "export", "shows_unkeyed_pose"]

FORMATS: Mapping[str, Callable[[Character, Path, ExportOptions], None]] = {
    "fbx": write_fbx,
    "glb": write_glb,
    "bvh": write_bvh,
    "blend": write_blend,
    "obj": write_obj,
    "npz": write_npz,
}
"""The format's name, which is also its file name's ending, and what writes it."""


def export(
    character: Character,
    path: Path,
    format: str,
    bone_names: str = "smpl",
    *,
    mesh: bool = True,
    rest_frame: bool = False,
) -> None:
    """Write `character` to `path`, replacing what is there only when all is written. The scene stays as it is.

    `format` is one of `FORMATS`; `bone_names` one of `bone_names.PRESETS`; `mesh` and `rest_frame` are those of
    `ExportOptions`. FBX, GLB, BVH and npz hold one clip over the frames of the armature's action, OBJ the pose of the
    current frame, .blend everything in the open file. Raises UserError for an unknown format or naming, and when the
    file cannot be written.
    """
    if format not in FORMATS:
        raise UserError(f"{format!r} cannot be written. Choose one of: {', '.join(FORMATS)}.")
    options = ExportOptions(preset(bone_names), mesh, rest_frame)
    with keeping_pose(character.armature), replacing(Path(path)) as unfinished:
        FORMATS[format](character, unfinished, options)
