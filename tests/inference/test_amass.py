"""Motion files of other programs: what is read, what is left out, which way is up, and what is refused."""

import numpy as np
import pytest
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.amass import read_motion, write_motion
from body_from_image.inference.geometry.resample import resampled
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

STAND_UP = axis_angle_to_matrix(np.array([np.pi / 2, 0, 0]))
"""What AMASS's world does to SMPL's body: y up becomes z up."""


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "motion.npz", **arrays)
        return tmp_path / "motion.npz"

    return save


def moving(frames=20, columns=72, seed=0, z_up=False, lean=0.2):
    """A person who leans this way and that."""
    poses = np.random.default_rng(seed).normal(0, lean, (frames, columns))
    if z_up:
        poses[:, :3] = matrix_to_axis_angle(STAND_UP @ axis_angle_to_matrix(poses[:, :3]))
    return poses


def test_amass_files_are_read(save):
    poses, trans = moving(columns=156, z_up=True), np.random.default_rng(1).normal(size=(20, 3))
    motion = read_motion(save(poses=poses, trans=trans, betas=np.arange(16.0), gender="male", mocap_framerate=120.0,
                              dmpls=np.zeros((20, 8))))  # fmt: skip
    np.testing.assert_allclose(motion.poses[:, :66], poses[:, :66], atol=1e-6)
    np.testing.assert_array_equal(motion.poses[:, 66:], 0)  # SMPL-H's next joints are fingers, not SMPL's hands
    np.testing.assert_allclose(motion.trans, trans, atol=1e-6)
    np.testing.assert_array_equal(motion.betas, np.arange(10))
    assert motion.frame_rate == 120 and motion.up == "z"
    assert "fingers" in " ".join(motion.remarks)


@pytest.mark.parametrize(("columns", "told"), [(66, ""), (72, ""), (165, "jaw and eyes"), (69, "first 22")])
def test_what_smpl_lacks_is_told(save, columns, told):
    remarks = " ".join(
        read_motion(save(poses=moving(columns=columns), betas=np.zeros(10), trans=np.zeros((20, 3)))).remarks
    )
    assert told in remarks and bool(told) == bool(remarks)


def test_all_of_smpls_own_joints_are_kept(save):
    poses = moving()
    np.testing.assert_allclose(read_motion(save(poses=poses)).poses, poses, atol=1e-6)


def test_a_table_of_joints_is_read(save):
    poses = moving()
    np.testing.assert_allclose(read_motion(save(poses=poses.reshape(20, 24, 3))).poses, poses, atol=1e-6)


def test_smplx_shapes_mean_nothing_to_smpl(save):
    motion = read_motion(save(poses=moving(columns=165), betas=np.ones(16), mocap_frame_rate=30))
    assert motion.betas is None and motion.frame_rate == 30
    assert "SMPL-X's shape" in " ".join(motion.remarks)


@pytest.mark.parametrize("z_up", [False, True])
def test_the_axis_that_people_are_upright_along_is_up(save, z_up):
    motion = read_motion(save(poses=moving(z_up=z_up)))
    assert motion.up == ("z" if z_up else "y")
    assert "guessed" not in " ".join(motion.remarks)


def test_a_handstand_is_as_upright_as_standing(save):
    poses = moving(z_up=True)
    poses[:, :3] = matrix_to_axis_angle(
        axis_angle_to_matrix(np.array([np.pi, 0, 0])) @ axis_angle_to_matrix(poses[:, :3])
    )
    assert read_motion(save(poses=poses)).up == "z"


def test_a_doubtful_axis_is_told_and_can_be_said(save):
    path = save(poses=np.tile([np.pi / 4, 0, 0] + [0] * 69, (5, 1)))
    assert "guessed" in " ".join(read_motion(path).remarks)
    assert [read_motion(path, up=up).up for up in ("z", "y", "-y")] == ["z", "y", "-y"]
    assert "guessed" not in " ".join(read_motion(path, up="z").remarks)


def test_our_own_files_say_which_way_is_up(tmp_path):
    """Though this body lies on its back in a z-up world, which by itself would be taken for standing in a y-up one."""
    write_motion(tmp_path / "ours.npz", np.zeros((5, 72)), np.zeros((5, 3)), np.zeros(10), 24, "abc")
    motion = read_motion(tmp_path / "ours.npz")
    assert motion.up == "z" and motion.body_model == "abc" and motion.frame_rate == 24


