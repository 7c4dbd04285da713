"""A character read as its camera sees it, refined, and shown again: also after both were moved in the scene."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.geometry.camera import Camera
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.inference.refinement.parametric_body import JOINTS, Parameters
from body_from_image.inference.refinement.refine import refine, sparse_body
from body_from_image.rig.character import build_character
from body_from_image.rig.photo_note import has_photo_note, read_photo_note, write_photo_note
from body_from_image.rig.seen_pose import seen_pose, show_pose
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Matrix, Vector


@pytest.fixture
def character(empty_scene, make_estimate, model):
    estimate = make_estimate(seed=3)
    made = build_character(estimate, model, photo=None, name="somebody", stand_on_ground=True)
    # Both are moved and turned together and apart: what the camera sees is what counts.
    made.camera.matrix_world = Matrix.Rotation(0.4, 4, "Z") @ made.camera.matrix_world
    made.armature.matrix_world = (
        Matrix.Rotation(0.4, 4, "Z") @ Matrix.Translation((0.1, 0.3, -0.05)) @ Matrix.Rotation(0.2, 4, "X")
    )
    bpy.context.view_layer.update()
    return made


def pixels_by_blender(character, joints, size):
    scene = bpy.context.scene
    seen = [world_to_camera_view(scene, character.camera, Vector(joint)) for joint in joints]
    return np.array([[x * size[0] - 0.5, (1 - y) * size[1] - 0.5] for x, y, _ in seen])


def test_what_is_read_projects_to_where_blenders_camera_sees_it(character, model, make_estimate, posed_by_blender):
    estimate = make_estimate(seed=3)
    joints, _ = posed_by_blender(character, 1)
    placed = sparse_body(model).place(seen_pose(character)).points[:JOINTS]
    camera = Camera(estimate.focal, estimate.camera_center, estimate.image_size)
    expected = pixels_by_blender(character, joints, estimate.image_size)
    assert np.abs(camera.project(placed) - expected).max() < 0.05


def test_what_is_shown_is_what_is_read_again(character, model, posed_by_blender):
    rng = np.random.default_rng(0)
    before = seen_pose(character)
    turned = before.rotations @ axis_angle_to_matrix(rng.normal(0, 0.3, (JOINTS, 3)))
    wanted = Parameters(turned, before.betas + rng.normal(0, 0.5, 10), before.transl + [0.1, -0.1, 0.3])
    show_pose(character, wanted, frame=1)
    bpy.context.view_layer.update()
    again = seen_pose(character)
    for name in ("rotations", "betas", "transl"):
        assert np.abs(getattr(again, name) - getattr(wanted, name)).max() < 5e-5, name
    # The keys hold it, and the mesh is there too.
    bpy.context.scene.frame_set(5)
    joints, vertices = posed_by_blender(character, 1)
    posed = model.pose(wanted.betas[None], wanted.rotations[None])
    camera = np.array(character.camera.matrix_world.inverted())
    for found, expected in ((joints, posed.joints[0]), (vertices, posed.vertices[0])):
        local = (found @ camera[:3, :3].T + camera[:3, 3]) * [1, -1, -1]
        assert np.abs(local - (expected + wanted.transl)).max() < 1e-4


def test_a_pose_that_was_bent_by_hand_is_brought_back_to_the_photo(character, model, make_estimate):
    estimate, truth = make_estimate(seed=3), seen_pose(character)
    sparse = sparse_body(model)
    camera = Camera(estimate.focal, estimate.camera_center, estimate.image_size)
    pixels = camera.project(sparse.keypoints_from_points @ sparse.place(truth).points)
    shown = replace(estimate, keypoints_2d=np.column_stack([pixels, np.ones(len(pixels))])[None])
    write_photo_note(character.armature, shown)
    character.armature.pose.bones["left_shoulder"].rotation_quaternion = (0.9, 0.1, 0.3, 0.3)
    bpy.context.view_layer.update()
    bent = seen_pose(character)
    refined = refine(model, bent, read_photo_note(character.armature))
    show_pose(character, refined.parameters, frame=1)
    bpy.context.view_layer.update()
    after = camera.project(sparse.keypoints_from_points @ sparse.place(seen_pose(character)).points)
    before = camera.project(sparse.keypoints_from_points @ sparse.place(bent).points)
    assert refined.accepted
    assert np.linalg.norm(after - pixels, axis=1).max() < 0.3 * np.linalg.norm(before - pixels, axis=1).max()


def test_the_note_keeps_what_the_photo_showed(empty_scene, make_estimate):
    armature = bpy.data.objects.new("a", bpy.data.armatures.new("a"))
    assert not has_photo_note(armature)
    with pytest.raises(UserError, match="photo"):
        read_photo_note(armature)
    y, x = np.mgrid[:64, :64]
    silhouette = np.round(255 / (1 + np.exp(np.hypot(x - 30, y - 30) - 15))).astype(np.uint8)
    window = np.float32([10, 20, 5])
    write_photo_note(armature, replace(make_estimate(), silhouette=silhouette, silhouette_window=window))
    evidence = read_photo_note(armature)
    assert evidence.camera.size == (640, 480) and evidence.keypoints.shape == (16, 3)
    assert np.linalg.norm(evidence.outline.points - [160, 170], axis=1) == pytest.approx(75, abs=1)


def test_without_its_camera_a_character_cannot_be_refined(character):
    with pytest.raises(UserError, match="camera"):
        seen_pose(replace(character, camera=None))
