"""What is set once for all photos: the body model, and what the networks run on."""

from pathlib import Path

import bpy

from ..inference.body_model import BodyModel
from ..inference.errors import UserError
from ..inference.networks import DEVICES
from .wrapped_text import draw_text

DEVICE_NAMES = {
    "auto": ("Automatic", "A graphics card when onnxruntime can use one here, else the processor"),
    "cpu": ("CPU", "The processor"),
    "cuda": ("CUDA", "An NVIDIA card; needs the GPU build of this extension"),
}


def _check_body_model(preferences, context) -> None:
    """Read the file that was just chosen, and say on the spot whether it will do."""
    preferences.body_model_usable = True
    preferences.body_model_verdict = ""
    if not preferences.body_model:
        return
    path = Path(bpy.path.abspath(preferences.body_model))
    try:
        model = BodyModel.load(path)
    except UserError as error:
        preferences.body_model_usable = False
        preferences.body_model_verdict = str(error)
    else:
        preferences.body_model_verdict = f"{path.name} is usable: {len(model.v_template)} vertices."


class BodyFromImagePreferences(bpy.types.AddonPreferences):
    bl_idname = __package__.rpartition(".")[0]

    body_model: bpy.props.StringProperty(
        name="Body Model",
        subtype="FILE_PATH",
        update=_check_body_model,
        description="A licensed SMPL .npz or .pkl. Empty: the open body that comes with the extension",
    )
    body_model_usable: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
    body_model_verdict: bpy.props.StringProperty(options={"HIDDEN"})
    device: bpy.props.EnumProperty(
        name="Device",
        items=[(name, *DEVICE_NAMES[name]) for name in DEVICES],
        description="What the networks run on",
    )
    threads: bpy.props.IntProperty(
        name="Threads", min=0, max=256, description="Processor threads for the networks. 0: all cores but one"
    )
    size: bpy.props.EnumProperty(
        name="Network",
        items=[("fast", "Fast", "Human2D with two stacks")],
        description="Which size of the network that finds the joints",
    )

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "body_model")
        if self.body_model:
            icon = "CHECKMARK" if self.body_model_usable else "ERROR"
            draw_text(layout, context, self.body_model_verdict, icon)
            draw_text(layout, context, "SMPL's licence allows no commercial use without its owners' consent.", "INFO")
        layout.prop(self, "device")
        provider = context.window_manager.body_from_image.provider
        if provider:
            draw_text(layout, context, f"Last used: {provider.removesuffix('ExecutionProvider')}", "INFO")
        layout.prop(self, "threads")
        layout.prop(self, "size")
