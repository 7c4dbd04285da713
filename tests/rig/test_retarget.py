"""Another skeleton does what the character does: limbs point the same way, feet stand, twists and steps arrive."""

import json

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.geometry.joints import JOINT_INDEX
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.rig.bone_map_files import read_bone_map, write_bone_map
from body_from_image.rig.bone_maps import BoneMap, find_bones
from body_from_image.rig.character import build_character, build_moving_character
from body_from_image.rig.retarget import retarget
from mathutils import Euler

from .skeletons import BUILDERS, MIXAMO, build, metarig, mixamo, unreal

DEGREES = 0.1
"""The promise is one or two; what is measured is float32's rounding."""
SEGMENTS = [
    (f"{side}_{upper}", f"{side}_{lower}")
    for side in ("left", "right")
    for upper, lower in (
        ("hip", "knee"),
        ("knee", "ankle"),
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("wrist", "hand"),
    )
]
pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def character(model, make_estimate):
    return build_character(make_estimate(frames=4, seed=2), model, photo=None, name="Ada", stand_on_ground=True)


def posed(model, axis_angles, name="Ada", transl=(0, 0, 0)):
    """A mean body with the joints of `axis_angles` {name: axis-angle} turned and the others at rest."""
    turns = np.zeros((1, 24, 3))
    for joint, turn in axis_angles.items():
        turns[0, JOINT_INDEX[joint]] = turn
    betas = np.zeros(10, np.float32)
    return build_moving_character(model, betas, axis_angle_to_matrix(turns), np.array([transl], float), name=name)


def heads(armature, names):
    """World positions of the bones' heads {joint: (3,)} in the present frame."""
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {joint: np.array(evaluated.matrix_world @ evaluated.pose.bones[name].head) for joint, name in names.items()}


def own_names(character):
    return {bone.name: bone.name for bone in character.armature.data.bones}


def degrees_between(first, second):
    first, second = first / np.linalg.norm(first), second / np.linalg.norm(second)
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(first, second)), first @ second))


def worst_limb(character, target, bones):
    """Degrees: the largest angle between a limb's bone and the character's, over the scene's frames, and which."""
    worst = (0.0, "")
    scene = bpy.context.scene
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        own, other = heads(character.armature, own_names(character)), heads(target, bones)
        for upper, lower in SEGMENTS:
            if lower in bones:
                angle = degrees_between(own[lower] - own[upper], other[lower] - other[upper])
                worst = max(worst, (angle, f"{upper}, frame {frame}"))
    return worst


@pytest.mark.parametrize("program", list(BUILDERS))
def test_arms_and_legs_point_as_the_characters_do(character, program):
    target = BUILDERS[program]()
    at_rest = worst_limb(character, target, find_bones(target).bones)[0]
    done = retarget(character, target)
    assert done.bone_map.scheme == program
    assert at_rest > 20, "the poses would have to differ for this to tell anything"
    angle, where = worst_limb(character, target, done.bone_map.bones)
    assert angle < DEGREES, where


@pytest.mark.parametrize("program", ["Mixamo", "Unreal"])
def test_they_do_so_wherever_the_target_was_put_and_turned(character, program):
    target = BUILDERS[program]()
    target.location = (2, 1, 0)
    target.rotation_euler.rotate(Euler((0, 0, 0.8)))
    bones = retarget(character, target).bone_map.bones
    angle, where = worst_limb(character, target, bones)
    assert angle < DEGREES, where
    place, matrix = np.array(target.location), np.array(target.matrix_world)
    np.testing.assert_allclose(place, [2, 1, 0])
    assert abs(matrix[2, 3]) < 1e-6


def test_mixamo_and_unreal_know_all_joints(character):
    for target in (mixamo(), unreal(), metarig()):
        assert not retarget(character, target).bone_map.missing


