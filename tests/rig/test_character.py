"""What Blender evaluates equals what the engine computed, and a person finds what they expect in the scene."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.geometry.joints import JOINT_MIRROR, JOINT_NAMES, JOINT_PARENTS
from body_from_image.rig.armature import joint_bones, rest_rotations
from body_from_image.rig.axes import points_to_blender
from body_from_image.rig.bone_names import PRESETS
from body_from_image.rig.character import build_character, refit_armature

METRES = 1e-5
pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def build(model):
    return lambda estimate, **options: build_character(estimate, model, **{"photo": None, "name": "Ada"} | options)


def set_betas(character, model, betas):
    for name, beta in zip(model.beta_names, betas, strict=True):
        character.armature[name] = float(beta)
    character.armature.update_tag()


@pytest.mark.parametrize("seed", range(3))
def test_joints_and_skin_equal_the_engine_in_every_frame(build, make_estimate, posed_by_engine, posed_by_blender, seed):
    estimate = make_estimate(frames=4, seed=seed)
    character = build(estimate, start_frame=10)
    engine = posed_by_engine(estimate)
    for frame in range(4):
        joints, vertices = posed_by_blender(character, 10 + frame)
        np.testing.assert_allclose(joints, points_to_blender(engine.joints[frame]), atol=METRES)
        np.testing.assert_allclose(vertices, points_to_blender(engine.vertices[frame]), atol=METRES)


def test_a_single_picture_is_keyed_and_unusual_shapes_are_exact(
    build, make_estimate, posed_by_engine, posed_by_blender
):
    estimate = make_estimate(seed=5, betas=np.array([3, -3, 2.5, -2.5, 3, -3, 2, -2, 3, -3.0]))
    character = build(estimate)
    for bone in character.armature.pose.bones:
        bone.rotation_quaternion = (1, 0, 0, 0)  # Only keys bring the pose back.
    joints, vertices = posed_by_blender(character, 1)
    engine = posed_by_engine(estimate)
    np.testing.assert_allclose(joints, points_to_blender(engine.joints[0]), atol=METRES)
    np.testing.assert_allclose(vertices, points_to_blender(engine.vertices[0]), atol=METRES)


def test_dragging_a_beta_moves_the_skin_and_a_refit_the_bones(
    build, model, make_estimate, posed_by_engine, posed_by_blender
):
    estimate = make_estimate(frames=2, seed=6)
    character = build(estimate)
    betas = estimate.betas + np.linspace(-1.5, 1.5, 10)
    set_betas(character, model, betas)
    refit_armature(character)
    engine = posed_by_engine(estimate, betas)
    for frame in range(2):
        joints, vertices = posed_by_blender(character, 1 + frame)
        np.testing.assert_allclose(joints, points_to_blender(engine.joints[frame]), atol=METRES)
        np.testing.assert_allclose(vertices, points_to_blender(engine.vertices[frame]), atol=METRES)


def test_many_refits_do_not_turn_the_bones(build, model, make_estimate):
    character = build(make_estimate(seed=7))
    before = rest_rotations(character.armature)
    rng = np.random.default_rng(0)
    for _ in range(50):
        set_betas(character, model, rng.normal(0, 2, 10))
        refit_armature(character)
    np.testing.assert_allclose(rest_rotations(character.armature), before, atol=1e-5)


def test_the_skin_at_rest_follows_each_property_alone(build, model, make_estimate):
    character = build(make_estimate(seed=8))
    character.armature.data.pose_position = "REST"
    for index in (0, 4, 9):
        betas = np.zeros(10, np.float32)
        betas[index] = 2
        set_betas(character, model, betas)
        evaluated = character.mesh.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        vertices = np.array([vertex.co for vertex in evaluated.vertices])
        np.testing.assert_allclose(vertices, points_to_blender(model.rest_vertices(betas[None])[0]), atol=METRES)


def test_shape_properties_tell_what_they_are(build, model, make_estimate):
    estimate = make_estimate()
    armature = build(estimate).armature
    for index, name in enumerate(model.beta_names):
        assert armature[name] == pytest.approx(estimate.betas[index])
        settings = armature.id_properties_ui(name).as_dict()
        assert (settings["soft_min"], settings["soft_max"]) == (-3, 3)
        assert name in settings["description"]
        assert settings["default"] == 0


def test_shape_drivers_work_where_scripts_are_not_trusted(build, make_estimate):
    drivers = build(make_estimate()).mesh.data.shape_keys.animation_data.drivers
    assert len(drivers) == 10
    assert all(curve.driver.type == "SUM" and curve.driver.is_valid for curve in drivers)


def test_bones_form_smpls_tree(build, make_estimate):
    bones = build(make_estimate()).armature.data.bones
    assert {bone.name for bone in bones} == set(JOINT_NAMES)
    for joint, name in enumerate(JOINT_NAMES):
        parent = bones[name].parent
        assert (parent.name if parent else None) == (JOINT_NAMES[JOINT_PARENTS[joint]] if joint else None)


def test_left_and_right_bones_are_mirror_images(build, make_estimate):
    """So that Blender's flipped paste turns a left step into a right one."""
    armature = build(make_estimate(betas=np.zeros(10))).armature
    axes, flip = rest_rotations(armature), np.diag([-1, 1, 1])
    np.testing.assert_allclose(axes, flip @ axes[JOINT_MIRROR] @ flip, atol=1e-4)


