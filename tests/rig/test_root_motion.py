"""The path in the pelvis, nowhere, or in a root bone: bodies are where they were, read back in a fresh Blender."""

import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.rig.character import build_character
from body_from_image.rig.export import ROOT_MOTIONS, export
from body_from_image.rig.export.root_motion import with_root_motion
from body_from_image.rig.export.sampling import sample_clip

METRES = {"fbx": 1e-4, "glb": 1e-4, "bvh": 5e-4}
"""Blender's BVH importer is off by a tenth of a millimetre by itself."""
FRAMES = 12


def turning(make_estimate, angles=None):
    """Somebody who sways, walks and turns right round by steps of 30°, or as `angles` (F, 3) say."""
    rng = np.random.default_rng(3)
    poses = rng.normal(0, 0.2, (FRAMES, 24, 3))
    turn = np.radians(30 * np.arange(FRAMES))[:, None] * [0, 1, 0] if angles is None else angles
    sway = axis_angle_to_matrix(rng.normal(0, 0.1, (FRAMES, 3)) * [1, 0, 1])
    poses[:, 0] = matrix_to_axis_angle(axis_angle_to_matrix(turn) @ sway)
    return make_estimate(frames=FRAMES, seed=7, poses=poses.reshape(FRAMES, 72))


@pytest.fixture(scope="module")
def read_back(tmp_path_factory, model, make_estimate):
    """What each kind of file says, by kind and format."""
    folder = tmp_path_factory.mktemp("root")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    character = build_character(turning(make_estimate), model, photo=None, name="Ada", stand_on_ground=True)
    files = {(kind, format): folder / f"{kind}.{format}" for kind in ROOT_MOTIONS for format in METRES}
    for (kind, format), file in files.items():
        export(character, file, format, "unreal", root_motion=kind)
    assert "root" not in character.armature.data.bones
    arguments = [str(name) for file in files.values() for name in (file, f"{file}.npz")]
    script = Path(__file__).with_name("read_with_blender.py")
    subprocess.run([sys.executable, script, "30", *arguments], timeout=240, capture_output=True)
    return {key: np.load(f"{file}.npz") for key, file in files.items()}


def by_name(facts):
    return dict(zip(facts["bones"], facts["joints"].swapaxes(0, 1), strict=True))


@pytest.mark.parametrize("format", METRES)
def test_with_a_root_bone_all_is_where_it_was(read_back, format):
    before, after = (by_name(read_back[kind, format]) for kind in ("pelvis", "root_bone"))
    assert set(after) == {*before, "root"}
    for name, places in before.items():
        np.testing.assert_allclose(after[name], places, atol=METRES[format])
    np.testing.assert_allclose(after["root"][:, :2], before["pelvis"][:, :2], atol=METRES[format])
    np.testing.assert_allclose(after["root"][:, 2], 0, atol=METRES[format])
    if format != "bvh":
        skins = [read_back[kind, format]["vertices"] for kind in ("pelvis", "root_bone")]
        np.testing.assert_allclose(*skins, atol=METRES[format])


@pytest.mark.parametrize("format", METRES)
def test_in_place_only_the_horizontal_path_is_gone(read_back, format):
    before, after = (by_name(read_back[kind, format]) for kind in ("pelvis", "in_place"))
    assert set(after) == set(before)
    assert np.ptp(before["pelvis"][:, :2], axis=0).min() > 0.05
    np.testing.assert_allclose(np.ptp(after["pelvis"][:, :2], axis=0), 0, atol=METRES[format])
    for name, places in before.items():
        path = (before["pelvis"] - before["pelvis"][0]) * [1, 1, 0]
        np.testing.assert_allclose(after[name], places - path, atol=2 * METRES[format])


def test_the_root_turns_as_the_body_does_and_the_pelvis_only_sways(model, make_estimate, empty_scene):
    character = build_character(turning(make_estimate), model, photo=None, name="Ada", stand_on_ground=True)
    clip = with_root_motion(sample_clip(character.armature), character, "root_bone")
    root, pelvis = (clip.turned()[:, clip.bones.index(bone)] for bone in ("root", "pelvis"))
    headings = np.unwrap(np.arctan2(root[:, 1, 0], root[:, 0, 0]))
    assert np.degrees(np.diff(headings)) == pytest.approx(30, abs=2)
    np.testing.assert_allclose(root[:, 2, 2], 1, atol=1e-9)
    sway = matrix_to_axis_angle(root.swapaxes(1, 2) @ pelvis)
    assert np.abs(sway).max() < 0.35 and np.abs(sway[:, 2]).max() < 1e-6
    assert np.linalg.norm(clip.rest[0, :3, 3] - clip.rest[1, :3, 3] * [1, 1, 0]) > 0.7, "it rests on the floor"


def test_a_somersault_does_not_flip_the_heading(model, make_estimate, empty_scene):
    angles = np.linspace(0, 2 * np.pi, FRAMES)[:, None] * [1, 0, 0]
    character = build_character(turning(make_estimate, angles), model, photo=None, name="Ada", stand_on_ground=True)
    clip = with_root_motion(sample_clip(character.armature), character, "root_bone")
    turned = clip.turned()[:, 0]
    steps = np.degrees(np.diff(np.unwrap(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))))
    assert np.abs(steps).max() < 60


def test_an_applied_scale_and_turn_change_nothing(model, make_estimate, empty_scene):
    character = build_character(turning(make_estimate), model, photo=None, name="Ada", stand_on_ground=True)
    armature = character.armature
    armature.scale, armature.rotation_euler = (2, 2, 2), (0, 0, 1)
    bpy.context.view_layer.update()
    clip = with_root_motion(sample_clip(armature), character, "root_bone")
    np.testing.assert_allclose(clip.placed()[:, 0, :2, 3], clip.placed()[:, 1, :2, 3], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(clip.pose[:, 0, :3, :3], axis=1), 1, atol=1e-6)


def test_a_bone_of_that_name_is_told(model, make_estimate, empty_scene, tmp_path):
    character = build_character(turning(make_estimate), model, photo=None, name="Ada")
    character.armature.data.bones["left_hand"].name = "root"
    with pytest.raises(UserError, match="already has a bone called 'root'"):
        export(character, tmp_path / "ada.fbx", "fbx", root_motion="root_bone")
    assert not list(tmp_path.iterdir())