@pytest.mark.parametrize("program", list(BUILDERS))
def test_a_body_at_rest_makes_a_target_that_stands_upright_on_its_feet(model, program):
    character = posed(model, {}, transl=(0, standing_height(model), 0))
    target = BUILDERS[program]()
    rest = {bone.name: (target.matrix_world @ bone.matrix_local).to_3x3() for bone in target.data.bones}
    bones = find_bones(target).bones
    soles = [target.matrix_world @ target.data.bones[bones[name]].head_local for name in ("left_ankle", "right_ankle")]
    retarget(character, target)
    bpy.context.scene.frame_set(1)
    now = heads(target, bones)
    for name, sole in zip(("left_ankle", "right_ankle"), soles, strict=True):
        assert now[name][2] == pytest.approx(sole.z, abs=0.04), "feet hang in the air, or sink"
    for name in ("left_ankle", "right_ankle", "head", "pelvis"):
        pitch = tilt(target, bones[name], rest)
        assert pitch < 6, f"{name} is tilted by {pitch:.1f} degrees"


def standing_height(model):
    return -float(model.v_template[:, 1].min())


def tilt(target, name, rest):
    """Degrees by which what was vertical in a bone at rest is not any more."""
    evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
    now = (evaluated.matrix_world @ evaluated.pose.bones[name].matrix).to_3x3()
    turned = np.array(now.normalized()) @ np.array(rest[name].normalized()).T
    return degrees_between(turned @ [0, 0, 1], np.array([0, 0, 1.0]))


def test_a_twist_of_the_forearm_arrives_as_a_twist_of_the_hand(model):
    """Bone rolls differ in every skeleton, and directions alone would not show a hand that is turned palm up."""
    for build_target in (mixamo, unreal, metarig):
        hands = []
        for number, angle in enumerate((0.0, 1.0)):
            bpy.ops.wm.read_factory_settings(use_empty=True)
            character = posed(model, {"left_elbow": (angle, 0, 0)}, name=f"Ada{number}")  # the arm lies along x
            target = build_target()
            bone = retarget(character, target).bone_map.bones["left_wrist"]
            bpy.context.scene.frame_set(1)
            evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
            hands.append(np.array((evaluated.matrix_world @ evaluated.pose.bones[bone].matrix).to_3x3().normalized()))
        turn = matrix_to_axis_angle(hands[1] @ hands[0].T)
        np.testing.assert_allclose(turn, [1, 0, 0], atol=2e-3)


def test_steps_are_as_long_as_the_legs_allow(model):
    """A target of half the size, in inches, walks half as far."""
    rotations = np.tile(np.eye(3), (2, 24, 1, 1))
    transl = np.array([[0, 1.2, 0], [0.3, 1.2, 1.0]])
    character = build_moving_character(model, np.zeros(10, np.float32), rotations, transl, name="Ada")
    own_leg, paths = None, {}
    for size, unit in ((1.0, 1.0), (0.5, 0.0254)):
        target = half_sized(size, unit)
        bones = retarget(character, target).bone_map.bones
        places = []
        for frame in (1, 2):
            bpy.context.scene.frame_set(frame)
            now = heads(target, bones)
            places.append((now["left_hip"] + now["right_hip"]) / 2)
            leg = sum(
                np.linalg.norm(now[f"left_{a}"] - now[f"left_{b}"]) for a, b in (("hip", "knee"), ("knee", "ankle"))
            )
        joints = model.rest_joints(np.zeros((1, 10)))[0]
        index = [JOINT_INDEX[f"left_{joint}"] for joint in ("hip", "knee", "ankle")]
        own_leg = np.linalg.norm(np.diff(joints[index], axis=0), axis=1).sum()
        paths[size] = (places[1] - places[0]) / (leg / own_leg)
    for path in paths.values():
        np.testing.assert_allclose(path, [0.3, -1.0, 0], atol=5e-3)


def half_sized(size, unit):
    joints = {name: (parent, tuple(size * side for side in place)) for name, (parent, place) in MIXAMO.items()}
    return build(joints, f"size {size}", unit=unit)


def test_what_is_not_mapped_keeps_the_users_pose(character):
    target = metarig()
    finger = target.pose.bones["f_index.01.L"]
    finger.rotation_mode, finger.rotation_quaternion = "QUATERNION", (0.8, 0.6, 0, 0)
    retarget(character, target)
    bpy.context.scene.frame_set(3)
    assert tuple(finger.rotation_quaternion) == pytest.approx((0.8, 0.6, 0, 0))


