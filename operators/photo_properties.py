"""What every operator that estimates asks about the photo and the person, said once."""

import bpy

FIELD_OF_VIEW = bpy.props.FloatProperty(
    name="Field of View",
    min=0,
    max=170,
    description="Degrees across the pictures' longer side. 0: what the files say, or a usual lens",
)
HEIGHT = bpy.props.FloatProperty(
    name="Height in Metres",
    min=0,
    max=3,
    description="How tall the person is without shoes, in metres whatever the scene's units are. 0: an average "
    "stature for the build that is seen",
)
STAND_ON_GROUND = bpy.props.BoolProperty(
    name="Stand on Ground", default=True, description="Raise character and camera so that the body touches z = 0"
)
