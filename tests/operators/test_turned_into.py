"""What a character can be turned into and made from, through the operators that scripts and menus call."""

import importlib.util
import pickle

import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

import bpy
from body_from_image.inference.body.body_estimate import BodyEstimate, camera_from_upright, rotations_of
from body_from_image.inference.geometry.joints import KEYPOINT_NAMES
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.operators import import_npz, pose_correctives
from body_from_image.panels import file_menus

from .conftest import call

pytestmark = pytest.mark.usefixtures("registered", "empty_scene")
STAND_UP = axis_angle_to_matrix(np.array([np.pi / 2, 0, 0]))


@pytest.fixture
def amass_file(tmp_path):
    """A walker of AMASS: z up, 120 frames a second, SMPL-H."""
    poses = np.random.default_rng(0).normal(0, 0.2, (40, 156))
    poses[:, :3] = matrix_to_axis_angle(STAND_UP @ axis_angle_to_matrix(poses[:, :3]))
    trans = np.linspace(0, 1, 40)[:, None] * [3.0, 1.0, 0.0] + [5, 5, 2]
    np.savez(tmp_path / "walk.npz", poses=poses, trans=trans, betas=np.ones(16), gender="male", mocap_framerate=120.0)
    return tmp_path / "walk.npz"


@pytest.fixture
def estimate_file(tmp_path, model):
    poses, trans = np.random.default_rng(1).normal(0, 0.2, (1, 72)), np.array([[0.1, 0.2, -4.0]])
    betas = np.linspace(-1, 1, 10).astype(np.float32)
    joints = camera_from_upright(model.pose(betas[None], rotations_of(poses), trans).joints)
    BodyEstimate(
        poses=poses.astype(np.float32), betas=betas, trans=trans.astype(np.float32),
        keypoints_2d=np.zeros((1, len(KEYPOINT_NAMES), 3), np.float32), joints_3d=joints,
        joints_2d=joints[..., :2] / joints[..., 2:] * 700 + [320, 240], focal=700.0,
        camera_center=np.array([320.0, 240.0]), image_size=(640, 480), bbox=np.zeros((1, 4), np.float32),
        score=np.array([0.8], np.float32), body_model=model.hash, faces=model.faces, source="photo.jpg",
    ).save(tmp_path / "photo.npz")  # fmt: skip
    return tmp_path / "photo.npz"


def lowest_point(armature):
    body = armature["body_from_image"]["mesh"]
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return min((evaluated.matrix_world @ vertex.co).z for vertex in evaluated.data.vertices)


def pelvis_path():
    scene, armature = bpy.context.scene, bpy.context.object
    path = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        path.append(list(armature.matrix_world @ armature.pose.bones[0].head))
    return np.array(path)


def test_an_amass_motion_becomes_a_character_that_walks_upright(amass_file):
    assert not call(bpy.ops.body_from_image.import_npz, filepath=str(amass_file), stand_on_ground=False)
    armature, scene = bpy.context.object, bpy.context.scene
    assert armature.name == "walk" and (scene.frame_start, scene.frame_end, scene.render.fps) == (1, 40, 120)
    path = pelvis_path()
    np.testing.assert_allclose(path[-1] - path[0], [3, 1, 0], atol=1e-5)
    assert path[0] == pytest.approx([5, 5, 2], abs=0.35)  # the rest pelvis is that near to the origin
    head, foot = armature.pose.bones["head"].head, armature.pose.bones["left_foot"].head
    assert head.z - foot.z > 1
    remarks = armature["body_from_image"]["remarks"]
    assert "fingers" in remarks and "shape coefficients" in remarks
    assert not any(armature[name] for name in armature.data["beta_names"])


def test_standing_on_the_ground(amass_file):
    bpy.ops.body_from_image.import_npz(filepath=str(amass_file))
    path = pelvis_path()
    assert path[0][:2] == pytest.approx([0, 0], abs=1e-5)
    heights = []
    for frame in range(1, 41):
        bpy.context.scene.frame_set(frame)
        heights.append(lowest_point(bpy.context.object))
    assert min(heights) == pytest.approx(0, abs=1e-5)


def test_the_scenes_frame_rate_can_be_kept(amass_file):
    bpy.ops.body_from_image.import_npz(filepath=str(amass_file), keep_frame_rate=True, stand_on_ground=False)
    scene = bpy.context.scene
    assert (scene.frame_end, scene.render.fps) == (8, 24)
    path = pelvis_path()
    np.testing.assert_allclose(path[-1] - path[0], np.array([3, 1, 0]) * (7 / 24) / (39 / 120), atol=1e-4)


