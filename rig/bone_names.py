"""What the 24 joints are called in other programs, so that their retargeting tools recognise the skeleton."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..inference.errors import UserError
from ..inference.geometry.joints import JOINT_NAMES


@dataclass(frozen=True)
class BoneNames:
    """A naming scheme: one bone name per joint in SMPL's order, and what the armature itself is called in a file.

    `armature` None keeps the character's name.
    """

    bones: tuple[str, ...]
    armature: str | None = None


def _sided(middle: Mapping[str, str], sided: Mapping[str, str], left: str, right: str) -> tuple[str, ...]:
    """Names in SMPL's order; `{side}` in those of `sided` becomes `left` or `right`."""
    names = dict(middle)
    for joint, pattern in sided.items():
        names[f"left_{joint}"] = pattern.format(side=left)
        names[f"right_{joint}"] = pattern.format(side=right)
    return tuple(names[joint] for joint in JOINT_NAMES)


UNREAL = _sided(
    {"pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
     "head": "head"},
    {"hip": "thigh_{side}", "knee": "calf_{side}", "ankle": "foot_{side}", "foot": "ball_{side}",
     "collar": "clavicle_{side}", "shoulder": "upperarm_{side}", "elbow": "lowerarm_{side}", "wrist": "hand_{side}",
     "hand": "middle_01_{side}"},
    left="l", right="r",
)  # fmt: skip

MIXAMO = _sided(
    {"pelvis": "mixamorig:Hips", "spine1": "mixamorig:Spine", "spine2": "mixamorig:Spine1",
     "spine3": "mixamorig:Spine2", "neck": "mixamorig:Neck", "head": "mixamorig:Head"},
    {"hip": "mixamorig:{side}UpLeg", "knee": "mixamorig:{side}Leg", "ankle": "mixamorig:{side}Foot",
     "foot": "mixamorig:{side}ToeBase", "collar": "mixamorig:{side}Shoulder", "shoulder": "mixamorig:{side}Arm",
     "elbow": "mixamorig:{side}ForeArm", "wrist": "mixamorig:{side}Hand", "hand": "mixamorig:{side}HandMiddle1"},
    left="Left", right="Right",
)  # fmt: skip

UNITY = _sided(
    {"pelvis": "Hips", "spine1": "Spine", "spine2": "Chest", "spine3": "UpperChest", "neck": "Neck", "head": "Head"},
    {"hip": "{side}UpperLeg", "knee": "{side}LowerLeg", "ankle": "{side}Foot", "foot": "{side}Toes",
     "collar": "{side}Shoulder", "shoulder": "{side}UpperArm", "elbow": "{side}LowerArm", "wrist": "{side}Hand",
     "hand": "{side}MiddleProximal"},
    left="Left", right="Right",
)  # fmt: skip

PRESETS: Mapping[str, BoneNames] = {
    "smpl": BoneNames(JOINT_NAMES),
    # Unreal takes the armature's node for a bone; with this name the hierarchy is the mannequin's root → pelvis → ….
    "unreal": BoneNames(UNREAL, armature="root"),
    # The names of Unity's own humanoid, which its mapping recognises; it does Mixamo's, too.
    "unity": BoneNames(UNITY),
    "mixamo": BoneNames(MIXAMO),
}


def preset(name: str) -> BoneNames:
    """The naming scheme called `name`. Raises UserError for one that does not exist."""
    if name not in PRESETS:
        raise UserError(f"There is no bone naming called {name!r}. Choose one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
