"""Characters of another file, overridden here: corrected, refined, smoothed, saved, opened again, and gone on with."""

import importlib.util

import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

import bpy
from body_from_image.operators.active_character import character_of
from body_from_image.rig.correction_note import read_corrections
from body_from_image.rig.photo_note import CORRECTIONS
from body_from_image.rig.shape_keys import betas_of

from ..rig.linked_character import bring_in
from .conftest import call
from .test_correct import film, put
from .test_flip_in_depth import SIZE, estimate, seen

pytestmark = pytest.mark.usefixtures("registered", "empty_scene")


@pytest.fixture
def library(model, tmp_path):
    """A .blend with a character that was made from a photo."""
    estimate(model).save(tmp_path / "ada.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "ada.npz"))
    return saved(tmp_path / "library.blend")


def saved(file):
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    return file


def overridden(library, collection="ada", way="override"):
    items = bring_in(library, collection, way)
    return made_active(items[collection])


def made_active(armature):
    """Select an armature, and let the scene look through its camera, as *Show Photo* does."""
    scene = bpy.context.scene
    bpy.context.view_layer.objects.active = armature
    scene.camera = next(item for item in scene.objects if item.type == "CAMERA")
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    return armature


def reopened(tmp_path, name="ada"):
    bpy.ops.wm.open_mainfile(filepath=str(saved(tmp_path / "shot.blend")))
    return made_active(bpy.context.scene.objects[name])


def test_corrections_of_an_override_last(library, tmp_path):
    armature = overridden(library)
    place = put(armature, "left_wrist", [30, 25])
    armature = reopened(tmp_path)
    assert [one.keypoint for one in read_corrections(armature)] == ["left_wrist"]
    assert np.linalg.norm(seen(armature, "left_wrist")[0, :2] - place) < 4
    other = put(armature, "right_wrist", [15, -20])
    assert np.linalg.norm(seen(armature, "left_wrist")[0, :2] - place) < 4
    armature = reopened(tmp_path)
    assert [one.keypoint for one in read_corrections(armature)] == ["left_wrist", "right_wrist"]
    assert np.linalg.norm(seen(armature, "right_wrist")[0, :2] - other) < 4


def test_after_reopening_its_parts_are_those_of_this_file(library, tmp_path):
    """The camera was moved with the body in this file; the other file's stands elsewhere."""
    overridden(library)
    for name in ("ada", "ada_camera"):
        item = bpy.context.scene.objects[name]
        item.override_library.is_system_override = False
        item.location.x += 3
    armature = reopened(tmp_path)
    character = character_of(armature)
    assert character.camera == bpy.context.scene.objects["ada_camera"] and character.camera.library is None
    assert character.mesh == bpy.context.scene.objects["ada_body"] and character.mesh.library is None
    place = put(armature, "left_wrist", [30, 25])
    assert np.linalg.norm(seen(armature, "left_wrist")[0, :2] - place) < 4


def test_two_overrides_of_one_character_have_parts_of_their_own(library, tmp_path):
    overridden(library)
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.collections = ["ada"]
    wanted.collections[0].override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    reopened(tmp_path)
    armatures = [item for item in bpy.context.scene.objects if item.type == "ARMATURE"]
    assert len(armatures) == 2
    for armature in armatures:
        character = character_of(armature)
        assert character.mesh.parent == armature and character.camera.library is None
    assert len({character_of(armature).camera for armature in armatures}) == 2


def test_an_override_is_refined_in_the_shape_of_its_file(library, tmp_path):
    armature = overridden(library)
    for again in (False, True):
        armature = reopened(tmp_path) if again else armature
        shape, right = betas_of(armature), seen(armature, "right_wrist")
        before = seen(armature, "left_wrist")
        armature.pose.bones["left_shoulder"].rotation_quaternion = (
            (0.95, 0, 0, -0.1) if again else (0.9, -0.1, 0.1, -0.4)
        )
        posed = seen(armature, "left_wrist")
        assert np.linalg.norm(posed[0, :2] - before[0, :2]) > 20
        assert not call(bpy.ops.body_from_image.refine)
        after = seen(armature, "left_wrist")
        assert np.linalg.norm(after[0, :2] - posed[0, :2]) < 6
        assert np.linalg.norm(seen(armature, "right_wrist")[0, :2] - right[0, :2]) < 10
        assert "left_wrist" in {one.keypoint for one in read_corrections(armature)}
        np.testing.assert_array_equal(betas_of(armature), shape)


def test_exports_of_an_override_show_what_was_corrected_before_saving(library, tmp_path):
    armature = overridden(library)
    put(armature, "left_wrist", [30, 25])
    bpy.ops.body_from_image.export_bvh(filepath=str(tmp_path / "before.bvh"))
    reopened(tmp_path)
    for format in ("bvh", "fbx", "glb", "npz"):
        operator = getattr(bpy.ops.body_from_image, f"export_{format}")
        assert not call(operator, filepath=str(tmp_path / f"after.{format}"))
    assert (tmp_path / "after.bvh").read_text() == (tmp_path / "before.bvh").read_text()
    overridden(library)
    bpy.ops.body_from_image.export_bvh(filepath=str(tmp_path / "own.bvh"))
    assert (tmp_path / "own.bvh").read_text() != (tmp_path / "after.bvh").read_text()


def test_a_film_of_an_override_is_corrected_and_smoothed(model, tmp_path):
    film(model, tmp_path)
    bpy.ops.body_from_image.smooth_motion(strength=0.5)
    library = saved(tmp_path / "library.blend")
    armature = overridden(library, "film")
    bpy.context.scene.frame_set(10)
    place = put(armature, "left_wrist", [30, 25], reach=4)
    assert not call(bpy.ops.body_from_image.smooth_motion, strength=0.2)
    armature = reopened(tmp_path, "film")
    bpy.context.scene.frame_set(10)
    assert np.linalg.norm(seen(armature, "left_wrist")[0, :2] - place) < 6
    assert [(one.keypoint, one.frame) for one in read_corrections(armature)] == [("left_wrist", 9)]
    assert not call(bpy.ops.body_from_image.smooth_motion, strength=0.3)
    bpy.context.scene.frame_set(10)
    assert np.linalg.norm(seen(armature, "left_wrist")[0, :2] - place) < 6


def test_a_film_on_the_ground_keeps_its_photo_when_smoothed_before_and_after_saving(model, tmp_path):
    """The camera goes where the body goes; it must not go there twice."""
    armature = film(model, tmp_path)
    armature["body_from_image_motion"]["on_ground"] = True
    library = saved(tmp_path / "library.blend")
    armature = overridden(library, "film")
    wrist = seen(armature, "left_wrist", "right_ankle")
    for again in (False, True):
        if again:
            armature = reopened(tmp_path, "film")
            bpy.context.scene.frame_set(10)
            assert np.abs(seen(armature, "left_wrist", "right_ankle") - wrist)[:, :2].max() < 2
        assert not call(bpy.ops.body_from_image.smooth_motion, strength=0.4, keep_feet=False)
        bpy.context.scene.frame_set(10)
        assert np.abs(seen(armature, "left_wrist", "right_ankle") - wrist)[:, :2].max() < 2


def test_an_override_whose_file_cannot_keep_corrections_is_refused_before_anything_moves(library, tmp_path):
    bpy.ops.wm.open_mainfile(filepath=str(library))
    bpy.context.scene.objects["ada"].property_overridable_library_set(f'["{CORRECTIONS}"]', False)
    armature = overridden(saved(tmp_path / "old.blend"))
    before = seen(armature, "left_wrist")
    said = call(bpy.ops.body_from_image.correct, keypoint="left_wrist", x=300, y=200)
    assert "old.blend" in said and "Make Local" in said
    assert np.array_equal(seen(armature, "left_wrist"), before)


def test_a_linked_character_is_refused_before_anything_moves(library):
    armature = overridden(library, way="linked")
    before = seen(armature, "left_wrist")
    assert "Library Override" in call(bpy.ops.body_from_image.correct, keypoint="left_wrist", x=300, y=200)
    assert "linked" in call(bpy.ops.body_from_image.refine)
    assert np.array_equal(seen(armature, "left_wrist"), before)
