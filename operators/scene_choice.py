"""Whether an estimate or a motion may change the scene's camera, size, range and rate: asked of the user, not taken."""

import bpy

from ..rig.scene_setup import in_use

KEPT = (
    "The scene is in use, so its camera, size, frame range and rate stay as they are. To see the photo behind the "
    "character, press Show Photo Behind; to change the scene, choose Scene: Set Up."
)


class SetsUpScene:
    """Mixed into an operator that builds characters."""

    scene_setup: bpy.props.EnumProperty(
        name="Scene",
        items=(
            ("AUTO", "Set Up If New", "Take over the photo's size, camera, range and rate unless the scene is in use"),
            ("ALWAYS", "Set Up", "Take over the photo's size, camera, frame range and frame rate"),
            ("NEVER", "Keep", "Leave the scene's size, camera, frame range and frame rate as they are"),
        ),
        description="What happens to the scene's own settings",
    )

    def may_set_up(self, context: bpy.types.Context) -> bool:
        """Whether the scene may be set up; ask before anything is built."""
        return self.scene_setup == "ALWAYS" or (self.scene_setup == "AUTO" and not in_use(context.scene))

    def kept_remark(self, set_up: bool) -> tuple[str, ...]:
        """What the user is told where they did not choose themselves."""
        return (KEPT,) if self.scene_setup == "AUTO" and not set_up else ()