def test_an_estimate_comes_back_with_its_camera(estimate_file):
    assert not call(bpy.ops.body_from_image.import_npz, filepath=str(estimate_file))
    armature = bpy.context.object
    assert armature["body_from_image"]["camera"] == bpy.context.scene.camera
    assert armature["body_from_image"]["score"] == pytest.approx(0.8)
    assert (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y) == (640, 480)
    assert armature[armature.data["beta_names"][0]] == pytest.approx(-1)


def test_a_motion_can_be_put_on_the_active_character(estimate_file, amass_file):
    bpy.ops.body_from_image.import_npz(filepath=str(estimate_file))
    armature, objects = bpy.context.object, len(bpy.data.objects)
    shape = [armature[name] for name in armature.data["beta_names"]]
    assert not call(bpy.ops.body_from_image.import_npz, filepath=str(amass_file), apply_to_active=True, start_frame=10)
    assert len(bpy.data.objects) == objects and bpy.context.object == armature
    assert tuple(armature.animation_data.action.frame_range) == (10, 49)
    assert [armature[name] for name in armature.data["beta_names"]] == shape
    assert bpy.data.actions["photo"].use_fake_user


def test_a_round_trip_through_a_file_keeps_motion_and_shape(estimate_file, tmp_path):
    bpy.ops.body_from_image.import_npz(filepath=str(estimate_file))
    first = bpy.context.object
    assert not call(bpy.ops.body_from_image.export_npz, filepath=str(tmp_path / "again"))
    assert not call(bpy.ops.body_from_image.import_npz, filepath=str(tmp_path / "again.npz"), stand_on_ground=False)
    second = bpy.context.object
    bpy.context.view_layer.update()
    for bone in first.pose.bones:
        np.testing.assert_allclose(second.pose.bones[bone.name].head, bone.head, atol=1e-5)


def test_bad_files_leave_the_scene_as_it_was(tmp_path, estimate_file):
    bpy.ops.body_from_image.import_npz(filepath=str(estimate_file))
    before = sorted(item.name for item in bpy.data.objects), bpy.context.scene.frame_end
    np.savez(tmp_path / "bad.npz", poses=np.zeros((4, 10)))
    for options in ({}, {"apply_to_active": True}):
        assert "shape" in call(bpy.ops.body_from_image.import_npz, filepath=str(tmp_path / "bad.npz"), **options)
    assert "no file" in call(bpy.ops.body_from_image.import_npz, filepath="/no/such.npz")
    assert "Choose a motion file" in call(bpy.ops.body_from_image.import_npz)
    assert (sorted(item.name for item in bpy.data.objects), bpy.context.scene.frame_end) == before


def test_applying_without_a_character_is_told(amass_file):
    said = call(bpy.ops.body_from_image.import_npz, filepath=str(amass_file), apply_to_active=True)
    assert "Select a character" in said


@pytest.mark.parametrize(
    ("format", "options"),
    [("fbx", {"bone_names": "unreal", "mesh": False, "rest_frame": True}), ("glb", {"bone_names": "unity"}),
     ("bvh", {"rest_frame": True}), ("npz", {})],
)  # fmt: skip
def test_each_format_has_an_operator(amass_file, tmp_path, format, options):
    operator = getattr(bpy.ops.body_from_image, f"export_{format}")
    assert "Select a character" in call(operator, filepath=str(tmp_path / "none"))
    bpy.ops.body_from_image.import_npz(filepath=str(amass_file))
    assert not call(operator, filepath=str(tmp_path / "ada"), **options)
    assert [file.name for file in tmp_path.iterdir() if file.stem == "ada"] == [f"ada.{format}"]
    assert "Could not write" in call(operator, filepath="/no/such/folder/ada")


def test_retargeting_takes_the_other_selected_armature(amass_file):
    bpy.ops.body_from_image.import_npz(filepath=str(amass_file))
    source = bpy.context.object
    assert "exactly one armature" in call(bpy.ops.body_from_image.retarget)
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    target = bpy.context.object
    assert "Select an armature" in call(bpy.ops.body_from_image.retarget)  # no character is selected any more
    source.select_set(True)
    assert not call(bpy.ops.body_from_image.retarget)  # whichever of the two is active
    first = target.animation_data.action
    assert tuple(first.frame_range) == (1, 40)
    bpy.context.view_layer.objects.active = source
    target.select_set(False)
    assert not call(bpy.ops.body_from_image.retarget, target=target.name)
    assert target.animation_data.action != first
    assert "no armature called nobody" in call(bpy.ops.body_from_image.retarget, target="nobody")


