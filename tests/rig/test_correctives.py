"""Pose correctives: what Blender evaluates, and what files hold, equals the body model with its posedirs."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.errors import UserError
from body_from_image.rig.axes import points_to_blender, points_to_smpl
from body_from_image.rig.character import build_character, refit_armature
from body_from_image.rig.correctives import add_correctives, corrective_keys, remove_correctives
from body_from_image.rig.export import export
from body_from_image.rig.export.correctives import TOLERANCE, principal_components
from body_from_image.rig.shape_keys import set_betas
from mathutils.kdtree import KDTree

from .read_gltf import Gltf

METRES = 1e-4
"""The promise; what is measured is 5e-6."""
pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture(scope="module")
def licensed(model):
    """A model with made-up correctives of a few centimetres, of every joint; no official file may be passed on."""
    posedirs = np.random.default_rng(0).normal(0, 0.002, (len(model.v_template), 3, 207)).astype(np.float32)
    return replace(model, posedirs=posedirs)


@pytest.fixture
def build(licensed, make_estimate):
    def build(frames=3, seed=1, **options):
        estimate = make_estimate(frames=frames, seed=seed)
        character = build_character(estimate, licensed, photo=None, name="Ada", **options)
        add_correctives(character, licensed)
        return character, estimate

    return build


def posed(licensed, estimate):
    return licensed.pose(estimate.betas[None], rotations_of(estimate.poses), estimate.trans).vertices


def test_the_skin_equals_the_engine_with_posedirs(build, licensed, posed_by_engine, posed_by_blender):
    character, estimate = build(bone_names="unreal")
    assert len(corrective_keys(character.mesh)) == 207
    engine = posed(licensed, estimate)
    assert np.abs(engine - posed_by_engine(estimate).vertices).max() > 0.02, "they would have to matter"
    for frame in range(3):
        _, vertices = posed_by_blender(character, 1 + frame)
        np.testing.assert_allclose(vertices, points_to_blender(engine[frame]), atol=METRES)


def test_they_follow_the_hand_in_any_rotation_mode_and_on_any_shape(build, licensed, posed_by_blender):
    character, estimate = build(frames=1)
    set_betas(character.armature, estimate.betas + 1)
    refit_armature(character)
    bpy.context.scene.frame_set(1)
    for bone in character.armature.pose.bones:
        bone.rotation_quaternion *= -3  # a hand may leave quaternions of any length
    body = character.mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    vertices = np.array([vertex.co for vertex in body.data.vertices])
    expected = posed(licensed, replace(estimate, betas=estimate.betas + 1))[0]
    np.testing.assert_allclose(vertices, points_to_blender(expected), atol=METRES)


def test_drivers_run_where_scripts_are_not_trusted(build):
    """Blender evaluates simple expressions itself; others would be blocked in a file from elsewhere."""
    character, _ = build(frames=1)
    drivers = [curve.driver for curve in character.mesh.data.shape_keys.animation_data.drivers]
    assert len(drivers) == 217
    assert all(driver.is_valid and (driver.type == "SUM" or driver.is_simple_expression) for driver in drivers)


def test_they_can_be_taken_away(build, posed_by_engine, posed_by_blender, licensed):
    character, estimate = build()
    add_correctives(character, licensed)  # again: they are replaced
    assert len(corrective_keys(character.mesh)) == 207
    remove_correctives(character)
    assert len(character.mesh.data.shape_keys.key_blocks) == 11
    assert len(character.mesh.data.shape_keys.animation_data.drivers) == 10
    _, vertices = posed_by_blender(character, 2)
    np.testing.assert_allclose(vertices, points_to_blender(posed_by_engine(estimate).vertices[1]), atol=METRES)


def test_a_model_without_them_is_told(model, licensed, make_estimate):
    character = build_character(make_estimate(), model, photo=None, name="Ada")
    with pytest.raises(UserError, match="no pose correctives"):
        add_correctives(character, model)
    other = replace(licensed, faces=licensed.faces[::-1])
    with pytest.raises(UserError, match="another body model"):
        add_correctives(character, other)


def test_a_modifier_that_adds_vertices_is_told(build, tmp_path):
    character, _ = build(frames=1)
    character.mesh.modifiers.new("shell", "SOLIDIFY")
    with pytest.raises(UserError, match="number of vertices"):
        export(character, tmp_path / "ada.glb", "glb")


@pytest.mark.parametrize(("frames", "at_most"), [(1, 1), (4, 4)])
def test_glb_holds_them_in_as_few_targets_as_it_takes(build, licensed, tmp_path, frames, at_most):
    character, estimate = build(frames=frames)
    export(character, tmp_path / "ada.glb", "glb")
    file, engine = Gltf(tmp_path / "ada.glb"), posed(licensed, estimate)
    (mesh,) = file.content["meshes"]
    assert len(mesh["primitives"][0]["targets"]) <= at_most
    match = nearest(engine[0], file.vertices(0.0))
    for frame in range(frames):
        np.testing.assert_allclose(file.vertices(frame / 30), engine[frame][match], atol=METRES)


def nearest(points, wanted):
    """Files split vertices along the seams of UVs; the first frame tells which is which."""
    tree = KDTree(len(points))
    for index, point in enumerate(points):
        tree.insert(point, index)
    tree.balance()
    return np.array([tree.find(point)[1] for point in wanted])


def test_fbx_holds_them(build, licensed, tmp_path):
    character, estimate = build(frames=3)
    export(character, tmp_path / "ada.fbx", "fbx", "unreal")
    script, out = Path(__file__).with_name("read_with_blender.py"), tmp_path / "seen.npz"
    subprocess.run([sys.executable, script, "30", tmp_path / "ada.fbx", out], timeout=120, capture_output=True)
    vertices = points_to_smpl(np.load(out)["vertices"])
    np.testing.assert_allclose(vertices, posed(licensed, estimate), atol=METRES)


def test_the_rest_of_a_file_is_without_them(build, model, tmp_path):
    """The pose of the frame that Blender shows must not find its way into the bind pose."""
    character, estimate = build(frames=3)
    bpy.context.scene.frame_set(3)
    export(character, tmp_path / "ada.glb", "glb")
    file = Gltf(tmp_path / "ada.glb")
    (mesh,) = file.content["meshes"]
    rest = file.array(mesh["primitives"][0]["attributes"]["POSITION"])
    expected = model.rest_vertices(estimate.betas[None])[0]
    np.testing.assert_allclose(rest, expected[nearest(expected, rest)], atol=METRES)
    assert all(not key.mute for key in corrective_keys(character.mesh))


def test_components_are_few_and_exact():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 20))  # six things happen in fifty frames
    offsets = rng.normal(size=(20, 300)) * 0.01
    shapes, weights = principal_components(offsets, values)
    assert len(shapes) == 6
    assert np.abs(weights).max() == pytest.approx(1)
    np.testing.assert_allclose(weights @ shapes, values @ offsets, atol=TOLERANCE)
    assert not len(principal_components(offsets, np.zeros((3, 20)))[0])
