"""Skeletons as other programs make them: their names, hierarchies, rest poses, units and axes. Written by hand from
the published proportions; nothing of Mixamo's or Epic's is copied."""

import math

import bpy
from mathutils import Matrix, Vector

# Where joints are: metres, z up, facing -y, the left side only.
MIXAMO = {
    "Hips": (None, (0, 0, 0.998)), "Spine": ("Hips", (0, 0.012, 1.097)), "Spine1": ("Spine", (0, 0.024, 1.213)),
    "Spine2": ("Spine1", (0, 0.027, 1.346)), "Neck": ("Spine2", (0, 0.025, 1.496)),
    "Head": ("Neck", (0, 0.002, 1.6)), "HeadTop_End": ("Head", (0, -0.03, 1.79)),
    "LeftShoulder": ("Spine2", (0.061, 0.026, 1.44)), "LeftArm": ("LeftShoulder", (0.188, 0.03, 1.437)),
    "LeftForeArm": ("LeftArm", (0.46, 0.03, 1.437)), "LeftHand": ("LeftForeArm", (0.743, 0.03, 1.437)),
    "LeftHandMiddle1": ("LeftHand", (0.838, 0.03, 1.433)), "LeftUpLeg": ("Hips", (0.091, 0, 0.922)),
    "LeftLeg": ("LeftUpLeg", (0.091, -0.005, 0.501)), "LeftFoot": ("LeftLeg", (0.091, 0.016, 0.086)),
    "LeftToeBase": ("LeftFoot", (0.091, -0.12, 0.012)), "LeftToe_End": ("LeftToeBase", (0.091, -0.22, 0.012)),
}  # fmt: skip
UNREAL = {
    "root": (None, (0, 0, 0)), "pelvis": ("root", (0, 0.011, 0.968)), "spine_01": ("pelvis", (0, 0.02, 1.075)),
    "spine_02": ("spine_01", (0, 0.009, 1.262)), "spine_03": ("spine_02", (0, -0.017, 1.393)),
    "neck_01": ("spine_03", (0, 0.034, 1.557)), "head": ("neck_01", (0, -0.002, 1.645)),
    "clavicle_l": ("spine_03", (0.038, 0.002, 1.515)), "upperarm_l": ("clavicle_l", (0.195, 0.022, 1.5)),
    "upperarm_twist_01_l": ("upperarm_l", (0.2, 0.022, 1.495)), "lowerarm_l": ("upperarm_l", (0.39, 0.045, 1.265)),
    "lowerarm_twist_01_l": ("lowerarm_l", (0.47, -0.02, 1.16)), "hand_l": ("lowerarm_l", (0.565, -0.075, 1.072)),
    "middle_01_l": ("hand_l", (0.63, -0.13, 0.985)), "thigh_l": ("pelvis", (0.09, 0.005, 0.954)),
    "calf_l": ("thigh_l", (0.127, 0.008, 0.53)), "foot_l": ("calf_l", (0.17, 0.05, 0.13)),
    "ball_l": ("foot_l", (0.19, -0.12, 0.03)),
}  # fmt: skip
BIPED = {
    "Bip01": (None, (0, 0, 0.95)), "Bip01 Pelvis": ("Bip01", (0, 0, 0.95)),
    "Bip01 Spine": ("Bip01 Pelvis", (0, 0, 1.1)), "Bip01 Spine1": ("Bip01 Spine", (0, 0, 1.3)),
    "Bip01 Neck": ("Bip01 Spine1", (0, 0, 1.5)), "Bip01 Head": ("Bip01 Neck", (0, -0.02, 1.6)),
    "Bip01 L Clavicle": ("Bip01 Neck", (0.03, 0, 1.47)), "Bip01 L UpperArm": ("Bip01 L Clavicle", (0.2, 0, 1.45)),
    "Bip01 L Forearm": ("Bip01 L UpperArm", (0.36, 0, 1.2)), "Bip01 L Hand": ("Bip01 L Forearm", (0.5, -0.02, 0.99)),
    "Bip01 L Finger1": ("Bip01 L Hand", (0.55, -0.03, 0.91)), "Bip01 L Thigh": ("Bip01 Spine", (0.1, 0, 0.94)),
    "Bip01 L Calf": ("Bip01 L Thigh", (0.11, -0.01, 0.5)), "Bip01 L Foot": ("Bip01 L Calf", (0.12, 0.02, 0.08)),
}  # fmt: skip
"""3ds Max's: thighs below the spine, two spine bones, no toes."""


def mirrored(joints):
    """The same with the right side. "Left", "_l" and " L " become "Right", "_r" and " R "."""

    def other(name):
        return name and name.replace("Left", "Right").replace(" L ", " R ").replace("_l", "_r")

    right = {
        other(name): (parent if other(parent) not in map(other, joints) or parent == other(parent) else other(parent),
                      (-x, y, z))
        for name, (parent, (x, y, z)) in joints.items()
        if other(name) != name
    }  # fmt: skip
    return joints | right


def build(joints, name, *, prefix="", y_up=False, unit=1.0, facing=0.0, tails="children", roll=0.0):
    """An armature object with these joints.

    `y_up`: bones in a y-up space under an object that is turned upright, as importers of FBX leave them; `unit`: metres
    a bone's unit is; `facing`: degrees that the rest pose is turned about the vertical; `tails`: bones point at the
    next joint ("children") or sideways as Unreal's do ("sideways"); `roll`: radians added to every bone's.
    """
    turn = Matrix.Rotation(math.radians(facing), 3, "Z")
    into = Matrix.Rotation(-math.pi / 2, 3, "X") if y_up else Matrix.Identity(3)
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(armature)
    armature.rotation_euler = (math.pi / 2 if y_up else 0, 0, 0)
    armature.scale = (unit, unit, unit)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    heads = {joint: into @ turn @ Vector(place) / unit for joint, (_, place) in mirrored(joints).items()}
    for joint, (parent, _) in mirrored(joints).items():
        bone = bones.new(prefix + joint)
        bone.head = heads[joint]
        children = [child for child, (above, _) in mirrored(joints).items() if above == joint]
        along = heads[children[0]] - heads[joint] if children else Vector((0, 0, 0))
        if tails == "sideways":
            along = along.orthogonal()
        if along.length < 1e-3 / unit:
            along = into @ turn @ Vector((0, -0.05, 0.02)) / unit
        bone.tail = bone.head + along
        bone.roll += roll
        if parent:
            bone.parent = bones[prefix + parent]
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def metarig():
    """Blender's own human metarig, of the add-on Rigify."""
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    return bpy.context.object


def mixamo():
    """As Blender's FBX importer leaves it: centimetres, y up."""
    return build(MIXAMO, "mixamo", prefix="mixamorig:", y_up=True, unit=0.01)


def unreal():
    """Arms down, bones that point sideways with any roll, facing +y, twist bones."""
    return build(UNREAL, "mannequin", facing=180, tails="sideways", roll=0.7)


def biped():
    return build(BIPED, "biped", unit=0.0254)


BUILDERS = {"Rigify": metarig, "Mixamo": mixamo, "Unreal": unreal, "guessed": biped}