def test_standing_up_turns_the_whole_body_and_nothing_else(save):
    """Every vertex of the y-up body is the z-up body's, turned: also where the pelvis is, which SMPL turns about."""
    model, poses = BodyModel.load(), moving(frames=4, z_up=True)
    trans, betas = np.random.default_rng(2).normal(size=(4, 3)), np.linspace(-1, 1, 10)[None]
    motion = read_motion(save(poses=poses, trans=trans))
    rotations, transl = motion.upright(model.rest_joints(betas)[0, 0])
    as_filed = model.pose(betas, axis_angle_to_matrix(poses.reshape(4, 24, 3)), trans)
    upright = model.pose(betas, rotations, transl)
    np.testing.assert_allclose(upright.vertices, as_filed.vertices @ STAND_UP, atol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"betas": np.zeros(10)}, "no 'poses'"),
        ({"poses": np.zeros((0, 72))}, "shape"),
        ({"poses": np.zeros((5, 63))}, "shape"),
        ({"poses": np.zeros((5, 71))}, "shape"),
        ({"poses": np.full((5, 72), np.nan)}, "not finite"),
        ({"poses": np.full((5, 72), "x")}, "not numbers"),
        ({"poses": np.zeros((5, 72)), "trans": np.zeros((4, 3))}, "'trans'"),
        ({"poses": np.zeros((5, 72)), "transl": np.zeros((4, 3))}, "'transl' has the shape"),
        ({"poses": np.zeros((5, 72)), "transl": np.full((5, 3), np.nan)}, "'transl' have numbers"),
        ({"poses": np.zeros((5, 72)), "trans": np.zeros(3)}, "'trans' has the shape"),
        ({"poses": np.zeros(71)}, "shape"),
        ({"poses": np.zeros((5, 72)), "betas": np.zeros((2, 2, 2))}, "'betas'"),
        ({"poses": np.zeros((5, 72)), "mocap_framerate": -1.0}, "'mocap_framerate'"),
        ({"poses": np.array([{}], dtype=object)}, "plain numbers"),
    ],
)
def test_bad_files_are_refused_in_a_sentence(save, arrays, told):
    with pytest.raises(UserError, match=told):
        read_motion(save(**arrays))


def test_what_is_no_npz_is_refused(tmp_path):
    with pytest.raises(UserError, match="There is no file"):
        read_motion(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("poses")
    with pytest.raises(UserError, match="not an npz"):
        read_motion(tmp_path / "text.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "single.npz").write_bytes((tmp_path / "single.npy").read_bytes())
    with pytest.raises(UserError, match="single array"):
        read_motion(tmp_path / "single.npz")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_cut_off_file_is_refused(save, share):
    path = save(poses=moving(), trans=np.zeros((20, 3)))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError):
        read_motion(path)


def test_an_array_that_would_fill_the_memory_is_refused(save, monkeypatch):
    monkeypatch.setattr("body_from_image.inference.files.amass.MAX_ARRAY_SIZE", 1000)
    with pytest.raises(UserError, match="would unpack to"):
        read_motion(save(poses=moving()))


@pytest.mark.parametrize(("rate", "wanted"), [(120, 30), (120, 24), (30, 60), (29.97, 25)])
def test_another_frame_rate_is_the_same_motion(rate, wanted):
    """Against a motion that is known at every moment: a steady turn along a straight line."""

    def at(seconds):
        turns = np.zeros((len(seconds), 24, 3))
        turns[:, 1, 1] = 3 * seconds
        return axis_angle_to_matrix(turns), seconds[:, None] * [1.0, 2.0, 3.0]

    rotations, transl = resampled(*at(np.arange(41) / rate), rate, wanted)
    expected = at(np.arange(len(transl)) / wanted)
    np.testing.assert_allclose(rotations, expected[0], atol=1e-4)
    np.testing.assert_allclose(transl, expected[1], atol=1e-9)
    assert abs((len(transl) - 1) / wanted - 40 / rate) < 1 / wanted


def test_a_single_pose_stays_one():
    rotations, transl = np.tile(np.eye(3), (1, 24, 1, 1)), np.zeros((1, 3))
    assert len(resampled(rotations, transl, 120, 24)[0]) == 1
