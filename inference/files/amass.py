"""Motions in AMASS's npz convention, as SMPL's tools write and read them: `poses`, `betas`, `trans`, a frame rate.

AMASS's world is z up; our own estimates, and some other tools, are y up. No key tells which. See `_is_z_up`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..geometry.joints import JOINT_NAMES
from ..geometry.rotations import axis_angle_to_matrix
from .npz import BadArrays, Npz, open_npz

SMPL_FROM_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""AMASS's z-up world to SMPL's y-up frame: -90° about x."""
UP_AXES = ("auto", "y", "z")
BODY_JOINTS = 22
"""SMPL, SMPL-H and SMPL-X agree on the first 22 joints, and on no other."""
BETA_COUNT = 10
LAYOUTS = {
    66: ("the body's 22 joints", ""),
    72: ("SMPL", ""),
    156: ("SMPL-H", "its fingers are left out"),
    165: ("SMPL-X", "its fingers, jaw and eyes are left out"),
}
"""Columns of `poses`: whose they are, and what SMPL's 24 joints cannot show."""
MAX_ARRAY_SIZE = 1024 * 2**20
"""Bytes of one unpacked array; an hour at 120 frames a second of SMPL-X takes 570 million in float64."""
CLEARLY = 0.8
"""How upright the body must be, on the average of squares, for its up axis to be beyond doubt."""