def test_bones_point_at_the_next_joint(build, make_estimate):
    bones = build(make_estimate(betas=np.zeros(10))).armature.data.bones
    for name, following in (("left_knee", "left_ankle"), ("pelvis", "spine1"), ("spine3", "neck"), ("neck", "head")):
        np.testing.assert_allclose(bones[name].tail_local, bones[following].head_local, atol=METRES)


def test_the_same_pose_has_the_same_keys_on_another_body(build, model, make_estimate):
    estimate = make_estimate(seed=9)
    first, second = build(estimate), build(replace(estimate, betas=estimate.betas + 1))
    for bone in first.armature.pose.bones:
        other = second.armature.pose.bones[bone.name]
        np.testing.assert_allclose(bone.rotation_quaternion, other.rotation_quaternion, atol=1e-5)


def test_quaternions_never_jump(build, make_estimate):
    """A body that spins twice about itself: between neighbouring frames nothing turns by more than it does."""
    turns = np.zeros((40, 72))
    turns[:, 1] = np.linspace(0, 4 * np.pi, 40)
    character = build(make_estimate(frames=40, poses=turns))
    root = character.armature.pose.bones["pelvis"]
    quaternions = []
    for frame in range(1, 41):
        bpy.context.scene.frame_set(frame)
        quaternions.append(np.array(root.rotation_quaternion))
    steps = np.linalg.norm(np.diff(quaternions, axis=0), axis=1)
    assert steps.max() < 2 * np.pi / 39 * 1.1


def test_every_frame_has_a_key_and_the_scene_spans_them(build, make_estimate):
    character = build(make_estimate(frames=5), start_frame=3)
    action = character.armature.animation_data.action
    assert tuple(action.frame_range) == (3, 7)
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (3, 7, 3)


@pytest.mark.parametrize("rate", [24, 29.97, 59.94, 12.5])
def test_the_scene_runs_at_the_motions_rate(build, make_estimate, rate):
    build(make_estimate(frames=2, frame_rate=rate))
    render = bpy.context.scene.render
    assert render.fps / render.fps_base == pytest.approx(rate, rel=1e-6)


def test_a_picture_leaves_the_scenes_rate_alone(build, make_estimate):
    bpy.context.scene.render.fps = 50
    build(make_estimate())
    assert bpy.context.scene.render.fps == 50


def test_the_mesh_is_sound(build, model, make_estimate):
    mesh = build(make_estimate()).mesh.data
    assert (len(mesh.vertices), len(mesh.polygons)) == (len(model.v_template), len(model.faces))
    assert not mesh.validate(verbose=False), "Blender had to repair the mesh"
    assert all(polygon.use_smooth for polygon in mesh.polygons)
    assert len(mesh.materials) == 1
    uvs = np.array([item.uv for item in mesh.uv_layers.active.data])
    np.testing.assert_allclose(uvs, model.vt[model.ft].reshape(-1, 2), atol=1e-6)


