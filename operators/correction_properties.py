"""How far a correction reaches in a film: a field of the panel, which operators share."""

import bpy

from ..inference.correction.spread import REACH

REACH_PROPERTY = bpy.props.IntProperty(
    name="Reach",
    default=REACH,
    min=0,
    max=200,
    soft_max=30,
    description="Frames before and after over which a correction of a film fades. 0: that frame alone",
)


def correction_reach(context: bpy.types.Context) -> int:
    """What the panel says; the default where there is no panel."""
    settings = getattr(context.scene, "body_from_image", None)
    return REACH if settings is None else settings.correction_reach
