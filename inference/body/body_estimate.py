"""`BodyEstimate`: the only thing that crosses from the engine to Blender, to disk and to tests."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np

from ..errors import UserError
from ..files.destination import replacing
from ..geometry.joints import KEYPOINT_NAMES
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

CAMERA_FROM_SMPL = np.diag([1.0, -1.0, -1.0])
"""SMPL's upright frame (y up, camera looking along -z) to OpenCV's camera frame (y down, camera looking along +z)."""

SCALARS = ("focal", "mocap_framerate", "gender", "source", "body_model", "camera_moves")
"""Fields of an estimate that are no arrays."""


@dataclass(frozen=True)
class BodyEstimate:
    """One person in F frames (F = 1 for a single picture). Arrays are float32 unless said; metres, radians, pixels.

    Written as npz with AMASS's keys, so that other tools read it:

    ===================  ============  ======================================================================
    poses                (F, 72)       axis-angle of SMPL's 24 joints; root first; SMPL's y-up frame with the camera at
                                       the origin, looking along -z
    betas                (10,)         shape coefficients of the model that `body_model` names
    trans                (F, 3)        translation added after posing, same frame as `poses`
    gender               str           always "neutral"
    mocap_framerate      float         frames a second; 0 for pictures that are not a motion
    keypoints_2d         (F, K, 3)     x, y in pixels of the upright image ((0, 0) the centre of the first pixel),
                                       confidence 0–1
    keypoint_names       (K,) str
    joints_3d            (F, 24, 3)    SMPL's joints in the camera's OpenCV frame (x right, y down, z forward), so that
                                       xy/z · focal + camera_center is the pixel
    joints_2d            (F, 24, 2)    that pixel
    vertices             (F, V, 3)     the mesh in the same camera frame; only for single pictures
    faces                (T, 3) int32
    focal                float         pixels
    camera_center        (2,)          pixels
    image_size           (2,) int      width, height of the upright image
    bbox                 (F, 4)        x, y, width, height of the person, pixels
    silhouette           (H, W) uint8  255 times the probability that a cell shows the person; only for single pictures
                                       that our own network saw
    silhouette_window    (3,)          x, y of the centre of cell (0, 0) and the cells' width, pixels
    joint_uncertainty    (F, 24)       degrees by which each joint's rotation is likely to be off: the mean over people
                                       who look like this. The root's is about the camera's frame, others' about their
                                       parents'; not in files of earlier versions
    floor                (4,)          of motions on the ground: the floor's upward unit normal n and distance d, with
                                       n · x = d on it, in the frame of `poses` and `trans`
    camera_rotations     (F, 3, 3)     of a film whose camera turned or moved: from the first frame's camera to each
                                       frame's, both OpenCV's. `poses` and `trans` are then in the first camera's frame
    camera_places        (F, 3)        where those cameras are, in the frame of `trans`
    camera_moves         bool          whether they are in different places
    score                (F,)          0–1: how sure the engine is that this is a whole person
    body_model           str           hash of the body model's faces and shape space
    source               str           file name the estimate came from
    ===================  ============  ======================================================================
    """

    poses: np.ndarray
    betas: np.ndarray
    trans: np.ndarray
    keypoints_2d: np.ndarray
    joints_3d: np.ndarray
    joints_2d: np.ndarray
    focal: float
    camera_center: np.ndarray
    image_size: tuple[int, int]
    bbox: np.ndarray
    score: np.ndarray
    body_model: str
    faces: np.ndarray
    vertices: np.ndarray | None = None
    silhouette: np.ndarray | None = None
    silhouette_window: np.ndarray | None = None
    joint_uncertainty: np.ndarray | None = None
    floor: np.ndarray | None = None
    camera_rotations: np.ndarray | None = None
    camera_places: np.ndarray | None = None
    camera_moves: bool = False
    mocap_framerate: float = 0.0
    gender: str = "neutral"
    source: str = ""
    keypoint_names: tuple[str, ...] = field(default=KEYPOINT_NAMES)

    @property
    def frame_count(self) -> int:
        return len(self.poses)

    def seen_by_camera(self, points: np.ndarray, frames: slice = slice(None)) -> np.ndarray:
        """Points (F, N, 3) of the frame of `poses` and `trans` in each frame's camera's, OpenCV's. `frames` are those
        that the points are of."""
        if self.camera_rotations is None:
            return camera_from_upright(points)
        turns = self.camera_rotations[frames] @ CAMERA_FROM_SMPL
        return np.einsum("fij,fnj->fni", turns, points - self.camera_places[frames, None]).astype(points.dtype)

    def save(self, path: Path) -> None:
        """Write the npz described above. Raises UserError when the file cannot be written."""
        arrays = {name: getattr(self, name) for name in self.__dataclass_fields__ if getattr(self, name) is not None}
        arrays["keypoint_names"] = np.array(self.keypoint_names)
        with replacing(Path(path)) as unfinished, open(unfinished, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path | BinaryIO) -> "BodyEstimate":
        """Read what `save` wrote, from a file or its bytes. Raises UserError for anything that is not such a file."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files if name in cls.__dataclass_fields__}
        except (OSError, ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
            raise UserError(f"{path} is not a body estimate that this program wrote.") from error
        scalars = {name: arrays[name].item() for name in SCALARS if name in arrays}
        arrays.update(scalars)
        try:
            arrays["image_size"] = tuple(int(side) for side in arrays["image_size"])
            arrays["keypoint_names"] = tuple(str(name) for name in arrays["keypoint_names"])
            return cls(**arrays)
        except (KeyError, TypeError) as error:
            raise UserError(f"{path} lacks parts of a body estimate: {error}.") from error


def upright_from_camera(
    global_orient: np.ndarray, pelvis_camera: np.ndarray, pelvis_rest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turn a pose seen in OpenCV's camera frame into AMASS's convention.

    `global_orient` (..., 3, 3) is the root's rotation in the camera frame, `pelvis_camera` (..., 3) where the pelvis is
    in it, `pelvis_rest` (..., 3) the rest pelvis. Returns the axis-angle (..., 3) and `trans` (..., 3) in SMPL's
    upright frame: SMPL rotates about the rest pelvis, then adds `trans`.
    """
    smpl_from_camera = CAMERA_FROM_SMPL.T
    orient = matrix_to_axis_angle(smpl_from_camera @ global_orient)
    return orient, pelvis_camera @ smpl_from_camera.T - pelvis_rest


def camera_from_upright(points: np.ndarray) -> np.ndarray:
    """Points (..., 3) of SMPL's upright frame in the camera's OpenCV frame."""
    return points @ CAMERA_FROM_SMPL.astype(points.dtype).T


def rotations_of(poses: np.ndarray) -> np.ndarray:
    """Axis-angle poses (F, 72) as rotation matrices (F, 24, 3, 3)."""
    return axis_angle_to_matrix(poses.reshape(len(poses), -1, 3))