def test_weights_are_the_models(build, model, make_estimate):
    body = build(make_estimate()).mesh
    assert [group.name for group in body.vertex_groups] == list(JOINT_NAMES)
    for vertex in list(body.data.vertices)[::50]:
        weights = np.zeros(24)
        for item in vertex.groups:
            weights[item.group] = item.weight
        np.testing.assert_allclose(weights, model.lbs_weights[vertex.index], atol=1e-6)


def test_a_model_without_uvs_gives_a_mesh_without(model, make_estimate):
    plain = replace(model, vt=None, ft=None)
    assert not build_character(make_estimate(), plain, photo=None, name="Ada").mesh.data.uv_layers


@pytest.mark.parametrize("scheme", list(PRESETS))
def test_bones_can_have_other_programs_names(build, make_estimate, posed_by_engine, posed_by_blender, scheme):
    estimate = make_estimate(seed=4)
    character = build(estimate, bone_names=scheme)
    assert joint_bones(character.armature) == list(PRESETS[scheme].bones)
    _, vertices = posed_by_blender(character, 1)
    np.testing.assert_allclose(vertices, points_to_blender(posed_by_engine(estimate).vertices[0]), atol=METRES)


def test_names_are_unique_within_each_scheme():
    for names in PRESETS.values():
        assert len(set(names.bones)) == 24


def test_another_models_estimate_is_refused(build, make_estimate):
    with pytest.raises(UserError, match="another body model"):
        build(replace(make_estimate(), body_model="0" * 16))


def test_building_leaves_the_users_mode_and_objects_alone(build, make_estimate):
    mesh = bpy.data.meshes.new("mine")
    mine = bpy.data.objects.new("mine", mesh)
    bpy.context.scene.collection.objects.link(mine)
    bpy.context.view_layer.objects.active = mine
    bpy.ops.object.mode_set(mode="EDIT")
    build(make_estimate())
    assert bpy.context.view_layer.objects.active == mine
    assert mine.mode == "EDIT"


def test_two_characters_live_in_one_scene(build, make_estimate, posed_by_engine, posed_by_blender):
    estimates = [make_estimate(seed=1), make_estimate(seed=2)]
    characters = [build(estimate) for estimate in estimates]
    for estimate, character in zip(estimates, characters, strict=True):
        _, vertices = posed_by_blender(character, 1)
        np.testing.assert_allclose(vertices, points_to_blender(posed_by_engine(estimate).vertices[0]), atol=METRES)


def test_correctives_of_a_licensed_model_are_neither_shown_nor_stood_upon(
    model, make_estimate, posed_by_engine, posed_by_blender
):
    correctives = np.random.default_rng(0).normal(0, 0.01, (len(model.v_template), 3, 207)).astype(np.float32)
    licensed, estimate = replace(model, posedirs=correctives), make_estimate(seed=3)
    character = build_character(estimate, licensed, photo=None, name="Ada", stand_on_ground=True)
    _, vertices = posed_by_blender(character, 1)
    assert vertices[:, 2].min() == pytest.approx(0, abs=METRES)
    plain = points_to_blender(posed_by_engine(estimate).vertices[0])
    np.testing.assert_allclose(vertices - vertices[0], plain - plain[0], atol=2 * METRES)


def test_standing_on_the_ground(build, make_estimate, posed_by_blender):
    estimate = make_estimate(frames=3, seed=3)
    low = min(posed_by_blender(build(estimate), frame)[1][:, 2].min() for frame in (1, 2, 3))
    character = build(estimate, stand_on_ground=True)
    heights = [posed_by_blender(character, frame)[1][:, 2].min() for frame in (1, 2, 3)]
    assert min(heights) == pytest.approx(0, abs=METRES)
    assert character.camera.location.z == pytest.approx(-low, abs=METRES)
    bpy.context.scene.frame_set(1)
    pelvis = character.armature.matrix_world @ character.armature.pose.bones[0].head
    assert (pelvis.x, pelvis.y) == pytest.approx((0, 0), abs=METRES)
