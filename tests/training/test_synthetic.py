"""Synthetic people: the compiled arithmetic against the engine's own, and labels against what was drawn."""

import os
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("numba", reason="needs the train extra")
pytest.importorskip("anny", reason="needs the train extra")
pytest.importorskip("scipy", reason="needs the train extra")

from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES, LIMB_KEYPOINTS
from body_from_image.inference.geometry.rasterizer import coverage, project, spans_of
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.training.data.photos2d import SYNTHETIC, LabelledCrop
from body_from_image.training.human2d import samples
from body_from_image.training.human2d.augmentation import GENTLE, Augmentation, training_sample
from body_from_image.training.measure.timing import median_ms
from body_from_image.training.synthetic import lighting, shading
from body_from_image.training.synthetic.backgrounds import EmptyPhotos
from body_from_image.training.synthetic.people import People
from body_from_image.training.synthetic.props import BALL, BOX, POLE
from body_from_image.training.synthetic.rasterizer import Sight, Surface, draw, draw_nearness
from body_from_image.training.synthetic.renderer import Renderer
from body_from_image.training.synthetic.scene import Options, stage
from body_from_image.training.synthetic.skinning import Skinned, bone_transforms, vertex_normals
from body_from_image.training.synthetic.skirts import FACES as SKIRT
from scipy.spatial import cKDTree

