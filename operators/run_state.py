"""What the panel shows while an estimation runs and after it failed. Kept with the window, not in the file."""

import bpy


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


def run_state(context: bpy.types.Context) -> RunState:
    return context.window_manager.body_from_image


def register() -> None:
    bpy.utils.register_class(RunState)
    bpy.types.WindowManager.body_from_image = bpy.props.PointerProperty(type=RunState, options={"SKIP_SAVE"})


def unregister() -> None:
    del bpy.types.WindowManager.body_from_image
    bpy.utils.unregister_class(RunState)
