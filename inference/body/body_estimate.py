"""`BodyEstimate`: the only thing that crosses from the engine to Blender, to disk and to tests."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from ..errors import UserError
from ..files.destination import replacing
from ..files.npz import BadArrays, open_npz
from ..geometry.joints import KEYPOINT_NAMES
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from .correction import Correction, corrections_from_json, corrections_to_json

CAMERA_FROM_SMPL = np.diag([1.0, -1.0, -1.0])
"""SMPL's upright frame (y up, camera looking along -z) to OpenCV's camera frame (y down, camera looking along +z)."""


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
    corrections          str           what a person put right, the JSON list of `correction.corrections_to_json`;
                                       `keypoints_2d` stay what the networks saw. Not in files of earlier versions
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
    corrections: tuple[Correction, ...] = ()
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
        arrays["corrections"] = np.array(corrections_to_json(self.corrections))
        # What numpy.savez_compressed does, which complains on stderr when it is interrupted: it leaves its zip open.
        with replacing(Path(path)) as unfinished, ZipFile(unfinished, "w", ZIP_DEFLATED) as archive:
            for name, value in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(value), allow_pickle=False)

    @classmethod
    def load(cls, path: Path | BinaryIO) -> "BodyEstimate":
        """Read what `save` wrote, from a file or its bytes. Raises UserError for anything that is not such a file."""
        try:
            with open_npz(path) as archive:
                _check_shapes({name: archive.shape(name) for name in cls.__dataclass_fields__ if name in archive.names})
                arrays = archive.read_some(cls.__dataclass_fields__, MAX_ARRAY_SIZE)
            _check_numbers(arrays)
        except BadArrays as error:
            raise UserError(f"{path} is not a body estimate that this program wrote: {error}.") from error
        arrays.update({name: arrays[name].item() for name in (*NUMBERS, *TEXTS, "camera_moves") if name in arrays})
        arrays["image_size"] = tuple(int(side) for side in arrays["image_size"])
        if "keypoint_names" in arrays:
            arrays["keypoint_names"] = tuple(str(name) for name in arrays["keypoint_names"])
        if "corrections" in arrays:
            arrays["corrections"] = corrections_from_json(arrays["corrections"], str(path))
        return cls(**arrays)


MAX_ARRAY_SIZE = 128 * 2**20
"""Bytes of one array: an hour and a half of keypoints at 60 frames a second."""
FRAMES = -1
SHAPES: dict[str, tuple[int | None, ...]] = {
    "poses": (FRAMES, 72), "betas": (10,), "trans": (FRAMES, 3), "keypoints_2d": (FRAMES, None, 3),
    "joints_3d": (FRAMES, 24, 3), "joints_2d": (FRAMES, 24, 2), "focal": (), "camera_center": (2,), "image_size": (2,),
    "bbox": (FRAMES, 4), "score": (FRAMES,), "body_model": (), "faces": (None, 3), "vertices": (FRAMES, None, 3),
    "silhouette": (None, None), "silhouette_window": (3,), "joint_uncertainty": (FRAMES, 24), "mocap_framerate": (),
    "gender": (), "source": (), "keypoint_names": (None,), "corrections": (),
    "floor": (4,), "camera_rotations": (FRAMES, 3, 3), "camera_places": (FRAMES, 3), "camera_moves": (),
}  # fmt: skip
"""Of each array; None is any number, FRAMES the same in all."""
NUMBERS, TEXTS = ("focal", "mocap_framerate"), ("body_model", "gender", "source", "corrections")
REQUIRED = (
    "poses", "betas", "trans", "keypoints_2d", "joints_3d", "joints_2d", "focal", "camera_center", "image_size", "bbox",
    "score", "body_model", "faces",
)  # fmt: skip


def _check_shapes(shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise BadArrays for arrays that are missing or that do not go together. They are not unpacked for that."""
    missing = [name for name in REQUIRED if name not in shapes]
    if missing:
        raise BadArrays(f"it lacks {', '.join(missing)}")
    if ("camera_rotations" in shapes) != ("camera_places" in shapes):
        raise BadArrays("it tells of cameras that turned only, or that moved only")
    frames = shapes["poses"][0] if shapes["poses"] else 0
    for name, shape in shapes.items():
        wanted = tuple(frames if side == FRAMES else side for side in SHAPES[name])
        fits = len(shape) == len(wanted) and all(want in (None, have) for want, have in zip(wanted, shape, strict=True))
        if not fits or 0 in shape:
            raise BadArrays(f"its '{name}' has the shape {shape}")


def _check_numbers(arrays: dict[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in ("U" if name in (*TEXTS, "keypoint_names") else "fiub"):
            raise BadArrays(f"its '{name}' is of the wrong kind")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BadArrays(f"its '{name}' has numbers that are not finite")
    if not arrays["focal"] > 0 or arrays["image_size"].min() < 1 or arrays.get("mocap_framerate", np.zeros(())) < 0:
        raise BadArrays("its camera cannot be one")


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
