"""Bones are recognised by the names that programs give them, and what is no part of a body is not taken for one."""

import bpy
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.geometry.joints import JOINT_NAMES
from body_from_image.rig.bone_maps import find_bones
from body_from_image.rig.bone_names import PRESETS

pytestmark = pytest.mark.usefixtures("empty_scene")

TREE = {
    "spine1": "pelvis", "spine2": "spine1", "spine3": "spine2", "neck": "spine3", "head": "neck", "hip": "pelvis",
    "knee": "hip", "ankle": "knee", "foot": "ankle", "collar": "spine3", "shoulder": "collar", "elbow": "shoulder",
    "wrist": "elbow", "hand": "wrist",
}  # fmt: skip
PROGRAMS = {
    "VRoid": ("J_Bip_C_Hips", "J_Bip_C_Spine", "J_Bip_C_Chest", "J_Bip_C_UpperChest", "J_Bip_C_Neck", "J_Bip_C_Head",
              "J_Bip_{S}_UpperLeg", "J_Bip_{S}_LowerLeg", "J_Bip_{S}_Foot", "J_Bip_{S}_ToeBase", "J_Bip_{S}_Shoulder",
              "J_Bip_{S}_UpperArm", "J_Bip_{S}_LowerArm", "J_Bip_{S}_Hand", "J_Bip_{S}_Middle1"),
    "Character Creator": ("CC_Base_Hip", "CC_Base_Waist", "CC_Base_Spine01", "CC_Base_Spine02", "CC_Base_NeckTwist01",
                          "CC_Base_Head", "CC_Base_{S}_Thigh", "CC_Base_{S}_Calf", "CC_Base_{S}_Foot",
                          "CC_Base_{S}_ToeBase", "CC_Base_{S}_Clavicle", "CC_Base_{S}_Upperarm",
                          "CC_Base_{S}_Forearm", "CC_Base_{S}_Hand", None),
    "Daz": ("hip", "abdomenLower", "abdomenUpper", "chestUpper", "neckLower", "head", "{s}ThighBend", "{s}Shin",
            "{s}Foot", "{s}Toe", "{s}Collar", "{s}ShldrBend", "{s}ForearmBend", "{s}Hand", None),
    "MakeHuman": ("root", "spine05", "spine03", "spine01", "neck01", "head", "upperleg01.{S}", "lowerleg01.{S}",
                  "foot.{S}", None, "clavicle.{S}", "upperarm01.{S}", "lowerarm01.{S}", "wrist.{S}", None),
    "Rigify's deforming bones": ("DEF-spine", "DEF-spine.001", "DEF-spine.002", "DEF-spine.003", "DEF-neck",
                                 "DEF-head", "DEF-thigh.{S}", "DEF-shin.{S}", "DEF-foot.{S}", "DEF-toe.{S}",
                                 "DEF-shoulder.{S}", "DEF-upper_arm.{S}", "DEF-forearm.{S}", "DEF-hand.{S}", None),
    "by hand": ("Pelvis", "Spine Low", "Spine Mid", "Chest", "Neck", "Head", "Leg Upper {S}", "Leg Lower {S}",
                "Foot {S}", "Toes {S}", "Shoulder {S}", "Arm Upper {S}", "Arm Lower {S}", "Hand {S}", None),
}  # fmt: skip
"""Names in the order of TREE, the pelvis first; {S} and {s} are the side's letter."""


def armature_of(names, parents):
    """`names` {joint: bone} as a tree of bones, in the order given."""
    armature = bpy.data.objects.new("theirs", bpy.data.armatures.new("theirs"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    for joint, name in names.items():
        bone = bones.new(name)
        bone.tail = (0, 0, 1)
        parent = parents(joint)
        while parent is not None and parent not in names:
            parent = parents(parent)
        if parent is not None:
            bone.parent = bones[names[parent]]
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def parent_of(joint):
    side, _, part = joint.rpartition("_")
    above = TREE.get(part)
    return above if above is None or above.startswith(("pelvis", "spine", "neck")) else f"{side}_{above}"


def body(pattern):
    names = {}
    for part, name in zip(("pelvis", *TREE), pattern, strict=True):
        if name is None:
            continue
        if "{" not in name:
            names[part] = name
        else:
            for side in ("left", "right"):
                names[f"{side}_{part}"] = name.format(S=side[0].upper(), s=side[0])
    return names


@pytest.mark.parametrize("program", list(PROGRAMS))
def test_bones_are_recognised(program):
    names = body(PROGRAMS[program])
    found = find_bones(armature_of(names, parent_of))
    assert found.bones == names
    assert found.scheme == "guessed"


@pytest.mark.parametrize("scheme", list(PRESETS))
def test_our_own_exports_are_recognised(scheme):
    names = dict(zip(JOINT_NAMES, PRESETS[scheme].bones, strict=True))
    found = find_bones(armature_of(names, parent_of))
    assert found.bones == names and found.scheme == scheme.capitalize()
    assert not found.missing


@pytest.mark.parametrize("prefix", ["", "mixamorig1:", "Ada|", "mixamorig:"])
def test_namespaces_do_not_matter(prefix):
    names = {
        joint: prefix + name.split(":")[1] for joint, name in zip(JOINT_NAMES, PRESETS["mixamo"].bones, strict=True)
    }
    found = find_bones(armature_of(names, parent_of))
    assert found.bones == names and found.scheme == "Mixamo"


def test_a_longer_spine_is_bent_all_along():
    """As Unreal's newer mannequin has it: five bones, of which the fifth carries neck and arms."""
    names = dict(zip(JOINT_NAMES, PRESETS["unreal"].bones, strict=True))
    del names["spine1"], names["spine2"], names["spine3"]
    spine = {f"spine{number}": f"spine_0{number}" for number in range(1, 6)}
    parents = {"spine1": "pelvis", "neck": "spine5", "left_collar": "spine5", "right_collar": "spine5"} | {
        f"spine{number}": f"spine{number - 1}" for number in range(2, 6)
    }
    found = find_bones(armature_of({"pelvis": "pelvis"} | spine | names, lambda j: parents.get(j) or parent_of(j)))
    assert [found.bones[joint] for joint in ("spine1", "spine2", "spine3")] == ["spine_01", "spine_03", "spine_05"]


def test_controls_and_twist_bones_are_no_limbs():
    names = body(PROGRAMS["by hand"])
    extra = {"left_twist": "Arm Upper Twist L", "left_ik": "Hand IK L", "left_pole": "Leg Upper Pole L"}
    order = extra | names  # they come first
    found = find_bones(armature_of(order, lambda joint: None if joint in extra else parent_of(joint)))
    assert found.bones == names


def test_what_is_missing_is_named():
    names = {
        joint: name for joint, name in body(PROGRAMS["by hand"]).items() if "foot" not in joint and joint != "neck"
    }
    assert set(find_bones(armature_of(names, parent_of)).missing) == {"neck", "left_foot", "right_foot"}


def test_a_crane_is_no_body():
    with pytest.raises(UserError, match="No body was recognised"):
        find_bones(armature_of({"pelvis": "base", "spine1": "boom", "spine2": "arm.L"}, parent_of))
