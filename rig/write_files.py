"""From an estimate to files, without a window: what the command line calls. Importing it does not need bpy."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from ..inference.body_estimate import BodyEstimate
from ..inference.body_model import BodyModel
from ..inference.errors import UserError


def require_blender(formats: Sequence[str]) -> None:
    """Raise UserError when `formats` are to be written and Blender's module is not installed."""
    if formats and importlib.util.find_spec("bpy") is None:
        wanted = " and ".join(format.upper() for format in formats)
        verb = "needs" if len(formats) == 1 else "need"
        raise UserError(f'{wanted} {verb} Blender\'s bpy: pip install "body-from-image[blender]".')


def write_files(
    estimate: BodyEstimate,
    model: BodyModel,
    photo: Path | Sequence[Path] | None,
    out_stem: Path,
    formats: Sequence[str],
    bone_names: str = "smpl",
) -> list[Path]:
    """Build the character of `estimate` in an empty scene and write `out_stem`.fbx, .glb … for each of `formats`.

    `formats` are those of `export.FORMATS`. What was open in this process's Blender is discarded. `photo` must be
    upright in the file; one picture is packed into a .blend, a film or a sequence is referred to. Returns the paths
    written. Raises UserError when bpy is missing or a file cannot be written.
    """
    require_blender(formats)
    if not formats:
        return []
    import bpy

    from .character import build_character
    from .export import export

    bpy.ops.wm.read_factory_settings(use_empty=True)
    character = build_character(estimate, model, photo=photo, name=out_stem.name, bone_names=bone_names)
    _pack_photo(character.camera)
    paths = []
    for format in formats:
        path = out_stem.with_name(f"{out_stem.name}.{format}")
        export(character, path, format, bone_names)
        paths.append(path)
    return paths


def _pack_photo(camera) -> None:
    for background in camera.data.background_images:
        if background.image.source == "FILE":
            background.image.pack()
