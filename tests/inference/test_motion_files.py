"""Motions as WHAM, VIBE, GVHMR, 4D-Humans and smplx write them: each layout is built here, and is the same motion."""

import collections
import io
import os
import pickle
import sys
import time
import tracemalloc
import types
import zlib
from unittest import mock

import numpy as np
import pytest
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.errors import UserError
from body_from_image.inference.files import pickles
from body_from_image.inference.files.amass import is_estimate, read_motion, read_motions
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

FRAMES = 20
HALF_TURN = np.diag([1.0, -1.0, -1.0])
"""From a y-up world to a camera's frame."""


JOBLIB = {name: types.ModuleType(name) for name in ("joblib", "joblib.numpy_pickle")}
"""joblib's class under its own name, so that pickles name it."""
Wrapper = type("NumpyArrayWrapper", (), {"__module__": "joblib.numpy_pickle"})
JOBLIB["joblib.numpy_pickle"].NumpyArrayWrapper = Wrapper


class JoblibPickler(pickle._Pickler):
    """Writes arrays as joblib does: an object that describes them, padding, and their bytes outside of the pickle."""

    def __init__(self, file, aligned=True, protocol=4):
        super().__init__(file, protocol)
        self.file, self.aligned = file, aligned

    def save(self, obj, save_persistent_id=True):
        if not isinstance(obj, np.ndarray):
            return super().save(obj, save_persistent_id)
        wrapper = Wrapper()
        order = "F" if obj.flags.f_contiguous and not obj.flags.c_contiguous else "C"
        wrapper.__dict__.update(subclass=np.ndarray, shape=obj.shape, order=order, dtype=obj.dtype, allow_mmap=True)
        if self.aligned:
            wrapper.numpy_array_alignment_bytes = 16
        super().save(wrapper)
        if self.proto >= 4:
            self.framer.commit_frame(force=True)
        if self.aligned:
            padding = 16 - (self.file.tell() + 1) % 16
            self.file.write(bytes([padding]) + b"\xff" * padding)
        self.file.write(obj.tobytes(order))


def with_joblib(content, **options):
    file = io.BytesIO()
    with mock.patch.dict(sys.modules, JOBLIB):
        JoblibPickler(file, **options).dump(content)
    return file.getvalue()


@pytest.fixture
def save(tmp_path):
    """A file with these bytes, or with these arrays as an npz."""

    def save(data=None, **arrays):
        path = tmp_path / ("motion.npz" if data is None else "motion.pkl")
        np.savez(path, **arrays) if data is None else path.write_bytes(data)
        return path

    return save


