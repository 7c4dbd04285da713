"""Several people of one photo: characters before one camera, told apart, and in one file where a format holds them."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.rig.axes import points_to_blender
from body_from_image.rig.character import build_people
from body_from_image.rig.export import ALONE, export
from body_from_image.rig.write_files import write_people


@pytest.fixture
def estimates(make_estimate):
    return [make_estimate(seed=seed) for seed in (1, 2, 3)]


def meshes():
    return [item for item in bpy.context.scene.objects if item.type == "MESH" and "body" in item.name]


def shown(body):
    """Vertices (V, 3) in the world, as Blender evaluates them now."""
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(evaluated.data.vertices), np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    world = np.array(evaluated.matrix_world)
    return points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def middles(bodies):
    """Corners (6,) of each body's bounding box, in an order that does not depend on names."""
    boxes = [np.concatenate([shown(body).min(0), shown(body).max(0)]) for body in bodies]
    return np.array(sorted(boxes, key=lambda box: box[0]))


def test_they_stand_where_the_engine_says_before_one_camera(empty_scene, estimates, model, posed_by_engine):
    people = build_people(estimates, model, photo=None, name="Trio")
    assert [one.armature.name for one in people] == ["Trio.1", "Trio.2", "Trio.3"]
    assert len({one.camera for one in people}) == 1 and empty_scene.camera == people[0].camera
    assert [collection.name for collection in empty_scene.collection.children] == ["Trio"]
    for person, estimate in zip(people, estimates, strict=True):
        engine = posed_by_engine(estimate).vertices[0]
        np.testing.assert_allclose(shown(person.mesh), points_to_blender(engine), atol=1e-4)


def test_the_camera_of_a_film_is_keyed_wherever_it_saw_somebody(empty_scene, make_estimate, model):
    """The one who was seen longest comes in third; somebody else is there before, another one after a gap."""
    path = (0.1 * np.arange(9)[:, None] * [1.0, 0.5, -0.2]).astype(np.float32)
    firsts, counts = [2, 0, 7], [4, 3, 2]
    estimates = [
        replace(
            make_estimate(frames=count, seed=seed), camera_moves=True, camera_places=path[first : first + count],
            camera_rotations=np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)),
        )
        for seed, (first, count) in enumerate(zip(firsts, counts, strict=True))
    ]  # fmt: skip
    camera = build_people(estimates, model, photo=None, name="Trio", firsts=firsts)[0].camera
    expected = path.copy()
    expected[6] = path[5]
    for frame in range(9):
        empty_scene.frame_set(1 + frame)
        np.testing.assert_allclose(camera.location, points_to_blender(expected[frame]), atol=1e-5)


def test_each_has_a_colour(empty_scene, estimates, model):
    people = build_people(estimates, model, photo=None, name="Trio")
    colours = {tuple(round(value, 3) for value in one.mesh.data.materials[0].diffuse_color) for one in people}
    assert len(colours) == 3


def test_the_lowest_stands_on_the_floor_and_the_others_where_they_are_to_them(empty_scene, estimates, model):
    free = middles([one.mesh for one in build_people(estimates, model, photo=None, name="Free")])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    people = build_people(estimates, model, photo=None, name="Trio", stand_on_ground=True)
    grounded = middles([one.mesh for one in people])
    assert grounded[:, 2].min() == pytest.approx(0, abs=1e-4)
    assert np.ptp(grounded - free, axis=0).max() < 1e-4, "all are moved alike"


@pytest.mark.parametrize("format", ["fbx", "glb", "blend"])
def test_one_file_shows_all_of_them_posed(empty_scene, estimates, model, tmp_path, format):
    people = build_people(estimates, model, photo=None, name="Trio")
    expected = middles([one.mesh for one in people])
    export(people, tmp_path / f"trio.{format}", format)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    file = str(tmp_path / f"trio.{format}")
    if format == "blend":
        bpy.ops.wm.open_mainfile(filepath=file)
    else:
        (bpy.ops.import_scene.fbx if format == "fbx" else bpy.ops.import_scene.gltf)(filepath=file)
    bpy.context.scene.frame_set(1)
    assert len(meshes()) == 3
    np.testing.assert_allclose(middles(meshes()), expected, atol=1e-3)


@pytest.mark.parametrize("format", list(ALONE))
def test_a_format_for_one_says_so(empty_scene, estimates, model, tmp_path, format):
    people = build_people(estimates, model, photo=None, name="Trio")
    with pytest.raises(UserError, match="holds one character"):
        export(people, tmp_path / f"trio.{format}", format)
    assert not list(tmp_path.iterdir())


def test_files_are_one_of_all_or_one_of_each(estimates, model, tmp_path):
    paths = write_people(estimates, model, None, tmp_path / "trio", ("glb", "bvh"))
    assert [path.name for path in paths] == ["trio.glb", "trio.1.bvh", "trio.2.bvh", "trio.3.bvh"]
    assert all(path.stat().st_size for path in paths)
