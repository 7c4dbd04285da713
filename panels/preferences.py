"""What is set once for all photos: the body model, and what the networks run on."""

import sys
from pathlib import Path

import bpy

from ..inference.errors import UserError
from ..inference.networks.runtime import DEVICES, PROVIDERS, SIZES
from ..operators.body_file import load_body_model
from ..operators.estimation import shut_down
from .wrapped_text import draw_text

DEVICE_NAMES = {
    "auto": ("Automatic", "A graphics card when onnxruntime can use one here, else the processor"),
    "cpu": ("CPU", "The processor"),
    "cuda": ("CUDA", "An NVIDIA card; needs onnxruntime-gpu: the GPU build of this extension, or an external Python"),
    "directml": ("DirectML", "Any graphics card on Windows; needs an external Python with onnxruntime-directml"),
    "coreml": ("CoreML", "Apple's own processors"),
}
ELSEWHERE = {"directml": "win32", "coreml": "darwin"}
"""Devices of one operating system, by Python's name of it."""
LABELS = 0.4
"""Share of the width that Blender gives to labels."""
SIZE_NAMES = {
    "fast": ("Fast", "MoveNet's backbone with heads of our own"),
    "hourglass": ("Hourglass", "The paper's two stacked hourglasses: slower"),
}


def _check_body_model(preferences, context) -> None:
    """Read the file that was just chosen, and say on the spot whether it will do."""
    preferences.body_model_usable = True
    preferences.body_model_verdict = ""
    if not preferences.body_model:
        return
    path = Path(bpy.path.abspath(preferences.body_model))
    try:
        model = load_body_model(path)
    except UserError as error:
        preferences.body_model_usable = False
        preferences.body_model_verdict = str(error)
    else:
        preferences.body_model_verdict = f"{path.name} is usable: {len(model.v_template)} vertices."


def _other_python(preferences, context) -> None:
    """The next request starts a worker on the Python that was just chosen."""
    state = context.window_manager.body_from_image
    state.trial, state.providers, state.provider = "", "", ""
    shut_down()


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
        description="Device that the networks run on",
    )
    external_python: bpy.props.StringProperty(
        name="External Python",
        subtype="FILE_PATH",
        update=_other_python,
        description="Program file of a Python 3.11 or newer with numpy, opencv-python-headless and onnxruntime-gpu. "
        "Empty: Blender's own, with what the extension brings",
    )
    threads: bpy.props.IntProperty(
        name="Threads", min=0, max=256, description="Processor threads for the networks. 0: all cores but one"
    )
    size: bpy.props.EnumProperty(
        name="Network",
        items=[(size, *SIZE_NAMES[size]) for size in SIZES],
        description="Size of the network that finds the keypoints",
    )

    def draw(self, context):
        layout, state = self.layout, context.window_manager.body_from_image
        layout.use_property_split = True
        layout.use_property_decorate = False
        self._draw_body_model(layout, context)
        self._draw_device(layout, context, state)
        row = layout.row(align=True)
        row.prop(self, "external_python")
        row.operator("body_from_image.test_python")
        if state.trial:
            draw_text(layout, context, state.trial, "ERROR" if state.trial_failed else "CHECKMARK")
        layout.prop(self, "threads")
        if len(SIZES) > 1:  # the zips hold one network
            layout.prop(self, "size")

    def _draw_body_model(self, layout, context) -> None:
        layout.prop(self, "body_model")
        if self.body_model:
            icon = "CHECKMARK" if self.body_model_usable else "ERROR"
            draw_text(layout, context, self.body_model_verdict, icon)
            draw_text(layout, context, "SMPL's licence allows no commercial use without its owners' consent.", "INFO")

    def _draw_device(self, layout, context, state) -> None:
        """Devices that onnxruntime is known not to offer here are greyed out."""
        split = layout.split(factor=LABELS)
        split.use_property_split = False
        label = split.row()
        label.alignment = "RIGHT"
        label.label(text="Device")
        row = split.row(align=True)
        for name in DEVICES:
            if ELSEWHERE.get(name, sys.platform) != sys.platform:
                continue
            button = row.row(align=True)
            button.enabled = not state.providers or name not in PROVIDERS or PROVIDERS[name] in state.providers
            button.prop_enum(self, "device", name)
        if state.provider:
            draw_text(layout, context, f"In use: {state.provider.removesuffix('ExecutionProvider')}", "INFO")
        elif not state.providers:
            draw_text(layout, context, "Test tells which devices there are.", "INFO")
