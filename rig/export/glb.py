"""glTF 2.0 in one binary file: the bind pose at rest, one animation."""

from collections.abc import Sequence
from pathlib import Path

from ..character import Character
from .exporter import run_exporter
from .options import ExportOptions
from .stage import staged


def write_glb(characters: Sequence[Character], path: Path, options: ExportOptions) -> None:
    """Write armatures, skins and clip. The shape is part of the mesh: the only morph targets are pose correctives, if
    the character has them."""
    with staged(characters, options):
        run_exporter(
            "gltf",
            filepath=str(path),
            export_format="GLB",
            use_active_scene=True,
            export_yup=True,
            export_animation_mode="NLA_TRACKS",
            export_anim_slide_to_zero=True,
            export_rest_position_armature=True,
            export_optimize_animation_size=False,
            export_morph_normal=False,
        )
