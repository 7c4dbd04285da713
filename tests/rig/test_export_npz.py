"""The npz of a character holds what Blender shows, corrections included; the `smplx` package poses the same body."""

import bpy
import numpy as np
import pytest
from body_from_image.inference.files.amass import read_motion
from body_from_image.rig.axes import points_to_blender
from body_from_image.rig.character import build_character, build_moving_character, refit_armature
from body_from_image.rig.export import export
from body_from_image.rig.shape_keys import set_betas

METRES = 2e-5
pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def character(model, make_estimate):
    return build_character(make_estimate(frames=3, seed=1), model, photo=None, name="Ada", bone_names="unreal")


def by_smplx(path, model):
    """Vertices (F, V, 3) that the smplx package makes of the file, z up, as AMASS's viewers show them."""
    torch = pytest.importorskip("torch", reason="the smplx oracle needs torch")
    oracle = pytest.importorskip("smplx.lbs", reason="the smplx package is the oracle; install the extra 'oracle'")
    file = np.load(path)
    frames = len(file["poses"])
    tensors = [
        torch.tensor(np.array(array, np.float64))
        for array in (
            np.tile(file["betas"], (frames, 1)), file["poses"], model.v_template, model.shapedirs,
            np.zeros((207, 3 * len(model.v_template))), model.J_regressor,
        )
    ]  # fmt: skip
    parents, weights = torch.tensor(model.parents), torch.tensor(model.lbs_weights.astype(float))
    vertices, _ = oracle.lbs(*tensors, parents, weights)
    return vertices.numpy() + file["trans"][:, None]


def shown(character, posed_by_blender, frames=(1, 2, 3)):
    return np.array([posed_by_blender(character, frame)[1] for frame in frames])


def test_it_poses_the_same_body(character, model, posed_by_blender, tmp_path):
    export(character, tmp_path / "ada.npz", "npz")
    np.testing.assert_allclose(by_smplx(tmp_path / "ada.npz", model), shown(character, posed_by_blender), atol=METRES)


def test_corrections_are_in_it(character, model, posed_by_blender, tmp_path):
    """Keys changed by hand, a constraint, another shape, and an object that was put elsewhere."""
    arm = character.armature.pose.bones["lowerarm_l"]
    for frame in (1, 2, 3):
        arm.rotation_quaternion = (0.9, 0.1, -0.4, 0.2)
        arm.keyframe_insert("rotation_quaternion", frame=frame)
    goal = bpy.data.objects.new("goal", None)
    bpy.context.scene.collection.objects.link(goal)
    goal.location = (0.3, -1, 0.2)
    character.armature.pose.bones["head"].constraints.new("DAMPED_TRACK").target = goal
    set_betas(character.armature, np.linspace(-1, 1, 10))
    refit_armature(character)
    character.armature.location, character.armature.rotation_euler = (1, 2, 3), (0.1, 0.2, 0.9)
    export(character, tmp_path / "ada.npz", "npz")
    np.testing.assert_allclose(by_smplx(tmp_path / "ada.npz", model), shown(character, posed_by_blender), atol=METRES)


def test_a_still_pose_made_by_hand_needs_no_keys(model, make_estimate, tmp_path):
    character = build_character(make_estimate(), model, photo=None, name="Ada")
    character.armature.pose.bones["right_elbow"].rotation_quaternion = (0.6, 0.8, 0, 0)
    body = character.mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    vertices = np.array([vertex.co for vertex in body.data.vertices])
    export(character, tmp_path / "ada.npz", "npz")
    np.testing.assert_allclose(by_smplx(tmp_path / "ada.npz", model)[0], vertices, atol=METRES)


def test_it_reads_back_as_the_same_motion(character, model, posed_by_blender, tmp_path):
    before = shown(character, posed_by_blender)
    export(character, tmp_path / "ada.npz", "npz")
    motion = read_motion(tmp_path / "ada.npz")
    assert motion.up == "z" and not motion.remarks and motion.body_model == model.hash and motion.frame_rate == 30
    rotations, transl = motion.upright(model.rest_joints(motion.betas[None])[0, 0])
    posed = model.pose(motion.betas[None], rotations, transl)
    np.testing.assert_allclose(points_to_blender(posed.vertices), before, atol=METRES)
    again = build_moving_character(model, motion.betas, rotations, transl, name="Eve")
    np.testing.assert_allclose(shown(again, posed_by_blender), before, atol=METRES)


def test_it_has_amass_keys_without_pickled_objects(character, tmp_path):
    export(character, tmp_path / "ada.npz", "npz")
    with np.load(tmp_path / "ada.npz", allow_pickle=False) as file:
        shapes = {name: file[name].shape for name in file.files}
    assert shapes["poses"] == (3, 72) and shapes["trans"] == (3, 3) and shapes["betas"] == (10,)
    assert {"gender", "mocap_framerate"} <= set(shapes)
