"""What the panel's fields hold; saved with the scene.

No field has an update, get or set function: in Blender 4.2, those of a property group make its Python module crash when
it ends.
"""

import bpy

from ..operators.correction_properties import REACH_PROPERTY
from ..operators.exporting import BONE_NAMES
from ..operators.photo_properties import HEIGHT, STAND_ON_GROUND


class BodyFromImageSettings(bpy.types.PropertyGroup):
    source: bpy.props.EnumProperty(
        name="Source",
        items=(
            ("FILE", "File", "A photo on disk"),
            ("IMAGE", "In Blender", "An image that is in this .blend: opened, packed, painted or rendered"),
        ),
    )
    filepath: bpy.props.StringProperty(
        name="Image",
        subtype="FILE_PATH",
        description="A photo of a person: PNG, JPEG, WebP, TIFF or BMP",
    )
    image: bpy.props.PointerProperty(name="Image", type=bpy.types.Image, description="An image of a person")
    use_box: bpy.props.BoolProperty(
        name="In a Box", description="Look for the person in the box that was drawn. Off: find the person automatically"
    )
    box: bpy.props.FloatVectorProperty(
        name="Person Box", size=4, description="Left, top, width and height in the photo's pixels"
    )
    box_picture: bpy.props.StringProperty(description="Picture on which the box was drawn")
    lens: bpy.props.EnumProperty(
        name="Lens",
        items=(
            ("AUTO", "Automatic", "What the photo's file says, or a usual lens"),
            ("ANGLE", "Angle", "Given as the angle across the photo's longer side"),
            ("FOCAL", "Focal Length", "Given as the focal length of a full-frame camera"),
        ),
        description="How the lens of the photo is given",
    )
    field_of_view: bpy.props.FloatProperty(
        name="Field of View",
        default=54.4,
        min=1,
        max=170,
        precision=1,
        description="Degrees across the photo's longer side",
    )
    focal_length: bpy.props.FloatProperty(
        name="Focal Length",
        default=35,
        min=2,
        max=2000,
        precision=0,
        description="Millimetres, as of a camera whose picture is 36 mm along its longer side",
    )
    height: HEIGHT
    stand_on_ground: STAND_ON_GROUND
    correction_reach: REACH_PROPERTY
    bone_names: bpy.props.EnumProperty(
        name="Bone Names", items=BONE_NAMES, description="What the bones are called in the exported file"
    )
