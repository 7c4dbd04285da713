"""How a motion is made of what its frames showed: the choices that estimating and smoothing anew share."""

import bpy

from ..inference.motion.smooth_motion import STRENGTH


class SmoothingProperties:
    """Mixed into operators."""

    strength: bpy.props.FloatProperty(
        name="Smoothing",
        default=STRENGTH,
        min=0,
        max=1,
        subtype="FACTOR",
        description="How much jitter is taken off rotations and path. 0: every frame as it was seen",
    )
    keep_feet: bpy.props.BoolProperty(
        name="Keep Feet",
        default=True,
        description="The person stands on a floor: feet that stand neither slide nor sink into it",
    )

    reduce_keys: bpy.props.FloatProperty(
        name="Reduce Keys",
        default=0,
        min=0,
        max=100,
        soft_max=20,
        precision=1,
        description="Millimetres that a joint may be off for the curves to have fewer keys. 0: a key in each frame",
    )

    def draw_smoothing(self, layout: bpy.types.UILayout) -> None:
        for name in ("strength", "keep_feet", "reduce_keys"):
            layout.prop(self, name)
