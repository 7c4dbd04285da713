"""From an estimate to files, without a window: what the command line calls. Importing it does not need bpy."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..inference.body.body_estimate import BodyEstimate
from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError

if TYPE_CHECKING:
    import bpy

    from .character import Character

SYSTEM_LIBRARIES = "libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libgl1"
"""Debian's packages that Blender's module loads and that a bare machine lacks."""


def require_blender(formats: Sequence[str]) -> None:
    """Load Blender's module, which takes a second. Raises UserError, saying what to install, when that fails."""
    wanted = (
        f"{' and '.join(format.upper() for format in formats)} need{'s' if len(formats) == 1 else ''} Blender's bpy"
    )
    try:
        import bpy  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "bpy":
            raise
        raise UserError(f'{wanted}: pip install "body-from-image[blender]".') from error
    except ImportError as error:
        raise UserError(
            f"{wanted}, which is installed but could not be loaded: {error}. "
            f"On Debian or Ubuntu: apt install {SYSTEM_LIBRARIES}"
        ) from error


def write_files(
    estimate: BodyEstimate,
    model: BodyModel,
    photo: Path | Sequence[Path] | None,
    out_stem: Path,
    formats: Sequence[str],
    bone_names: str = "smpl",
    *,
    reduce_keys: float = 0.0,
    root_motion: str = "pelvis",
) -> list[Path]:
    """Build the character of `estimate` in an empty scene and write `out_stem`.fbx, .glb … for each of `formats`.

    `formats` are those of `export.FORMATS`, and `root_motion` is one of `export.ROOT_MOTIONS`. A .blend has as few keys
    as hold the body within `reduce_keys` metres (0: a key in each frame). The character stands on the floor at the
    origin. What was open in this process's Blender is discarded. `photo` must be upright in the file; one picture is
    packed into a .blend, a film or a sequence is referred to. Returns the paths written. Raises UserError when bpy is
    missing or a file cannot be written.
    """
    if not formats:
        return []
    require_blender(formats)
    import bpy

    from .character import build_character

    bpy.ops.wm.read_factory_settings(use_empty=True)
    character = build_character(
        estimate, model, photo=photo, name=out_stem.name, stand_on_ground=True, bone_names=bone_names
    )
    return _write([character], [out_stem], out_stem, formats, bone_names, model, reduce_keys, root_motion)


def write_people(
    estimates: Sequence[BodyEstimate],
    model: BodyModel,
    photo: Path | Sequence[Path] | None,
    out_stem: Path,
    formats: Sequence[str],
    bone_names: str = "smpl",
    firsts: Sequence[int] | None = None,
    *,
    reduce_keys: float = 0.0,
    root_motion: str = "pelvis",
) -> list[Path]:
    """The same of several people in one photo or film, of whom each appears `firsts` frames after its beginning: all in
    one file where the format can hold them, else `out_stem`.1.bvh, `out_stem`.2.bvh and so on."""
    if not formats:
        return []
    require_blender(formats)
    import bpy

    from .character import build_people

    bpy.ops.wm.read_factory_settings(use_empty=True)
    people = build_people(
        estimates, model, photo=photo, name=out_stem.name, stand_on_ground=True, firsts=firsts, bone_names=bone_names
    )
    stems = [out_stem.with_name(f"{out_stem.name}.{number}") for number in range(1, len(people) + 1)]
    return _write(people, stems, out_stem, formats, bone_names, model, reduce_keys, root_motion)


def _write(
    characters: "Sequence[Character]", stems: Sequence[Path], together: Path, formats: Sequence[str], bone_names: str,
    model: BodyModel, reduce_keys: float, root_motion: str,
) -> list[Path]:  # fmt: skip
    """Write characters of one photo: each to a file that begins with its own of `stems`, and all to one that begins
    with `together` where the format can hold them."""
    from .export import TOGETHER, export
    from .reduced_keys import reduce_action

    _pack_photo(characters[0].camera)
    paths = []
    for format in sorted(formats, key="blend".__eq__):
        if format == "blend" and reduce_keys:  # last, for the others to hold the motion as it is
            for character in characters:
                reduce_action(character.armature, model, reduce_keys)
        files = [(characters, together)] if format in TOGETHER else zip(characters, stems, strict=True)
        for content, stem in files:
            paths.append(stem.with_name(f"{stem.name}.{format}"))
            export(content, paths[-1], format, bone_names, root_motion=root_motion)
    return sorted(paths, key=lambda path: formats.index(path.suffix[1:]))


def _pack_photo(camera: "bpy.types.Object") -> None:
    for background in camera.data.background_images:
        if background.image.source == "FILE":
            background.image.pack()
