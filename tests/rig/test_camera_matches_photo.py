"""The camera sees the body where the photo shows it, and the photo is behind it."""

from dataclasses import replace

import bpy
import cv2
import numpy as np
import pytest
from body_from_image.inference.body.assembly import with_motion
from body_from_image.inference.body.body_estimate import camera_from_upright, rotations_of
from body_from_image.inference.errors import UserError
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.rig.armature import joint_bones
from body_from_image.rig.character import build_character
from body_from_image.rig.ground import lower_to_ground
from bpy_extras.object_utils import world_to_camera_view

PIXELS = 1e-2
SHAPES = {"landscape": (640, 480), "portrait": (375, 812), "square": (512, 512)}
pytestmark = pytest.mark.usefixtures("empty_scene")


def seen_by_blender(character, frame):
    """Pixels (24, 2) of the joints, (0, 0) the centre of the first pixel."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    width, height = scene.render.resolution_x, scene.render.resolution_y
    armature = character.armature
    heads = [armature.matrix_world @ armature.pose.bones[name].head for name in joint_bones(armature)]
    views = np.array([world_to_camera_view(scene, character.camera, head) for head in heads])
    return np.column_stack([views[:, 0] * width - 0.5, (1 - views[:, 1]) * height - 0.5])


@pytest.mark.parametrize("ground", [False, True])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_joints_are_seen_where_the_engine_projects_them(model, make_estimate, shape, ground):
    estimate = make_estimate(frames=3, seed=1, image_size=SHAPES[shape], focal=900.0)
    character = build_character(estimate, model, photo=None, name="Ada", stand_on_ground=ground)
    for frame in range(3):
        np.testing.assert_allclose(seen_by_blender(character, 1 + frame), estimate.joints_2d[frame], atol=PIXELS)


def test_a_wide_lens_far_off_centre(model, make_estimate):
    estimate = make_estimate(image_size=(300, 900), focal=150.0, center=[-40.0, 700.0])
    character = build_character(estimate, model, photo=None, name="Ada")
    np.testing.assert_allclose(seen_by_blender(character, 1), estimate.joints_2d[0], atol=PIXELS)


@pytest.mark.parametrize("image_size", [(96, 64), (64, 96)])
def test_a_rendered_speck_lies_on_the_pixel_that_the_engine_names(model, make_estimate, tmp_path, image_size):
    """By Cycles' own pixels, so that a pixel's centre and its edge cannot be mistaken for each other."""
    estimate = make_estimate(image_size=image_size, focal=110.0, seed=2)
    character = build_character(estimate, model, photo=None, name="Ada")
    character.mesh.hide_render = True
    speck = white_sphere(radius=0.06)
    name = joint_bones(character.armature)[15]
    speck.location = character.armature.matrix_world @ character.armature.pose.bones[name].head
    picture = rendered(tmp_path / "speck.png")
    rows, columns = np.indices(picture.shape)
    center = np.array([(columns * picture).sum(), (rows * picture).sum()]) / picture.sum()
    np.testing.assert_allclose(center, estimate.joints_2d[0, 15], atol=0.1)


def white_sphere(radius):
    import bmesh

    mesh = bpy.data.meshes.new("speck")
    shape = bmesh.new()
    bmesh.ops.create_icosphere(shape, subdivisions=3, radius=radius)
    shape.to_mesh(mesh)
    material = bpy.data.materials.new("white")
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Emission Color"].default_value = (1, 1, 1, 1)
    shader.inputs["Emission Strength"].default_value = 1
    shader.inputs["Base Color"].default_value = (0, 0, 0, 1)
    mesh.materials.append(material)
    speck = bpy.data.objects.new("speck", mesh)
    bpy.context.scene.collection.objects.link(speck)
    return speck


def rendered(path):
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 32
    scene.cycles.use_denoising = False
    scene.view_settings.view_transform = "Raw"
    scene.render.dither_intensity = 0
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(float)


def write_pictures(folder, names, image_size):
    paths = []
    for index, name in enumerate(names):
        paths.append(folder / name)
        cv2.imwrite(str(paths[-1]), np.full((image_size[1], image_size[0], 3), 20 * index, np.uint8))
    return paths


@pytest.mark.parametrize("shape", list(SHAPES))
def test_the_photo_is_behind_the_body(model, make_estimate, tmp_path, shape):
    (photo,) = write_pictures(tmp_path, ["photo.png"], SHAPES[shape])
    estimate = make_estimate(image_size=SHAPES[shape])
    camera = build_character(estimate, model, photo=photo, name="Ada").camera.data
    assert camera.show_background_images
    (background,) = camera.background_images
    assert tuple(background.image.size) == SHAPES[shape]
    assert (background.frame_method, background.display_depth) == ("FIT", "BACK")
    render = bpy.context.scene.render
    assert (render.resolution_x, render.resolution_y) == SHAPES[shape]


def test_a_photo_read_at_half_its_size_still_fits(model, make_estimate, tmp_path):
    (photo,) = write_pictures(tmp_path, ["photo.png"], (1281, 961))
    camera = build_character(make_estimate(image_size=(640, 480)), model, photo=photo, name="Ada").camera.data
    assert camera.background_images[0].image.size[0] == 1281


def test_a_photo_on_its_side_is_refused(model, make_estimate, tmp_path):
    """As Blender sees a photo whose orientation is only in its EXIF data."""
    (photo,) = write_pictures(tmp_path, ["photo.png"], (480, 640))
    with pytest.raises(UserError, match="upright"):
        build_character(make_estimate(image_size=(640, 480)), model, photo=photo, name="Ada")


def test_a_file_that_is_no_picture_is_refused(model, make_estimate, tmp_path):
    broken = tmp_path / "photo.png"
    broken.write_text("no picture")
    for photo in (broken, tmp_path / "missing.png"):
        with pytest.raises(UserError, match="could not read"):
            build_character(make_estimate(), model, photo=photo, name="Ada")


def test_numbered_pictures_run_with_the_clip(model, make_estimate, tmp_path):
    photos = write_pictures(tmp_path, ["walk_0007.png", "walk_0008.png", "walk_0009.png"], (640, 480))
    estimate = make_estimate(frames=3)
    camera = build_character(estimate, model, photo=photos, name="Ada", start_frame=101).camera.data
    background = camera.background_images[0]
    assert background.image.source == "SEQUENCE"
    user = background.image_user
    assert (user.frame_start, user.frame_duration, user.frame_offset) == (101, 3, 6)
    for frame, photo in enumerate(photos):
        user.frame_current = 7 + frame
        assert background.image.filepath_from_user(image_user=user).endswith(photo.name)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["walk_0007.png", "walk_0008.png", "walk_0011.png"], (7, 5)),
        (["walk_8.png", "walk_9.png", "walk_11.png"], (8, 4)),
        (["walk_0002.png", "walk_0004.png", "walk_0006.png"], None),
        (["walk_0002.png", "walk_0003.png", "walk_0900.png"], None),
        (["walk_0002.png", "walk_0003.jpg"], None),
        (["walk_08.png", "walk_009.png"], None),
    ],
)
def test_pictures_with_gaps_are_shown_where_they_belong(model, make_estimate, tmp_path, names, shown):
    """Nothing in the gap, and every picture in its own frame; what Blender cannot count, as a still."""
    photos = write_pictures(tmp_path, names, (640, 480))
    camera = build_character(make_estimate(frames=3), model, photo=photos, name="Ada", start_frame=101).camera.data
    (background,) = camera.background_images
    if shown is None:
        assert background.image.source == "FILE"
        return
    user, (first, length) = background.image_user, shown
    assert (background.image.source, user.frame_offset, user.frame_duration) == ("SEQUENCE", first - 1, length)
    for photo in photos:
        user.frame_current = int(photo.stem.removeprefix("walk_"))
        assert background.image.filepath_from_user(image_user=user).endswith(photo.name)


@pytest.mark.parametrize("names", [["a.png", "b.png"], ["p_1.png", "p_3.png"], ["a_1.png", "b_2.png"]])
def test_pictures_that_blender_cannot_count_show_the_first(model, make_estimate, tmp_path, names):
    photos = write_pictures(tmp_path, names, (640, 480))
    camera = build_character(make_estimate(frames=2), model, photo=photos, name="Ada").camera.data
    assert camera.background_images[0].image.source == "FILE"
    assert camera.background_images[0].image.filepath.endswith(names[0])


def write_film(path):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    for value in (0, 80, 160):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(("size", "aspect"), [((64, 48), 1), ((85, 48), 85 / 64), ((64, 64), 3 / 4)])
def test_a_films_pixels_are_shown_as_wide_as_the_engine_read_them(model, make_estimate, tmp_path, size, aspect):
    film = write_film(tmp_path / "walk.avi")
    camera = build_character(make_estimate(frames=3, image_size=size), model, photo=film, name="Ada").camera.data
    assert tuple(camera.background_images[0].image.display_aspect) == pytest.approx((aspect, 1))


@pytest.mark.parametrize("size", [(48, 64), (640, 100)])
def test_a_film_on_its_side_or_of_another_shape_is_refused(model, make_estimate, tmp_path, size):
    with pytest.raises(UserError, match="upright"):
        build_character(
            make_estimate(frames=3, image_size=size), model, photo=write_film(tmp_path / "a.avi"), name="A"
        )


def test_a_film_runs_with_the_clip(model, make_estimate, tmp_path):
    path = write_film(tmp_path / "walk.avi")
    camera = build_character(make_estimate(frames=3, image_size=(64, 48)), model, photo=path, name="Ada").camera.data
    background = camera.background_images[0]
    assert background.image.source == "MOVIE"
    assert (background.image_user.frame_start, background.image_user.frame_duration) == (1, 3)


def on_tilted_floor(estimate, moving: bool):
    """The estimate on a floor that a camera looks down upon, and before one that turns and goes."""
    count, rng = estimate.frame_count, np.random.default_rng(0)
    normal = np.array([0.05, 0.95, 0.3]) / np.linalg.norm([0.05, 0.95, 0.3])
    estimate = replace(estimate, floor=np.array([*normal, -1.4], np.float32))
    if not moving:
        return estimate
    turns = axis_angle_to_matrix(0.05 * np.cumsum(rng.normal(size=(count, 3)), axis=0)).astype(np.float32)
    places = (0.1 * np.arange(count)[:, None] * [1, 0.2, 0.1]).astype(np.float32)
    return replace(estimate, camera_rotations=turns, camera_places=places, camera_moves=True)


@pytest.mark.parametrize("moving", [False, True])
def test_a_motion_on_its_floor_is_seen_where_the_engine_projects_it(model, make_estimate, moving):
    estimate = on_tilted_floor(make_estimate(frames=3, seed=1, focal=900.0), moving)
    estimate = with_motion(estimate, model, rotations_of(estimate.poses.astype(float)), estimate.trans.astype(float))
    character = build_character(estimate, model, photo=None, name="Ada", stand_on_ground=True)
    for frame in range(3):
        np.testing.assert_allclose(seen_by_blender(character, 1 + frame), estimate.joints_2d[frame], atol=PIXELS)
    keyed = character.camera.animation_data is not None
    assert keyed == moving


def test_the_floor_of_a_motion_is_level_and_at_zero(model, make_estimate):
    """A point of the pelvis is as high above z = 0 as it was above the floor that the clip's contacts lie on."""
    estimate = on_tilted_floor(make_estimate(frames=3, seed=1), False)
    character = build_character(estimate, model, photo=None, name="Ada", stand_on_ground=True)
    pelvis = camera_from_upright(estimate.joints_3d[:, 0])
    for frame in range(3):
        bpy.context.scene.frame_set(1 + frame)
        head = character.armature.matrix_world @ character.armature.pose.bones[0].head
        assert head.z == pytest.approx(pelvis[frame] @ estimate.floor[:3] - estimate.floor[3], abs=1e-5)


def test_a_camera_that_moves_is_put_on_the_ground_with_the_body(model, make_estimate):
    """In every frame, not only in the one that is shown."""
    estimate = on_tilted_floor(make_estimate(frames=3, seed=1), True)
    character = build_character(estimate, model, photo=None, name="Ada")
    before = [seen_by_blender(character, frame) for frame in (1, 2, 3)]
    bpy.context.scene.frame_set(2)
    movable = [character.armature, character.camera]
    lower_to_ground(character.mesh, movable, bpy.context.evaluated_depsgraph_get())
    assert abs(character.armature.location.z) > 0.1
    after = [seen_by_blender(character, frame) for frame in (1, 2, 3)]
    np.testing.assert_allclose(after, before, atol=PIXELS)