def test_a_pose_becomes_an_asset(estimate_file):
    assert "Select a character" in call(bpy.ops.body_from_image.mark_pose_asset)
    bpy.ops.body_from_image.import_npz(filepath=str(estimate_file))
    assert not call(bpy.ops.body_from_image.mark_pose_asset, name="jump")
    assert bpy.data.actions["jump"].asset_data


def test_correctives_are_refused_for_the_bundled_body(estimate_file):
    bpy.ops.body_from_image.import_npz(filepath=str(estimate_file))
    assert "no pose correctives" in call(bpy.ops.body_from_image.pose_correctives)
    assert not call(bpy.ops.body_from_image.pose_correctives, enable=False)


def test_a_licensed_files_correctives_and_shape_are_used(amass_file, model, tmp_path, monkeypatch):
    licensed = tmp_path / "licensed.npz"
    kintree = np.stack([np.where(model.parents < 0, 0, model.parents), np.arange(24)]).astype(np.int64)
    np.savez(
        licensed, v_template=model.v_template, shapedirs=model.shapedirs, J_regressor=model.J_regressor,
        weights=model.lbs_weights, kintree_table=kintree, f=model.faces,
        posedirs=np.random.default_rng(0).normal(0, 0.002, (len(model.v_template), 3, 207)),
        landmark_names=np.array(list(model.landmarks)), landmark_ids=np.array(list(model.landmarks.values())),
    )  # fmt: skip
    for module in (import_npz, pose_correctives):
        monkeypatch.setattr(module, "body_model_file", lambda context: licensed)
    bpy.ops.body_from_image.import_npz(filepath=str(amass_file))
    armature = bpy.context.object
    assert [armature[name] for name in armature.data["beta_names"]] == [1] * 10
    assert not call(bpy.ops.body_from_image.pose_correctives)
    keys = armature["body_from_image"]["mesh"].data.shape_keys.key_blocks
    assert len(keys) == 1 + 10 + 207


def test_menus_only_call_what_exists():
    class Layout:
        def __init__(self):
            self.called = []

        def operator(self, name, text):
            self.called.append(name)

    class Menu:
        layout = Layout()

    file_menus._draw_imports(Menu, bpy.context)
    file_menus._draw_exports(Menu, bpy.context)
    assert len(Menu.layout.called) == 5
    for name in Menu.layout.called:
        assert getattr(bpy.ops, name.split(".")[0]).__getattr__(name.split(".")[1]).get_rna_type()


def test_each_of_several_people_can_be_imported(tmp_path):
    """A pickle as other programs write it, with a person a key; the second to be chosen is there for a shorter time."""
    people = {
        name: {"pose_world": np.zeros((frames, 72)), "trans_world": np.zeros((frames, 3)), "betas": np.zeros(10)}
        for name, frames in (("short", 5), ("long", 9))
    }
    (tmp_path / "people.pkl").write_bytes(pickle.dumps(people))
    for person, frames in ((1, 9), (2, 5)):
        assert not call(bpy.ops.body_from_image.import_npz, filepath=str(tmp_path / "people.pkl"), person=person)
        armature = bpy.context.object
        assert tuple(armature.animation_data.action.frame_range) == (1, frames)
        assert f"this is number {person}" in armature["body_from_image"]["remarks"]
        head, foot = armature.pose.bones["head"].head, armature.pose.bones["left_foot"].head
        assert head.z - foot.z > 1
    assert "no person 3" in call(bpy.ops.body_from_image.import_npz, filepath=str(tmp_path / "people.pkl"), person=3)


def test_a_cameras_frame_is_turned_upright(tmp_path):
    np.savez(tmp_path / "seen.npz", poses=np.tile([np.pi, 0, 0] + [0] * 69, (3, 1)), trans=np.tile([0, 1, 5.0], (3, 1)))
    assert not call(bpy.ops.body_from_image.import_npz, filepath=str(tmp_path / "seen.npz"), up="-y")
    armature = bpy.context.object
    assert armature.pose.bones["head"].head.z - armature.pose.bones["left_foot"].head.z > 1
    assert lowest_point(armature) == pytest.approx(0, abs=1e-5)