def moving(frames=FRAMES, seed=0, joints=24):
    """Axis-angles (F, J, 3) of a person who leans this way and that, and a path (F, 3)."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.2, (frames, joints, 3)), rng.normal(0, 1, (frames, 3)).cumsum(0)


def seen_by_camera(poses):
    turned = poses.copy()
    turned[:, 0] = matrix_to_axis_angle(HALF_TURN @ axis_angle_to_matrix(poses[:, 0]))
    return turned


def assert_same(motion, poses, trans):
    rotations = axis_angle_to_matrix(motion.poses.astype(float).reshape(len(motion.poses), 24, 3))
    joints = poses.shape[1]
    np.testing.assert_allclose(rotations[:, :joints], axis_angle_to_matrix(poses), atol=1e-5)
    np.testing.assert_allclose(motion.trans, trans, atol=1e-5)


# -- names and shapes ------------------------------------------------------------------------------------------------

SHAPES = {
    "flat": lambda poses: (poses[:, 0], poses[:, 1:].reshape(len(poses), -1)),
    "joints": lambda poses: (poses[:, :1], poses[:, 1:]),
    "matrices": lambda poses: (axis_angle_to_matrix(poses[:, :1]), axis_angle_to_matrix(poses[:, 1:])),
    "one matrix": lambda poses: (axis_angle_to_matrix(poses[:, 0]), axis_angle_to_matrix(poses[:, 1:])),
}
NAMES = {"smplx": ("global_orient", "body_pose", "transl"), "humor": ("root_orient", "pose_body", "trans")}


@pytest.mark.parametrize("joints", [22, 24])
@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("container", ["npz", "pickle 2", "pickle 5", "joblib"])
def test_roots_and_bodies_apart(save, container, shape, names, joints):
    poses, trans = moving(joints=joints)
    arrays = dict(zip(NAMES[names], (*SHAPES[shape](poses), trans), strict=True)) | {"fps": 25}
    data = {"npz": None, "joblib": with_joblib(arrays)}
    motion = read_motion(
        save(**arrays) if container == "npz" else save(data.get(container) or pickle.dumps(arrays, int(container[-1])))
    )
    assert_same(motion, poses, trans)
    assert motion.up == "y" and motion.frame_rate == 25 and not is_estimate(save(**arrays))


@pytest.mark.parametrize("names", NAMES)
def test_one_frame_may_be_flat(save, names):
    poses, trans = moving(1)
    assert_same(read_motion(save(poses=poses.ravel(), trans=trans[0])), poses, trans)
    apart = (poses[0, 0], poses[0, 1:].ravel(), trans[0])
    assert_same(read_motion(save(**dict(zip(NAMES[names], apart, strict=True)))), poses, trans)


def test_matrices_of_all_joints_at_once(save):
    poses, trans = moving()
    assert_same(read_motion(save(poses=axis_angle_to_matrix(poses), trans=trans)), poses, trans)


def test_shapes_of_21_joints_are_taken_for_smplxs(save):
    poses, trans = moving(joints=22)
    root, body = SHAPES["flat"](poses)
    motion = read_motion(save(global_orient=root, body_pose=body, transl=trans, betas=np.ones((FRAMES, 10))))
    assert motion.betas is None and "SMPL-X's shape" in " ".join(motion.remarks)
    motion = read_motion(save(root_orient=root, pose_body=body, trans=trans, betas=np.ones(16)))
    np.testing.assert_array_equal(motion.betas, 1)


def test_a_cameras_frame_is_recognised_and_set_upright(save):
    """Every vertex of the upright body is the camera's body's, turned."""
    poses, trans = moving(4)
    seen = seen_by_camera(poses)
    motion = read_motion(save(poses=seen.reshape(4, -1), trans=trans))
    assert motion.up == "-y" and "y points down" in " ".join(motion.remarks)
    model, betas = BodyModel.load(), np.linspace(-1, 1, 10)[None]
    upright = model.pose(betas, *motion.upright(model.rest_joints(betas)[0, 0]))
    as_filed = model.pose(betas, axis_angle_to_matrix(seen), trans)
    np.testing.assert_allclose(upright.vertices, as_filed.vertices @ HALF_TURN, atol=1e-5)
    assert read_motion(save(poses=seen.reshape(4, -1)), up="y").up == "y"


# -- programs --------------------------------------------------------------------------------------------------------


def wham(aligned=True, **changes):
    """`wham_output.pkl`: a defaultdict of people by numpy's numbers, in the camera's frame and in a y-up world."""
    results = collections.defaultdict(dict)
    for person, frames in ((3, FRAMES), (np.int64(7), 2 * FRAMES)):
        poses, trans = moving(frames, int(person))
        results[person] = {
            "pose": seen_by_camera(poses).reshape(frames, 72).astype(np.float32), "trans": np.full((frames, 3), 9.0),
            "pose_world": poses.reshape(frames, 72).astype(np.float32), "trans_world": trans.astype(np.float32),
            "betas": np.full((frames, 10), 0.5, np.float32), "verts": np.zeros((frames, 6890, 3), np.float32),
            "frame_ids": np.arange(frames) + 4,
        } | changes  # fmt: skip
    return with_joblib(results, aligned=aligned)


@pytest.mark.parametrize("aligned", [True, False])
def test_wham(save, aligned):
    path = save(wham(aligned))
    first, second = read_motions(path)
    assert (first.name, second.name, first.up) == ("7", "3", "y")
    assert_same(first, *moving(2 * FRAMES, 7))
    assert_same(second, *moving(FRAMES, 3))
    np.testing.assert_array_equal(first.betas, 0.5)
    remarks = " ".join(read_motion(path, person=2).remarks)
    assert "2 people (1: '7', 40 frames, 2: '3', 20 frames); this is number 2" in remarks
    with pytest.raises(UserError, match="no person 3"):
        read_motion(path, person=3)


def test_of_a_crowd_those_who_are_there_longest_are_listed(save):
    people = {name: {"pose_world": np.zeros((frames, 72))} for frames, name in enumerate("abcdefghijklmnopqrst", 1)}
    (told, *_) = read_motion(save(pickle.dumps(people))).remarks
    assert "20 people (1: 't', 20 frames" in told and "12: 'i', 9 frames, …)" in told


def test_vibe_has_no_place_and_a_cameras_frame(save):
    poses, _ = moving()
    person = {"pose": seen_by_camera(poses).reshape(FRAMES, 72), "betas": np.zeros((FRAMES, 10))}
    motion = read_motion(save(with_joblib({1: person})))
    assert motion.up == "-y" and "stays in place" in " ".join(motion.remarks)
    rotations, _ = motion.upright(np.zeros(3))
    np.testing.assert_allclose(rotations, axis_angle_to_matrix(poses), atol=1e-5)


def test_frames_that_are_missing_are_filled_in(save):
    poses, trans = np.zeros((3, 24, 3)), np.array([[0.0, 0, 0], [1, 0, 0], [4, 0, 0]])
    poses[:, 5, 0] = [0, 0.1, 0.4]
    person = {"pose_world": poses.reshape(3, 72), "trans_world": trans, "frame_ids": np.array([10, 11, 14])}
    motion = read_motion(save(with_joblib({0: person})))
    np.testing.assert_allclose(motion.trans[:, 0], [0, 1, 2, 3, 4], atol=1e-6)
    np.testing.assert_allclose(motion.poses[:, 15], [0, 0.1, 0.2, 0.3, 0.4], atol=1e-3)
    assert "not seen: 2" in " ".join(motion.remarks)


def test_gvhmr(save):
    """Its results once torch's tensors are numpy's arrays."""
    poses, trans = moving(joints=22)
    root, body = SHAPES["flat"](poses)
    world = {"body_pose": body, "global_orient": root, "transl": trans, "betas": np.ones((FRAMES, 10))}
    camera = {name: array + 5 for name, array in world.items()}
    motion = read_motion(save(pickle.dumps({"smpl_params_incam": camera, "smpl_params_global": world})))
    assert_same(motion, poses, trans)
    assert (motion.up, motion.frame_rate, motion.betas) == ("y", 30, None)


def phalp(people=(1, 2), **changes):
    """Frames by their pictures; the second person comes later, and is only guessed at for a while."""
    content = {}
    for frame in range(FRAMES):
        entry = {"time": frame, "tid": [], "smpl": [], "camera": [], "tracked_time": [], "mask": [], "size": []}
        for person in people:
            if person == 2 and frame < 5:
                continue
            poses, trans = moving(seed=person)
            matrices = axis_angle_to_matrix(seen_by_camera(poses)[frame]).astype(np.float32)
            entry["tid"].append(person)
            entry["smpl"].append(
                {"global_orient": matrices[:1], "body_pose": matrices[1:], "betas": np.full(10, person, np.float32)}
            )
            entry["camera"].append(trans[frame])
            entry["tracked_time"].append(2 if person == 2 and 8 <= frame < 10 else 0)
            entry["mask"].append({"size": [9, 9], "counts": b"rle"})
            entry["size"].append([720, 1280])
        content[f"video/{frame:06}.jpg"] = entry | changes
    return content


@pytest.mark.parametrize("compressed", [False, True])
def test_phalp(save, compressed):
    data = with_joblib(phalp())
    first, second = read_motions(save(zlib.compress(data, 3) if compressed else data))
    poses, trans = moving(seed=1)
    assert (first.name, first.up, first.frame_count) == ("1", "-y", FRAMES)
    assert_same(first, seen_by_camera(poses), trans)
    np.testing.assert_array_equal(first.betas, 1)
    assert second.name == "2" and second.frame_count == FRAMES - 5
    assert "not seen: 2" in " ".join(second.remarks) and "focal length" in " ".join(second.remarks)
    _, trans = moving(seed=2)
    np.testing.assert_allclose(second.trans[3], trans[7] * 2 / 3 + trans[10] / 3, atol=1e-5)


# -- refused ---------------------------------------------------------------------------------------------------------


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


TENSOR = b"(dVposes\nctorch._utils\n_rebuild_tensor_v2\n(tRs."
"""A pickle of {"poses": a tensor of torch's}."""


def joblib_header(shape, tail=b""):
    """A pickle of joblib that describes an array of this shape, of which no more than `tail` is there."""
    file = io.BytesIO()
    wrapper = Wrapper()
    wrapper.__dict__.update(subclass=np.ndarray, shape=shape, order="C", dtype=np.dtype("f4"), allow_mmap=True)
    with mock.patch.dict(sys.modules, JOBLIB):
        JoblibPickler(file).dump({"poses": wrapper})
    return file.getvalue()[:-2] + tail


ROOT, BODY = np.zeros((5, 3)), np.zeros((5, 63))
REFUSED = {
    "nothing": (lambda: pickle.dumps({"weather": np.zeros(3)}), "not a motion"),
    "a number": (lambda: pickle.dumps(3), "no dictionary"),
    "a root alone": (lambda: pickle.dumps({"global_orient": ROOT}), "not a motion"),
    "two lengths": (lambda: pickle.dumps({"global_orient": ROOT, "body_pose": BODY[:4]}), "different numbers"),
    "two roots": (lambda: pickle.dumps({"global_orient": np.zeros((5, 6)), "body_pose": BODY}), "'global_orient'"),
    "few joints": (lambda: pickle.dumps({"global_orient": ROOT, "body_pose": BODY[:, :60]}), "the shape"),
    "no rotations": (
        lambda: pickle.dumps({"global_orient": np.ones((5, 3, 3)), "body_pose": BODY}),
        "'global_orient' are no rotations",
    ),
    "mirrored": (
        lambda: pickle.dumps({"global_orient": np.tile(np.diag([1.0, 1, -1]), (5, 1, 1)), "body_pose": BODY}),
        "no rotations",
    ),
    "not finite": (lambda: pickle.dumps({"global_orient": ROOT * np.nan, "body_pose": BODY}), "not finite"),
    "objects": (lambda: pickle.dumps({"poses": np.array([{}])}), "its 'poses' is"),
    "a list": (lambda: pickle.dumps({"poses": [1, 2]}), "'poses' is a list"),
    "torch's tensors": (lambda: TENSOR, "tensor of PyTorch"),
    "old torch": (lambda: b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "turn it into an npz"),
    "SAM 3D Body": (
        lambda: pickle.dumps({"mhr_model_params": np.zeros(204), "shape_params": np.zeros(45)}),
        "mhr_smpl_conversion",
    ),
    "hollow GVHMR": (lambda: pickle.dumps({"smpl_params_global": {"transl": ROOT}}), "have no 'global_orient'"),
    "frames far apart": (
        lambda: pickle.dumps({"a": {"poses": np.zeros((2, 72)), "frame_ids": np.array([0, 2**62])}}),
        "too far apart",
    ),
    "frames that go back": (
        lambda: pickle.dumps({"a": {"poses": np.zeros((2, 72)), "frame_ids": np.array([1, 0])}}),
        "no numbers of frames",
    ),
    "uneven PHALP": (lambda: with_joblib(phalp(tid=[1])), "different lengths"),
    "PHALP without bodies": (lambda: with_joblib(phalp(people=[1], smpl=[{}])), "'smpl' have no"),
    "a shell": (lambda: pickle.dumps({"poses": Calls(os.system, "true")}), "asks to run posix.system"),
    "a cut-off file": (lambda: wham()[:9000], "ends too early"),
    "a huge array of joblib's": (lambda: joblib_header((10**12, 3)), "ends too early"),
    "a negative array of joblib's": (lambda: joblib_header((-1, 3)), "claims the shape"),
    "an array of joblib's that is not there": (lambda: joblib_header((2, 3), b"\1\0"), "ends too early"),
    "text": (lambda: b"global_orient", "not a pickle"),
    "half of a zlib stream": (lambda: zlib.compress(with_joblib(phalp()))[:500], "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_motion_is_refused_in_a_sentence(save, case):
    data, told = REFUSED[case]
    with pytest.raises(UserError) as refusal:
        read_motion(save(data()))
    assert (told in str(refusal.value) and str(refusal.value).endswith(".")) or "[" in told


def test_sam_3d_bodys_npz_is_refused(save):
    path = save(mhr_model_params=np.zeros(204), shape_params=np.zeros(45), pred_cam_t=np.zeros(3))
    with pytest.raises(UserError, match="mhr_smpl_conversion"):
        read_motion(path)


def test_torchs_zips_are_refused_with_what_to_do(tmp_path):
    torch = pytest.importorskip("torch", reason="torch writes its own files")
    poses, trans = moving(joints=22)
    root, body = (torch.tensor(part) for part in SHAPES["flat"](poses))
    world = {"body_pose": body, "global_orient": root, "transl": torch.tensor(trans)}
    torch.save({"smpl_params_global": world}, tmp_path / "hmr4d_results.pt")
    with pytest.raises(UserError) as refusal:
        read_motion(tmp_path / "hmr4d_results.pt")
    code = str(refusal.value).split('python -c "')[1].split('"')[0]
    cwd = os.getcwd()
    os.chdir(tmp_path)
    try:
        exec(code, {})
    finally:
        os.chdir(cwd)
    assert_same(read_motion(tmp_path / "motion.npz"), poses, trans)


def test_a_bomb_takes_neither_memory_nor_time(save):
    for data in (
        zlib.compress(b"\x80\x04" + bytes(300_000_000), 9),
        joblib_header((2**40,)),
        pickle.dumps({"a": {"poses": np.zeros((2, 72)), "frame_ids": np.array([0, 2**40])}}),
    ):
        path = save(data)
        tracemalloc.start()
        start = time.perf_counter()
        with pytest.raises(UserError):
            read_motion(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * pickles.SMALL
        assert time.perf_counter() - start < 5
        tracemalloc.stop()


def test_a_file_larger_than_any_motion_is_refused_unread(save):
    path = save(b"\x80\x04")
    os.truncate(path, 2**30 + 1)
    with pytest.raises(UserError, match="more than 1024 MiB"):
        read_motion(path)
