"""Body from Image: a photo in, a posed, rigged, exportable SMPL character out.

As a Blender extension this package registers its operators and panels; a plain Python imports the engine from it.
Blender is touched only when it is already running.
"""

import os
import sys

if "bpy" not in sys.modules:
    # Refinement's matrices are small: several threads cost more than they give, on a busy machine three times as much.
    # numpy reads this when it is first imported; within Blender that is other people's business, and our worker is
    # told.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


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
