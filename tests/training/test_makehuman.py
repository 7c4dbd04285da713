"""MakeHuman's base mesh, dressed and posed: the format's own arithmetic, and what no pose may change."""

import gzip

import numpy as np
import pytest

pytest.importorskip("anny", reason="needs the train extra")

from body_from_image.inference.geometry.joints import JOINT_INDEX, JOINT_MIRROR, JOINT_PARENTS
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.training.body.makehuman import (
    BODY_VERTICES,
    dressed_person,
    joint_positions,
    joint_transforms,
    joint_weights,
    read_garment,
    shaped_base,
    skin,
)

SHAPE = {"macrodetails/caucasian-male-young": 1.0}


@pytest.fixture(scope="module")
def base():
    return shaped_base(SHAPE)


@pytest.fixture
def patch(tmp_path, base):
    """A garment of one square that hangs on the base mesh's first vertices, written as MakeHuman writes one."""
    clothes = "\n".join(
        [
            "# a comment", "name patch", "x_scale 0 1 0.5", "y_scale 0 2 0.5", "z_scale 0 3 0.5", "verts 0",
            "0 1 2 0.2 0.3 0.5 0 0 0", "0 1 2 1 0 0 0.1 0.2 0.3", "5", "6", "delete_verts", "10 - 12 20 22 - 23",
        ]
    )  # fmt: skip
    mesh = "v 0 0 0\nv 0 1 0\nv 1 1 0\nv 1 0 0\nvt 0 0\nvt 0 1\nvt 1 1\nvt 1 0\nf 1/1 2/2 3/3 4/4\n"
    (tmp_path / "patch.mhclo.gz").write_bytes(gzip.compress(clothes.encode()))
    (tmp_path / "patch.obj.gz").write_bytes(gzip.compress(mesh.encode()))
    return read_garment(tmp_path / "patch.mhclo.gz")


def test_garment_is_fitted_as_the_format_says(base, patch):
    fitted = patch.fit(base.vertices)
    a, b, c, d = base.vertices[:4]
    stretch = np.array([abs(a[0] - b[0]), abs(a[1] - c[1]), abs(a[2] - d[2])]) / 0.5
    expected = [0.2 * a + 0.3 * b + 0.5 * c, a + [0.1, 0.2, 0.3] * stretch, base.vertices[5], base.vertices[6]]
    assert np.allclose(fitted, expected)
    assert patch.covered.tolist() == [10, 11, 12, 20, 22, 23]


def test_joints_and_weights_are_those_of_a_body(base):
    joints, weights = joint_positions(base.vertices), joint_weights()
    assert np.allclose(weights.sum(1), 1) and weights.min() >= 0
    assert np.allclose(joints[JOINT_MIRROR] * [-1, 1, 1], joints, atol=0.06)  # decimetres
    low, high = base.vertices[:BODY_VERTICES].min(0), base.vertices[:BODY_VERTICES].max(0)
    assert (joints > low).all() and (joints < high).all()
    heights = [
        joints[JOINT_INDEX[name], 1] for name in ("left_foot", "left_knee", "left_hip", "spine2", "neck", "head")
    ]
    assert heights == sorted(heights)
    # The vertices that a joint alone moves lie about it and the joint after it, not elsewhere.
    elbow, wrist = joints[JOINT_INDEX["left_elbow"]], joints[JOINT_INDEX["left_wrist"]]
    forearm = base.vertices[(weights[:, JOINT_INDEX["left_elbow"]] > 0.99)]
    assert np.linalg.norm(forearm - (elbow + wrist) / 2, axis=1).max() < 0.8 * np.linalg.norm(elbow - wrist)


def test_the_unposed_body_stands_as_smpl_does(base):
    joints = joint_positions(base.vertices)
    transforms = joint_transforms(joints, np.zeros((24, 3)))
    posed = np.einsum("jab,jb->ja", transforms[..., :3], joints) + transforms[..., 3]
    arm = posed[JOINT_INDEX["left_wrist"]] - posed[JOINT_INDEX["left_shoulder"]]
    assert arm[0] / np.linalg.norm(arm) > 0.98
    for joint, parent in enumerate(JOINT_PARENTS[1:], start=1):
        assert np.linalg.norm(posed[joint] - posed[parent]) == pytest.approx(
            np.linalg.norm(joints[joint] - joints[parent])
        )


def test_turning_the_root_turns_everything(base):
    joints, weights = joint_positions(base.vertices), joint_weights()
    poses = np.random.default_rng(0).normal(0, 0.2, (24, 3))
    poses[0] = 0
    still = skin(base.vertices, weights, joint_transforms(joints, poses))
    poses[0] = (0.3, 1.2, -0.4)
    turned = skin(base.vertices, weights, joint_transforms(joints, poses))
    assert np.allclose(turned, (still - joints[0]) @ axis_angle_to_matrix(poses[0]).T + joints[0])


def test_a_dressed_person_stands_on_the_floor(patch):
    parts = dressed_person(SHAPE, {"patch": patch}, np.zeros((24, 3)))
    assert set(parts) == {"body", "left eye", "right eye", "patch"}
    assert min(part.vertices[:, 1].min() for part in parts.values()) == pytest.approx(0)
    assert 1.5 < parts["body"].vertices[:, 1].max() < 2.0
    assert parts["left eye"].vertices[:, 0].mean() > 0.02 > -0.02 > parts["right eye"].vertices[:, 0].mean()
    for part in parts.values():
        assert max(map(max, part.polygons)) < len(part.vertices)
        assert [len(corners) for corners in part.polygons] == [len(corners) for corners in part.uvs]
