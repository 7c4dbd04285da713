"""How a motion is made of what its frames showed: the two choices that estimating and smoothing anew share."""

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

    def draw_smoothing(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "strength")
        layout.prop(self, "keep_feet")
