"""Writing a character to files that other programs read."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
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
from .root_motion import ROOT_MOTIONS
from .sampling import keeping_pose, shows_unkeyed_pose

__all__ = ["FORMATS", "ROOT_MOTIONS", "TOGETHER", "export", "shows_unkeyed_pose"]

TOGETHER: Mapping[str, Callable[[Sequence[Character], Path, ExportOptions], None]] = {
    "fbx": write_fbx,
    "glb": write_glb,
    "blend": write_blend,
}
"""Formats that hold several characters, by the ending of their files' names, and what writes them."""
ALONE: Mapping[str, Callable[[Character, Path, ExportOptions], None]] = {
    "bvh": write_bvh,
    "obj": write_obj,
    "npz": write_npz,
}
"""The same of those that hold one."""
FORMATS = (*TOGETHER, *ALONE)


def export(
    character: Character | Sequence[Character],
    path: Path,
    format: str,
    bone_names: str = "smpl",
    *,
    mesh: bool = True,
    rest_frame: bool = False,
    root_motion: str = "pelvis",
) -> None:
    """Write `character`, or several in one file of `TOGETHER`, to `path`, replacing what is there only when all is
    written. The scene stays as it is.

    `format` is one of `FORMATS`; `bone_names` one of `bone_names.PRESETS`; `mesh`, `rest_frame` and `root_motion` are
    those of `ExportOptions`. FBX, GLB, BVH and npz hold one clip over the frames of the armature's action, OBJ the pose
    of the current frame, .blend everything in the open file. Raises UserError for an unknown format or naming, and when
    the file cannot be written.
    """
    if format not in FORMATS:
        raise UserError(f"{format!r} cannot be written. Choose one of: {', '.join(FORMATS)}.")
    options = ExportOptions(preset(bone_names), mesh, rest_frame, root_motion)
    characters = [character] if isinstance(character, Character) else list(character)
    if format in ALONE and len(characters) > 1:
        raise UserError(f"{format.upper()} holds one character. Export them one by one, or as {', '.join(TOGETHER)}.")
    with ExitStack() as kept:
        for one in characters:
            kept.enter_context(keeping_pose(one.armature))
        unfinished = kept.enter_context(replacing(Path(path)))
        if format in TOGETHER:
            TOGETHER[format](characters, unfinished, options)
        else:
            ALONE[format](characters[0], unfinished, options)
