"""Keypoints put right through the operators that scripts call: the limb follows, the rest stays, and it is kept."""

import importlib.util
import time
from dataclasses import replace

import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

import bpy
from body_from_image.inference.body.correction import Correction
from body_from_image.inference.geometry.joints import JOINT_INDEX
from body_from_image.operators.active_character import character_of
from body_from_image.rig.action import curves_of
from body_from_image.rig.correction_note import MARKER, read_corrections
from body_from_image.rig.key_snapshot import KeySnapshot
from body_from_image.rig.motion_note import read_note, read_smoothing, write_note
from body_from_image.rig.seen_pose import seen_pose
from body_from_image.training.measure.timing import median_ms

from .conftest import call
from .test_flip_in_depth import estimate, seen

pytestmark = pytest.mark.usefixtures("registered", "empty_scene")
OTHERS = ("right_wrist", "right_elbow", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_hip", "head")


@pytest.fixture
def character(model, tmp_path):
    estimate(model).save(tmp_path / "photo.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "photo.npz"))
    return bpy.context.object


def film(model, tmp_path, frames=21, doubtful=(15, 4), on_ground=False):
    """A character that was made from a film, two of whose frames were seen badly, the first of them worse."""
    moving = estimate(model, frames=frames)
    keypoints = moving.keypoints_2d.copy()
    keypoints[list(doubtful), :, 2] = [[0.1], [0.2]]
    moving = replace(moving, keypoints_2d=keypoints)
    moving.save(tmp_path / "film.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "film.npz"), stand_on_ground=on_ground)
    armature, raw = bpy.context.object, (tmp_path / "film.npz").read_bytes()
    write_note(character_of(armature), raw, 0.5, False, on_ground, np.eye(3))
    bpy.context.scene.frame_set(1)
    return armature


def put(armature, joint, shift, **options):
    """Correct a joint's keypoint to where it is now plus a shift; returns where it should be."""
    place = seen(armature, joint)[0, :2] + shift
    # world_to_camera_view counts from the pictures' edges and upwards, keypoints from the first pixel's centre, down.
    assert not call(
        bpy.ops.body_from_image.correct, keypoint=joint, x=place[0] - 0.5, y=480 - place[1] - 0.5, **options
    )
    return place


def test_the_wrist_goes_where_it_was_put_and_nothing_else_moves(character):
    before = seen(character, *OTHERS)
    place = put(character, "left_wrist", [30, 25])
    assert np.linalg.norm(seen(character, "left_wrist")[0, :2] - place) < 4
    assert np.abs(seen(character, *OTHERS)[:, :2] - before[:, :2]).max() < 4
    bpy.context.scene.frame_set(3)  # the keys hold it
    assert np.linalg.norm(seen(character, "left_wrist")[0, :2] - place) < 4
    (said,) = read_corrections(character)
    assert said.keypoint == "left_wrist" and said.place is not None


def test_nearer_and_farther_are_heeded_and_the_picture_stays(character):
    names = ("left_wrist", "left_elbow")
    before = seen(character, *names)
    for nearer in (-1, 1):
        assert not call(bpy.ops.body_from_image.correct, keypoint="left_wrist", nearer=nearer)
        wrist, elbow = seen(character, *names)
        assert nearer * (elbow[2] - wrist[2]) > 0
    assert np.abs(seen(character, *names)[:, :2] - before[:, :2]).max() < 15


def test_hidden_exchanged_and_reset(character):
    assert not call(bpy.ops.body_from_image.correct, keypoint="left_wrist", seen=False)
    assert not call(bpy.ops.body_from_image.correct, keypoint="right_ankle", exchange=True)
    assert read_corrections(character) == (
        Correction("left_wrist", seen=False), Correction("right_ankle", exchange=True),
    )  # fmt: skip
    assert not call(bpy.ops.body_from_image.reset_correction, keypoint="left_wrist")
    assert read_corrections(character) == (Correction("right_ankle", exchange=True),)
    assert not call(bpy.ops.body_from_image.reset_correction, every=True)
    assert read_corrections(character) == ()


def test_refine_heeds_corrections(character):
    place = put(character, "left_wrist", [30, 25])
    bpy.context.view_layer.update()
    bpy.ops.body_from_image.refine()
    assert np.linalg.norm(seen(character, "left_wrist")[0, :2] - place) < 6


def test_what_was_posed_by_hand_stays_after_refine(character):
    """The arm is swung far from what the photo showed; before, refining brought it back."""
    before = seen(character, "left_wrist")
    character.pose.bones["left_shoulder"].rotation_quaternion = (0.85, 0.0, 0.1, -0.5)
    posed = seen(character, "left_wrist")
    assert np.linalg.norm(posed[0, :2] - before[0, :2]) > 40
    bpy.ops.body_from_image.refine()
    after = seen(character, "left_wrist")
    assert np.linalg.norm(after[0, :2] - posed[0, :2]) < 6
    assert "left_wrist" in {one.keypoint for one in read_corrections(character)}


def test_a_drag_follows_without_keys_and_is_kept_when_let_go(character):
    from body_from_image.operators.active_character import active_character
    from body_from_image.operators.correcting import Correcting

    bpy.context.scene.frame_set(1)
    correcting = Correcting(bpy.context, active_character(bpy.context))
    before, others = correcting.pixels()[15], seen(character, *OTHERS)
    keys, drag = KeySnapshot.of(character), correcting.drag("left_wrist")
    for share in np.arange(1, 11) / 10:
        place = tuple(before + share * np.array([30, -25]))
        correcting.follow(drag, place)
    assert all(np.array_equal(keys.keys[name], one) for name, one in KeySnapshot.of(character).keys.items())
    assert np.linalg.norm(correcting.pixels()[15] - place) < 4
    assert correcting.let_go(drag, place, reach=0) == ()
    bpy.context.scene.frame_set(3)
    assert np.abs(seen(character, *OTHERS) - others).max() < 0.01
    keys.restore()
    bpy.context.scene.frame_set(1)
    again = Correcting(bpy.context, active_character(bpy.context)).pixels()[15]
    assert np.linalg.norm(again - before) < 0.1, "the keys are what they were"


@pytest.mark.bench
def test_what_a_person_sees_of_a_drag_lags_by_no_more_than_50_ms(character):
    from body_from_image.operators.active_character import active_character
    from body_from_image.operators.correcting import Correcting

    correcting = Correcting(bpy.context, active_character(bpy.context))
    before, drag, shares = correcting.pixels()[15], correcting.drag("left_wrist"), iter(np.arange(1, 12) / 11)

    def step():
        correcting.follow(drag, tuple(before + next(shares) * np.array([30, -25])))
        bpy.context.view_layer.update()

    assert median_ms(step, 10, time.process_time) < 50


def test_what_cannot_be_is_said_and_changes_nothing(character):
    before = seen(character, *OTHERS)
    assert "both x and y" in call(bpy.ops.body_from_image.correct, keypoint="nose", x=3.0)
    assert "beyond the picture" in call(bpy.ops.body_from_image.correct, keypoint="nose", x=9000.0, y=0.0)
    assert np.array_equal(seen(character, *OTHERS), before) and read_corrections(character) == ()


def test_a_film_of_an_earlier_version_is_refused_in_a_sentence(model, tmp_path):
    armature = film(model, tmp_path)
    now = (tmp_path / "film.npz").read_bytes()
    old = replace(read_note(armature), keypoints_2d=read_note(armature).keypoints_2d[:, :16])
    old.save(tmp_path / "old.npz")
    write_note(character_of(armature), (tmp_path / "old.npz").read_bytes(), 0.5, False, False, np.eye(3))
    assert "earlier version" in call(bpy.ops.body_from_image.smooth_motion, strength=0.5)
    assert "earlier version" in call(bpy.ops.body_from_image.correct, keypoint="nose", x=3.0, y=3.0)
    write_note(character_of(armature), now, 0.5, False, False, np.eye(3))
    del armature["body_from_image_motion"]["start"]
    assert "earlier version" in call(bpy.ops.body_from_image.smooth_motion, strength=0.5)


def test_in_a_film_a_correction_fades_over_its_neighbours(model, tmp_path):
    armature = film(model, tmp_path)
    scene = bpy.context.scene
    scene.frame_set(10)
    start = seen(armature, "left_wrist")[0, :2]
    place = put(armature, "left_wrist", [30, 25], reach=4)
    assert np.linalg.norm(seen(armature, "left_wrist")[0, :2] - place) < 4
    moved = []
    for frame in range(1, 22):
        scene.frame_set(frame)
        moved.append(np.linalg.norm(seen(armature, "left_wrist")[0, :2] - start))
    assert np.argmax(moved) == 9
    assert max(moved[:5] + moved[14:]) < 0.5 and moved[7] > 8 and moved[11] > 8
    scene.timeline_markers.new(MARKER.format("somebody else"), frame=3)
    scene.frame_set(10)
    put(armature, "left_wrist", [31, 25], reach=4)
    markers = {(marker.name, marker.frame) for marker in scene.timeline_markers}
    assert markers == {(MARKER.format(armature.name), 10), (MARKER.format("somebody else"), 3)}
    assert read_corrections(armature)[0].frame == 9


def test_a_correction_fades_in_a_film_of_few_keys_as_in_one_of_all(model, tmp_path):
    armature, scene = film(model, tmp_path), bpy.context.scene
    assert not call(bpy.ops.body_from_image.reduce_keys, tolerance=2.0)
    bones = [curve for curve in curves_of(armature) if "left_elbow" in curve.data_path]
    assert [len(curve.keyframe_points) for curve in bones] == [2] * 4, "the film is of somebody who stands still"
    scene.frame_set(10)
    start = seen(armature, "left_wrist")[0, :2]
    put(armature, "left_wrist", [30, 25], reach=4)
    moved = []
    for frame in range(1, 22):
        scene.frame_set(frame)
        moved.append(np.linalg.norm(seen(armature, "left_wrist")[0, :2] - start))
    assert np.argmax(moved) == 9 and max(moved[:5] + moved[14:]) < 0.5
    assert all(8 < one < 40 for one in moved[7:12])


def test_smoothing_anew_reduces_keys_as_it_was_asked_to(model, tmp_path):
    armature = film(model, tmp_path)
    for tolerance, keys in ((5.0, 2), (0.0, 21)):
        assert not call(bpy.ops.body_from_image.smooth_motion, strength=0.5, reduce_keys=tolerance)
        assert {len(curve.keyframe_points) for curve in curves_of(armature)} == {keys}
        assert read_smoothing(armature).reduce_keys == tolerance


def test_the_floor_is_tilted_by_hand_and_the_camera_follows(model, tmp_path):
    armature = film(model, tmp_path, on_ground=True)
    pitch, roll = 10.0, -4.0
    options = {"tilt_known": True, "camera_pitch": pitch, "camera_roll": roll}
    assert not call(bpy.ops.body_from_image.smooth_motion, strength=0.5, keep_feet=True, **options)
    axes = np.array(armature["body_from_image"]["camera"].matrix_world)[:3, :3]
    assert np.degrees(np.arcsin(axes[2, 2])) == pytest.approx(pitch, abs=0.1), "the camera looks down"
    assert axes[2, 0] == pytest.approx(-np.sin(np.radians(roll)) * np.cos(np.radians(pitch)), abs=2e-3)
    assert np.abs(seen(armature, "left_wrist")[0, :2] - seen_before(model, "left_wrist")).max() < 25
    assert read_smoothing(armature).tilt_known


def seen_before(model, joint):
    """Where the estimate of `film` has a joint, as Blender counts pixels."""
    x, y = estimate(model).joints_2d[0, JOINT_INDEX[joint]]
    return np.array([x + 0.5, 480 - y - 0.5])


def test_the_next_doubtful_frame_is_the_worst_and_then_another(model, tmp_path):
    film(model, tmp_path, doubtful=(15, 4))
    for frame in (16, 5, 16):
        assert not call(bpy.ops.body_from_image.next_doubtful_frame)
        assert bpy.context.scene.frame_current == frame


def test_the_row_tells_doubtful_frames_from_corrected_ones(model, tmp_path):
    from body_from_image.operators import doubt_row

    armature = film(model, tmp_path)
    bpy.context.scene.frame_set(10)
    put(armature, "left_wrist", [30, 25], reach=4)
    colors = doubt_row._colors_of(armature.name, "raw", armature["body_from_image_corrections"])
    assert len(colors) == 21 and colors[9] == doubt_row.CORRECTED
    red, green, *_ = colors[15]
    assert red == 1 and green < 0.3 and colors[0] == doubt_row.color_of(0.0)
    assert colors[0][1] > colors[0][0], "what was seen well is green"


def test_smoothing_anew_keeps_corrections(model, tmp_path):
    armature = film(model, tmp_path)
    bpy.context.scene.frame_set(10)
    place = put(armature, "left_wrist", [30, 25], reach=4)
    assert not call(bpy.ops.body_from_image.smooth_motion, strength=0.2)
    bpy.context.scene.frame_set(10)
    assert np.linalg.norm(seen(armature, "left_wrist")[0, :2] - place) < 6


def test_a_motion_without_pictures_cannot_be_corrected(model, tmp_path):
    estimate(model, frames=3).save(tmp_path / "walk.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "walk.npz"))
    assert not bpy.ops.body_from_image.correct.poll()


def test_a_correction_does_not_touch_the_shape(character):
    before = seen_pose(character_of(character)).betas
    put(character, "left_wrist", [30, 25])
    assert np.array_equal(seen_pose(character_of(character)).betas, before)


@pytest.mark.parametrize("earlier", [-4, 0])
def test_a_key_before_the_film_moves_no_correction(model, tmp_path, earlier):
    """An animator keys an arm before the film begins; the film's frames stay where they are."""
    armature, scene = film(model, tmp_path, doubtful=(18, 1)), bpy.context.scene
    scene.frame_set(10)
    place = put(armature, "left_wrist", [30, 25], reach=4)
    for bone in armature.pose.bones:
        bone.keyframe_insert("rotation_quaternion", frame=earlier)
        bone.keyframe_insert("location", frame=earlier)
    armature.pose.bones["left_elbow"].keyframe_insert("rotation_quaternion", frame=30)
    assert not call(bpy.ops.body_from_image.next_doubtful_frame) and scene.frame_current == 19
    put(armature, "right_wrist", [10, -10], reach=4)
    assert [one.frame for one in read_corrections(armature)] == [9, 18]
    assert sorted(marker.frame for marker in scene.timeline_markers) == [10, 19]
    scene.frame_set(earlier)
    assert "no frame" in call(bpy.ops.body_from_image.correct, keypoint="nose", x=3.0, y=3.0)
    assert not call(bpy.ops.body_from_image.smooth_motion, strength=0.2)
    assert tuple(armature.animation_data.action.frame_range) == (1, 21)
    scene.frame_set(10)
    assert np.linalg.norm(seen(armature, "left_wrist")[0, :2] - place) < 6


def test_corrections_go_with_keys_that_are_all_moved_in_time(model, tmp_path):
    armature, scene = film(model, tmp_path), bpy.context.scene
    scene.frame_set(10)
    put(armature, "left_wrist", [30, 25], reach=4)
    for curve in curves_of(armature):
        for key in curve.keyframe_points:
            key.co[0] += 7
        curve.update()
    scene.frame_set(17)
    assert not call(bpy.ops.body_from_image.reset_correction, every=True)
    assert read_corrections(armature) == ()
