"""What a person chooses when exporting."""

from dataclasses import dataclass

from ..bone_names import BoneNames


@dataclass(frozen=True)
class ExportOptions:
    """The same for every format; those that have no skin, or no clip, leave out what does not concern them."""

    names: BoneNames
    """What the bones are called in the file."""
    mesh: bool = True
    """Whether FBX and GLB hold the skin; else they hold skeleton and clip."""
    rest_frame: bool = False
    """Whether the clips of FBX, GLB and BVH begin with one frame of the rest pose, at frame 0."""
    root_motion: str = "pelvis"
    """Where the clips of FBX, GLB and BVH keep the path: one of `root_motion.ROOT_MOTIONS`."""
