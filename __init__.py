"""Body from Image: a photo in, a posed, rigged, exportable SMPL character out.

As a Blender extension this package registers its operators and panels; a plain Python imports the engine from it.
Blender is touched only when it is already running.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import operators, panels

    operators.register()
    panels.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import operators, panels

    panels.unregister()
    operators.unregister()
