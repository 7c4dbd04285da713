"""What the panel shows while an estimation runs and after it failed. Kept with the window, not in the file."""

import bpy


class PersonInPhoto(bpy.types.PropertyGroup):
    """Somebody whom the last estimation saw beside the one that it was of."""

    box: bpy.props.FloatVectorProperty(size=4)
    thumbnail: bpy.props.StringProperty(description="File of a small picture of them")
    beside: bpy.props.StringProperty(description="Name of the armature whose camera sees them")
    done: bpy.props.BoolProperty(description="Whether they have become a character")


class RunState(bpy.types.PropertyGroup):
    running: bpy.props.BoolProperty()
    cancel_requested: bpy.props.BoolProperty()
    share: bpy.props.FloatProperty(description="How much is done, 0 to 1")
    stage: bpy.props.StringProperty(description="What is being done")
    error: bpy.props.StringProperty(description="Why the last estimation gave no body; empty when it did")
    provider: bpy.props.StringProperty(description="What the networks ran on the last time")
    providers: bpy.props.StringProperty(description="What onnxruntime offers, separated by commas; empty when unknown")
    trial: bpy.props.StringProperty(description="What the last test of the worker's Python told")
    trial_failed: bpy.props.BoolProperty()
    others: bpy.props.CollectionProperty(type=PersonInPhoto)
    others_of: bpy.props.StringProperty(description="The picture that they are in")


def run_state(context: bpy.types.Context) -> RunState:
    return context.window_manager.body_from_image


def register() -> None:
    bpy.utils.register_class(PersonInPhoto)
    bpy.utils.register_class(RunState)
    bpy.types.WindowManager.body_from_image = bpy.props.PointerProperty(type=RunState, options={"SKIP_SAVE"})


def unregister() -> None:
    del bpy.types.WindowManager.body_from_image
    bpy.utils.unregister_class(RunState)
    bpy.utils.unregister_class(PersonInPhoto)