SIZE = 96
PACKS = os.environ.get("BODY_FROM_IMAGE_DATA")
OPAQUE = np.zeros((0, 0, 4), np.uint8)


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def small_packs(tmp_path_factory):
    """The least that a renderer needs, in the packs' own format: twenty clips, one sky, one skin for each sex."""
    root = tmp_path_factory.mktemp("packs")
    for folder in ("mocap", "render_assets/hdri", "render_assets/skins"):
        (root / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    lengths = np.full(20, 40, np.int32)
    poses = rng.normal(0, 0.2, (lengths.sum(), 24, 3)).astype(np.float16)
    np.savez(root / "mocap/cmu_smpl24.npz", poses=poses, clip_len=lengths)
    sky = np.full((32, 64, 3), 0.4, np.float32)
    sky[4:8, 20:24] = 60
    cv2.imwrite(str(root / "render_assets/hdri/sky.hdr"), sky)
    for sex in ("male", "female"):
        cv2.imwrite(str(root / f"render_assets/skins/young_{sex}_diffuse.jpg"), np.full((64, 64, 3), 150, np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BODY_FROM_IMAGE_DATA", str(root))
        yield root


@pytest.fixture(scope="module")
def renderer(small_packs):
    return Renderer(Options(size=SIZE))


@pytest.fixture(scope="module")
def alone(renderer):
    """The same people, undressed, with nobody and nothing else near, and nothing cut off."""
    options = Options(size=256, others=0, props=0, occluders=0, cut_off=0, dressed=False)
    return Renderer(options, people=renderer.people)


def posed(model, seed=0):
    rng = np.random.default_rng(seed)
    betas = rng.normal(size=(1, 10)).astype(np.float32)
    rotations = axis_angle_to_matrix(rng.normal(0, 0.3, (1, 24, 3))).astype(np.float32)
    return betas, rotations


def test_compiled_skinning_is_the_engines(model):
    betas, rotations = posed(model)
    body = model.pose(betas, rotations)
    surface = Skinned.of(model.v_template, model.shapedirs, model.lbs_weights)
    transforms = bone_transforms(model.rest_joints(betas)[0], body.joints[0], body.joint_rotations[0])
    assert np.abs(surface.posed(surface.rest(betas[0]), transforms) - body.vertices[0]).max() < 1e-5


def test_normals_point_outwards(model):
    normals = vertex_normals(model.v_template, model.faces)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    assert normals[model.landmarks["nose"], 2] > 0.7 and normals[model.head_top, 1] > 0.7


def test_the_z_buffer_covers_what_the_engines_rasterizer_covers(model):
    """Front faces alone give the silhouette of a closed mesh; the engine's spans draw both sides."""
    betas, rotations = posed(model, 1)
    vertices = model.pose(betas, rotations).vertices[0] * [1, -1, -1] + [0, 0, 3.0]
    pixels = project(vertices, 300.0, np.array([127.5, 127.5]))
    expected = coverage(spans_of(pixels[model.faces], 256, 256), 256, 256)
    screen = np.column_stack([pixels, 1 / vertices[:, 2]]).astype(np.float32)
    seen, nearness = np.full((256, 256), -1, np.int32), np.zeros((256, 256), np.float32)
    place, all_of_it = np.zeros((256, 256, 2), np.float32), np.ones(len(vertices), np.float32)
    uvs = np.zeros((len(model.faces), 3, 2), np.float32)
    draw(Surface(screen, model.faces, False, all_of_it, uvs, OPAQUE), 0, Sight(seen, nearness, place))
    drawn = seen >= 0
    assert (drawn & expected).sum() / (drawn | expected).sum() > 0.995
    flat = np.zeros((256, 256), np.float32)
    draw_nearness(screen, model.faces, all_of_it, flat)
    assert ((flat > 0) & expected).sum() / ((flat > 0) | expected).sum() > 0.995


def square(depth, side=20.0):
    """Two triangles (corners in pixels of a 32×32 picture) at a depth, facing the camera."""
    corners = np.array([[5, 5], [5 + side, 5], [5 + side, 5 + side], [5, 5 + side]], np.float32)
    screen = np.column_stack([corners, np.full(4, 1 / depth)]).astype(np.float32)
    faces = np.array([[0, 2, 1], [0, 3, 2]], np.int32)
    uvs = (corners[faces] - 5) / side
    return screen, faces, uvs.astype(np.float32)


def drawn(*surfaces, cut=None, texture=OPAQUE, two_sided=False):
    seen, nearness = np.full((32, 32), -1, np.int32), np.zeros((32, 32), np.float32)
    place = np.zeros((32, 32, 2), np.float32)
    for number, (screen, faces, uvs) in enumerate(surfaces):
        kept = np.ones(4, np.float32) if cut is None else cut
        draw(Surface(screen, faces, two_sided, kept, uvs, texture), 10 * number, Sight(seen, nearness, place))
    return seen


def test_the_nearer_surface_is_seen_whatever_the_order():
    near, far = square(1.0), square(2.0)
    assert set(drawn(near, far)[10:20, 10:20].ravel()) == {0, 1}
    assert set(drawn(far, near)[10:20, 10:20].ravel()) == {10, 11}


def test_backs_are_drawn_only_of_cloth():
    screen, faces, uvs = square(1.0)
    back = (screen, faces[:, ::-1].copy(), uvs)
    assert (drawn(back) < 0).all() and (drawn(back, two_sided=True) >= 0).sum() > 300


def test_hems_and_holes_are_cut_where_they_are_drawn():
    hem = drawn(square(1.0), cut=np.array([-1, 1, 1, -1], np.float32)) >= 0  # 0 half-way across
    assert not hem[10, :15].any() and hem[10, 15:25].all()
    texture = np.full((2, 2, 4), 255, np.uint8)
    texture[1, :, 3] = 0  # v < .5
    holes = drawn(square(1.0), texture=texture) >= 0
    assert not holes[6:14, 10].any() and holes[16:24, 10].all()


def test_nine_numbers_hold_the_light_of_a_smooth_sky():
    """Against the integral over a panorama, direction by direction."""
    directions = lighting.direction_of(64, 32)
    sky = (1 + 0.6 * directions[..., :1] + 0.3 * directions[..., 1:2] * directions[..., 2:]) * np.array([1, 0.7, 0.4])
    place = lighting.measured("smooth", sky.astype(np.float32))
    solid = np.sin((np.arange(32) + 0.5) / 32 * np.pi)[:, None] * (np.pi / 32) ** 2
    for normal in np.random.default_rng(0).normal(size=(5, 3)):
        normal /= np.linalg.norm(normal)
        falling = np.maximum(directions @ normal, 0)
        expected = (place.panorama * (falling * solid)[..., None]).sum((0, 1)) / np.pi
        got = [shading._sky(*normal, channel, place.harmonics) for channel in range(3)]
        assert np.allclose(got, expected, atol=0.02)


def test_a_spot_in_the_sky_becomes_the_sun(renderer):
    place = renderer.places[0]
    row, column = 5.5, 21.5
    toward = lighting.direction_of(64, 32)[int(row), int(column)]
    assert place.sun @ toward > 0.99 and place.sunlight.min() > 0


def test_the_same_seed_gives_the_same_picture(renderer):
    first, again, other = (renderer.sample(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.keypoints, again.keypoints)
    assert np.array_equal(first.mask, again.mask) and not np.array_equal(first.image, other.image)


def test_keypoints_in_sight_lie_on_the_person(renderer):
    on, count = 0, 0
    for seed in range(12):
        photograph = renderer.photograph(np.random.default_rng(seed))
        near = cv2.dilate(photograph.mask, np.ones((5, 5), np.uint8))
        columns, rows = np.clip(np.rint(photograph.keypoints[photograph.sight == 3]), 0, SIZE - 1).astype(int).T
        on, count = on + (near[rows, columns] > 0).sum(), count + len(rows)
    assert count > 100 and on / count > 0.97


def test_the_silhouette_is_that_of_the_engines_rasterizer(alone, monkeypatch):
    scenes = []
    monkeypatch.setattr(
        "body_from_image.training.synthetic.renderer.stage", lambda *drawn: scenes.append(stage(*drawn)) or scenes[-1]
    )
    top = KEYPOINT_INDEX["head_top"]
    for seed in range(5):
        photograph = alone.photograph(np.random.default_rng(seed))
        figure, camera, got = scenes[-1].figures[0], scenes[-1].camera, photograph.mask > 0
        pixels = project(figure.parts[0].vertices, camera.focal, camera.center)
        covered = coverage(spans_of(pixels[figure.parts[0].faces], 256, 256), 256, 256)
        assert abs(int(got.sum()) / int(covered.sum()) - 1) < 0.01
        beyond = cv2.erode((got != covered).astype(np.uint8), np.ones((2, 2), np.uint8))
        assert beyond.sum() <= 0.001 * covered.sum(), "the two differ by more than the outermost pixels"
        assert np.allclose(photograph.keypoints[top], camera.project(figure.keypoints[top]), atol=1e-3)


def test_what_hides_a_keypoint_lowers_its_weight(renderer):
    options = Options(size=SIZE, others=0, occluders=1, cut_off=0.5)
    hiding = Renderer(options, people=renderer.people)
    crops = [hiding.sample(np.random.default_rng(seed)) for seed in range(8)]
    weights = np.concatenate([crop.keypoints[:, 2] for crop in crops])
    assert set(np.unique(weights)) == {0.0, options.hidden_weight, 1.0}
    for crop in crops:
        outside = ((crop.keypoints[:, :2] < -0.5) | (crop.keypoints[:, :2] > SIZE - 0.5)).any(1)
        assert np.array_equal(crop.keypoints[:, 2] == 0, outside)


@pytest.mark.parametrize("shape", [BALL, POLE, BOX])
def test_things_are_closed_and_turned_outwards(shape):
    vertices, faces, _ = shape
    volume = (vertices[faces[:, 0]] * np.cross(vertices[faces[:, 1]], vertices[faces[:, 2]])).sum() / 6
    expected = {id(BALL): 4 / 3 * np.pi, id(POLE): np.pi, id(BOX): 1.0}[id(shape)]
    assert 0.85 * expected < volume <= 1.001 * expected


def test_nothing_of_a_person_is_left_in_an_emptied_photograph():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 100, (90, 70, 3)).astype(np.uint8)
    mask = np.zeros((90, 70), np.uint8)
    cv2.ellipse(mask, (30, 45), (14, 34), 10, 0, 360, 255, -1)
    image[mask > 0] = (250, 0, 250)
    crop = LabelledCrop(0, 0, image, np.zeros((len(KEYPOINT_NAMES), 3), np.float32), mask, True)
    unknown = LabelledCrop(1, 0, image, crop.keypoints, None, False)
    (empty,) = EmptyPhotos.of([crop, unknown]).images
    assert empty[..., 0].max() < 130 and empty[mask > 0].std() > 5
    assert np.array_equal(empty[:, 62:], image[:, 62:]), "what is far from the person stays"


def test_human2d_takes_the_crops_as_they_are(renderer):
    crop = renderer.sample(np.random.default_rng(0))
    assert crop.keypoints.shape == (len(KEYPOINT_NAMES), 3) and crop.image.dtype == crop.mask.dtype == np.uint8
    sample = training_sample(crop, 64, Augmentation(), np.random.default_rng(0))
    assert sample["crop"].shape == (3, 64, 64) and sample["silhouette"].max() > 0.5
    assert np.isfinite(sample["points"]).all() and (sample["labelled"][LIMB_KEYPOINTS] > 0).any()


@pytest.mark.bench
def test_a_picture_takes_a_tenth_of_a_second(renderer):
    rng = np.random.default_rng(0)
    milliseconds = median_ms(lambda: renderer.sample(rng), 20, time.process_time)
    print(f"\na synthetic picture of {SIZE}²: {milliseconds:.0f} ms of processor time")
    assert milliseconds < 100


@pytest.mark.slow
@pytest.mark.skipif(not PACKS, reason="BODY_FROM_IMAGE_DATA does not name the data packs mocap and render_assets")
def test_clothes_and_hair_stay_with_their_person(monkeypatch):
    """Nothing explodes: only skirts reach further from the skin than a hand's breadth, and none half a metre."""
    monkeypatch.setenv("BODY_FROM_IMAGE_DATA", PACKS)
    people, rng = People(), np.random.default_rng(0)
    assert {asset.kind for kind in people.wardrobe.kinds.values() for asset in kind} == {"suit", "shoes", "hair", "hat"}
    for _ in range(40):
        figure = people.sample(rng)
        skin = cKDTree(figure.parts[0].vertices)
        for part in figure.parts[1:]:
            furthest = skin.query(part.vertices[part.cut > 0])[0].max(initial=0)
            assert furthest < (0.5 if part.faces is SKIRT else 0.15)


def test_a_picture_of_nobody_shows_what_is_behind_somebody(renderer):
    renderer.sample(np.random.default_rng(2))
    assert (renderer.buffers.seen >= 0).any()
    empty = renderer.empty(np.random.default_rng(3))
    assert empty.shape == (SIZE, SIZE, 3) and empty.dtype == np.uint8
    assert (renderer.buffers.seen < 0).all()


def test_a_stage_of_rendered_pictures_alone_sees_no_photo(renderer, monkeypatch):
    """Neither as the picture nor beside or before the person: weights that learn from it are free for any use."""
    monkeypatch.setattr("body_from_image.training.synthetic.renderer.Renderer", lambda: renderer)
    seen = []

    def sample(example, side, options, rng, others):
        seen.extend([example, *others])
        return {}

    monkeypatch.setattr(samples, "training_sample", sample)
    stranger = LabelledCrop(7, 0, np.zeros((9, 9, 3), np.uint8), np.ones((25, 3), np.float32), None, True)
    stream = iter(samples.Samples([stranger], samples.Stage(64, 0, 1.0), GENTLE, 0.3, 0))
    for _ in range(12):
        next(stream)
    assert seen and all(example.id < 0 and example.source == SYNTHETIC for example in seen)
    assert len({example.id for example in seen if not example.nobody}) > 1
    assert any(example.nobody for example in seen)
