"""Calling Blender's own exporters: silently, and with a sentence for a person whose Blender lacks one."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import bpy

from ...inference.errors import UserError


def run_exporter(name: str, **options: object) -> None:
    """`bpy.ops.export_scene.<name>` with `options`. Raises UserError when the add-on that has it is switched off."""
    if not hasattr(bpy.types, f"EXPORT_SCENE_OT_{name}"):
        raise UserError(f"Blender cannot write {name} now: turn its {name} add-on on in Preferences > Add-ons.")
    with quiet():
        getattr(bpy.ops.export_scene, name)(**options)


@contextmanager
def quiet() -> Iterator[None]:
    """Swallow what Python code prints and logs: exporters talk to the terminal, where others show their progress."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