def test_a_posed_target_gives_the_same_result_and_keeps_its_old_action(character):
    target = mixamo()
    mapped = set(find_bones(target).bones.values())
    for bone in target.pose.bones:
        if bone.name not in mapped or "Middle" in bone.name:
            continue
        bone.rotation_mode = "XYZ"
        bone.rotation_euler, bone.location, bone.scale = (0.3, -0.4, 0.5), (3, 4, 5), (1, 2, 1)
        bone.keyframe_insert("rotation_euler", frame=1)
    old = target.animation_data.action
    bones = retarget(character, target).bone_map.bones
    angle, where = worst_limb(character, target, bones)
    assert angle < DEGREES, where
    assert old.use_fake_user and target.animation_data.action != old


def test_every_frame_is_keyed_and_the_characters_own_scene_stays(character):
    bpy.context.scene.frame_set(3)
    before = [tuple(bone.rotation_quaternion) for bone in character.armature.pose.bones]
    target = mixamo()
    done = retarget(character, target)
    assert tuple(done.action.frame_range) == (1, 4)
    assert bpy.context.scene.frame_current == 3
    assert [tuple(bone.rotation_quaternion) for bone in character.armature.pose.bones] == before


def test_a_still_pose_corrected_by_hand_is_what_arrives(model):
    character = posed(model, {})
    character.armature.pose.bones["left_elbow"].rotation_quaternion = (0.8, 0.6, 0, 0)
    bpy.context.view_layer.update()
    own = heads(character.armature, own_names(character))
    target = mixamo()
    bones = retarget(character, target).bone_map.bones
    other = heads(target, bones)
    forearm = [found["left_wrist"] - found["left_elbow"] for found in (own, other)]
    assert degrees_between(*forearm) < DEGREES
    assert degrees_between(forearm[0], np.array([1.0, 0, 0])) > 20


def test_constraints_are_not_fought(character):
    target = mixamo()
    target.pose.bones["mixamorig:LeftArm"].constraints.new("COPY_ROTATION")
    with pytest.raises(UserError, match="LeftArm"):
        retarget(character, target)
    target.pose.bones["mixamorig:LeftArm"].constraints[0].mute = True
    retarget(character, target)


def test_a_table_is_no_body(character):
    target = build({"leg": (None, (0, 0, 0)), "top": ("leg", (0, 0, 1))}, "table")
    with pytest.raises(UserError, match="No body was recognised in table"):
        retarget(character, target)


def strangely_named():
    """Mixamo's skeleton with names that say nothing, and joint → bone."""
    target = mixamo()
    bones = find_bones(target).bones
    names = {joint: f"b{number}" for number, joint in enumerate(bones)}
    for joint, bone in dict(bones).items():
        target.data.bones[bone].name = names[joint]
    return target, names


def test_a_map_of_ones_own_tells_bones_whose_names_do_not(character, tmp_path):
    target, names = strangely_named()
    with pytest.raises(UserError, match="No body was recognised"):
        retarget(character, target)
    file = tmp_path / "mine.json"
    write_bone_map(BoneMap("mine", names), file)
    assert json.loads(file.read_text())["left_hip"] == names["left_hip"]
    read = read_bone_map(file, target)
    assert dict(read.bones) == names and retarget(character, target, read).bone_map.scheme == "mine.json"
    assert worst_limb(character, target, names)[0] < DEGREES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "is no bone map"),
        ("nothing", "is no JSON text"),
        ('{"left_hip": 3}', "is no bone map"),
        ('{"tail": "b0"}', "SMPL has no joint 'tail'"),
        ('{"pelvis": "gone"}', "has no bone 'gone', which pelvis is mapped to"),
        ('{"pelvis": "b0", "left_hip": "b0"}', "two joints to one bone"),
        ('{"pelvis": "b0", "left_hip": null}', "maps no bone to left_ankle, left_hip"),
    ],
)
def test_what_is_wrong_with_a_map_is_said(text, said, tmp_path):
    target, _ = strangely_named()
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(UserError, match=said):
        read_bone_map(tmp_path / "mine.json", target)
