"""How a motion is made of what its frames showed: the choices that estimating and smoothing anew share."""

import bpy

from ..inference.motion.smooth_motion import MOST_TILTED, STRENGTH


class SmoothingProperties:
    """Mixed into operators."""

    strength: bpy.props.FloatProperty(
        name="Smoothing",
        default=STRENGTH,
        min=0,
        max=1,
        subtype="FACTOR",
        description="How strongly jitter is removed from rotations and path. 0: every frame as it was seen",
    )
    keep_feet: bpy.props.BoolProperty(
        name="Keep Feet",
        default=True,
        description="The person stands on a floor: planted feet neither slide nor sink into it",
    )

    tilt_known: bpy.props.BoolProperty(
        name="Camera Tilt",
        description="Set the camera's tilt over the floor by hand. Off: it is estimated from the feet",
    )
    camera_pitch: bpy.props.FloatProperty(
        name="Pitch",
        min=-MOST_TILTED,
        max=MOST_TILTED,
        precision=1,
        description="Degrees by which the first camera looks down",
    )
    camera_roll: bpy.props.FloatProperty(
        name="Roll",
        min=-MOST_TILTED,
        max=MOST_TILTED,
        precision=1,
        description="Degrees by which the first camera is rolled clockwise",
    )
    reduce_keys: bpy.props.FloatProperty(
        name="Reduce Keys",
        default=0,
        min=0,
        max=100,
        soft_max=20,
        precision=1,
        description="Millimetres that a joint may be off when keyframes are removed. 0: a keyframe on every frame",
    )

    def draw_smoothing(self, layout: bpy.types.UILayout) -> None:
        for name in ("strength", "keep_feet", "reduce_keys"):
            layout.prop(self, name)
        column = layout.column(heading="Camera Tilt")
        column.enabled = self.keep_feet
        column.prop(self, "tilt_known", text="Known")
        if self.tilt_known:
            column.prop(self, "camera_pitch")
            column.prop(self, "camera_roll")

    @property
    def camera_tilt(self) -> tuple[float, float] | None:
        """As `smooth_motion` takes it."""
        return (self.camera_pitch, self.camera_roll) if self.tilt_known else None