@dataclass(frozen=True)
class Motion:
    """F frames of one person, in the axes of the file that they came from; metres, radians."""

    poses: np.ndarray
    """(F, 72) axis-angle of SMPL's 24 joints, root first. Hands that the file lacks are straight."""
    trans: np.ndarray
    """(F, 3) added after posing."""
    betas: np.ndarray | None
    """(10,) of SMPL's shape space or of the model that `body_model` names; None when they are of neither."""
    frame_rate: float
    """Frames a second; 0 for pictures that are not a motion."""
    z_up: bool
    body_model: str
    """Hash of the body model that the betas belong to; empty for SMPL's own."""
    remarks: tuple[str, ...]
    """Sentences for the user about what was left out or guessed."""

    @property
    def frame_count(self) -> int:
        return len(self.poses)

    def upright(self, pelvis_rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (F, 24, 3, 3) and translations (F, 3) in SMPL's y-up frame.

        SMPL turns the root about the rest pelvis `pelvis_rest` (3,), which the turn of the world has to heed: it moves
        pelvis_rest + trans, not trans.
        """
        rotations = axis_angle_to_matrix(self.poses.astype(np.float64).reshape(self.frame_count, -1, 3))
        transl = self.trans.astype(np.float64)
        if self.z_up:
            rotations[:, 0] = SMPL_FROM_Z_UP @ rotations[:, 0]
            transl = (transl + pelvis_rest) @ SMPL_FROM_Z_UP.T - pelvis_rest
        return rotations, transl


def read_motion(path: Path, up: str = "auto") -> Motion:
    """Read an npz of AMASS, SMPL, SMPL-H or SMPL-X, or our own. `up` is one of `UP_AXES`. Raises UserError."""
    arrays = _read_arrays(Path(path))
    poses, remarks = _body_poses(arrays["poses"], path)
    count = len(poses)
    trans = _numbers(arrays, "trans", path) if "trans" in arrays else None
    if trans is None:
        remarks.append("The file has no 'trans': the body stays in place.")
        trans = np.zeros((count, 3), np.float32)
    if trans.shape != (count, 3):
        raise UserError(f"{path} cannot be read: its 'trans' has the shape {trans.shape}, not {(count, 3)}.")
    z_up, doubt = (up == "z", "") if up != "auto" else _is_z_up(arrays, poses)
    return Motion(
        poses=poses,
        trans=trans,
        betas=_betas(arrays, path, remarks),
        frame_rate=_frame_rate(arrays, path),
        z_up=z_up,
        body_model=_text(arrays, "body_model"),
        remarks=(*remarks, *([doubt] if doubt else [])),
    )


def write_motion(path: Path, poses: np.ndarray, trans: np.ndarray, betas: np.ndarray, rate: float, model: str) -> None:
    """Write `poses` (F, 72), `trans` (F, 3), both z up, and `betas` (10,) of the body model with the hash `model`.

    Beside AMASS's keys there is `up_axis`, so that reading it here needs no guess.
    """
    with open(path, "wb") as file:  # np.savez would append .npz to a path
        np.savez_compressed(
            file,
            poses=np.asarray(poses, np.float32),
            trans=np.asarray(trans, np.float32),
            betas=np.asarray(betas, np.float32),
            gender=np.array("neutral"),
            mocap_framerate=np.array(float(rate)),
            body_model=np.array(model),
            up_axis=np.array("z"),
        )


def is_estimate(path: Path) -> bool:
    """Whether `path` is a `BodyEstimate` of ours, with a camera, and not only a motion. Raises UserError."""
    return {"focal", "camera_center", "keypoints_2d"} <= set(_names(Path(path)))


KEYS = ("poses", "trans", "betas", "mocap_framerate", "mocap_frame_rate", "surface_model_type", "body_model", "up_axis",
        "focal", "camera_center")  # fmt: skip


def _names(path: Path) -> frozenset[str]:
    with _opened(path) as archive:
        return archive.names


@contextmanager
def _opened(path: Path) -> Iterator[Npz]:
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    try:
        with open_npz(path) as archive:
            yield archive
    except BadArrays as error:
        raise UserError(f"{path} cannot be read: {error}.") from error


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Those arrays of the file that are known; the others, whatever they are, stay packed."""
    with _opened(path) as archive:
        if "poses" not in archive.names:
            raise UserError(f"{path} is not a motion: it has no 'poses'. Choose an npz of AMASS, SMPL, or our own.")
        return archive.read_some(KEYS, MAX_ARRAY_SIZE)


def _body_poses(poses: np.ndarray, path: Path) -> tuple[np.ndarray, list[str]]:
    """Poses (F, 72) float32 out of what the file has, and what to tell about it."""
    if poses.ndim == 3 and poses.shape[2] == 3:
        poses = poses.reshape(len(poses), -1)
    if poses.ndim != 2 or len(poses) == 0 or poses.shape[1] < 3 * BODY_JOINTS or poses.shape[1] % 3:
        raise UserError(
            f"{path} cannot be read: its 'poses' have the shape {poses.shape}, not frames × {3 * BODY_JOINTS} or more."
        )
    columns = poses.shape[1]
    poses = _finite(poses, "poses", path)
    whose, missing = LAYOUTS.get(columns, (f"{columns // 3} joints", "only SMPL's first 22 are read"))
    body = np.zeros((len(poses), 3 * len(JOINT_NAMES)), np.float32)
    kept = columns if columns == 72 else 3 * BODY_JOINTS
    body[:, :kept] = poses[:, :kept]
    return body, [f"The motion is of {whose}: {missing}."] if missing else []


def _betas(arrays: dict[str, np.ndarray], path: Path, remarks: list[str]) -> np.ndarray | None:
    if "betas" not in arrays:
        remarks.append("The file says nothing of the body's shape.")
        return None
    is_smplx = _text(arrays, "surface_model_type").startswith("smplx") or _columns(arrays) == 165
    if is_smplx:
        remarks.append("SMPL-X's shape coefficients are left out: SMPL has others.")
        return None
    betas = _numbers(arrays, "betas", path)
    if betas.ndim == 2 and len(betas):  # one row a frame, in some tools' files
        betas = betas.mean(0)
    if betas.ndim != 1:
        raise UserError(f"{path} cannot be read: its 'betas' have the shape {betas.shape}, not ({BETA_COUNT},).")
    return np.pad(betas[:BETA_COUNT], (0, max(BETA_COUNT - len(betas), 0))).astype(np.float32)


def _columns(arrays: dict[str, np.ndarray]) -> int:
    return int(np.prod(arrays["poses"].shape[1:]))


def _frame_rate(arrays: dict[str, np.ndarray], path: Path) -> float:
    for name in ("mocap_framerate", "mocap_frame_rate"):
        if name in arrays:
            rate = _numbers(arrays, name, path)
            if rate.size != 1 or not 0 <= float(rate.ravel()[0]) <= 10_000:
                raise UserError(f"{path} cannot be read: its '{name}' is not a number of frames a second.")
            return float(rate.ravel()[0])
    return 0.0


def _is_z_up(arrays: dict[str, np.ndarray], poses: np.ndarray) -> tuple[bool, str]:
    """Whether the file's world is z up, and a sentence when that is in doubt.

    Files of ours say so, or have a camera, which only y-up ones have. Else the body decides: people are upright most of
    the time, so the axis that the pelvis' own up lies along, either way, over all frames, is the world's.
    """
    if "up_axis" in arrays:
        return _text(arrays, "up_axis") == "z", ""
    if "focal" in arrays and "camera_center" in arrays:
        return False, ""
    upward = axis_angle_to_matrix(poses[:, :3].astype(np.float64))[:, :, 1]
    along_y, along_z = (upward[:, 1:] ** 2).mean(0)
    z_up = bool(along_z > along_y)
    if max(along_y, along_z) > CLEARLY:
        return z_up, ""
    axis, other = ("Z", "Y") if z_up else ("Y", "Z")
    return z_up, f"The person is seldom upright, so {axis} is only guessed to be up; choose {other} if the body lies."


def _text(arrays: dict[str, np.ndarray], name: str) -> str:
    value = arrays[name].item() if name in arrays and arrays[name].size == 1 else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _numbers(arrays: dict[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    return _finite(arrays[name], name, path)


def _finite(array: np.ndarray, name: str, path: Path) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise UserError(f"{path} cannot be read: its '{name}' are not numbers.")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise UserError(f"{path} cannot be read: its '{name}' have numbers that are not finite.")
    return array
