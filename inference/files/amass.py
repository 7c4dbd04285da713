"""Motions in AMASS's npz convention, as SMPL's tools write and read them: `poses`, `betas`, `trans`, a frame rate; and
those of other programs, which `motion_layouts` brings to it.

AMASS's world is z up; our own estimates, and some other tools, are y up. No key tells which. See `_up_axis`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..geometry.joints import JOINT_NAMES
from ..geometry.rotations import axis_angle_to_matrix
from .motion_layouts import MHR, Track, finite, names_to_read, tracks_of
from .npz import BadArrays, open_npz
from .pickles import read_pickle

SMPL_FROM = {
    "y": np.eye(3),
    "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    "-y": np.diag([1.0, -1.0, -1.0]),
}
"""To SMPL's y-up frame: from worlds of which y is up; AMASS's, z up, -90° about x; and OpenCV's camera, half a turn."""
UP_AXES = ("auto", *SMPL_FROM)
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
MAX_PICKLE_SIZE = 1024 * 2**20
"""Bytes; WHAM's files hold all vertices, too: three minutes of one person."""
TORCH_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files of old versions of PyTorch begin; those of new ones are zips."""
OF_TORCH = (
    "it is of PyTorch, which is not needed here. Where GVHMR runs, turn it into an npz, and choose that: python -c "
    "\"import numpy, torch; numpy.savez('motion.npz', **torch.load('hmr4d_results.pt', 'cpu')['smpl_params_global'])\""
)
MAX_ARRAY_SIZE = 1024 * 2**20
"""Bytes of one unpacked array; an hour at 120 frames a second of SMPL-X takes 570 million in float64."""
MOST_LISTED = 12
"""People whom a remark lists; trackers that lose people often make dozens."""
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
    up: str
    """Which way is up in the file: one of `UP_AXES` but "auto"."""
    body_model: str
    """Hash of the body model that the betas belong to; empty for SMPL's own."""
    remarks: tuple[str, ...]
    """Sentences for the user about what was left out or guessed."""
    name: str = ""
    """What the file calls this person, where it holds several."""

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
        turn = SMPL_FROM[self.up]
        rotations[:, 0] = turn @ rotations[:, 0]
        return rotations, (transl + pelvis_rest) @ turn.T - pelvis_rest


def read_motions(path: Path, up: str = "auto") -> list[Motion]:
    """Everybody in a motion file of AMASS, SMPL, SMPL-H, SMPL-X, ours, or a program that `motion_layouts` lists; those
    who are there longest first. `up` is one of `UP_AXES`. Raises UserError."""
    path = Path(path)
    try:
        return [_motion(track, up) for track in tracks_of(_content(path))]
    except BadArrays as error:
        raise UserError(f"{path} cannot be read: {error}.") from error


def read_motion(path: Path, up: str = "auto", person: int = 1) -> Motion:
    """One person of `read_motions`, 1 the first; who else is there is told among the remarks. Raises UserError."""
    motions = read_motions(path, up)
    if not 1 <= person <= len(motions):
        raise UserError(f"{path} holds the motions of {len(motions)} people, so there is no person {person}.")
    motion = motions[person - 1]
    if len(motions) == 1:
        return motion
    listed = [f"{number}: '{one.name}', {one.frame_count} frames" for number, one in enumerate(motions, 1)]
    listed = ", ".join([*listed[:MOST_LISTED], *(["…"] if len(listed) > MOST_LISTED else [])])
    told = f"The file holds {len(motions)} people ({listed}); this is number {person}. Choose others under Person."
    return replace(motion, remarks=(told, *motion.remarks))


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
    if not _start(Path(path)).startswith(b"PK"):
        return False
    try:
        with open_npz(Path(path)) as archive:
            return archive.names >= {"focal", "camera_center", "keypoints_2d"}
    except BadArrays as error:
        raise UserError(f"{path} cannot be read: {error}.") from error


def _content(path: Path) -> object:
    """What is in the file, by name; what is of no use here stays packed. Raises BadArrays."""
    start = _start(path)
    if not start.startswith(b"PK") and path.suffix.lower() != ".npz":
        if start.startswith(TORCH_MAGIC):
            raise BadArrays(OF_TORCH)
        if path.stat().st_size > MAX_PICKLE_SIZE:
            raise BadArrays(f"it has more than {MAX_PICKLE_SIZE / 2**20:.0f} MiB. Save only the rotations and places")
        return read_pickle(path.read_bytes())
    with open_npz(path) as archive:
        if any(name.endswith("/data.pkl") for name in archive.names):
            raise BadArrays(OF_TORCH)
        return dict.fromkeys(archive.names & MHR) | archive.read_some(names_to_read(archive.names), MAX_ARRAY_SIZE)


def _start(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    try:
        with open(path, "rb") as file:
            return file.read(len(TORCH_MAGIC))
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}.") from error


def _motion(track: Track, up: str) -> Motion:
    arrays = track.arrays
    poses, remarks = _body_poses(arrays["poses"])
    count = len(poses)
    trans = finite(arrays["trans"], track.trans_name) if "trans" in arrays else None
    if trans is None:
        remarks.append("The file has no 'trans': the body stays in place.")
        trans = np.zeros((count, 3), np.float32)
    if trans.shape != (count, 3):
        raise BadArrays(f"its '{track.trans_name}' has the shape {trans.shape}, not {(count, 3)}")
    found, doubt = _up_axis(track, poses) if up == "auto" else (up, "")
    return Motion(
        poses=poses,
        trans=trans,
        betas=_betas(track, remarks),
        frame_rate=_frame_rate(arrays),
        up=found,
        body_model=_text(arrays, "body_model"),
        remarks=(*track.remarks, *remarks, *([doubt] if doubt else [])),
        name=track.name,
    )


def _body_poses(poses: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Poses (F, 72) float32 out of what the file has, and what to tell about it."""
    columns = poses.shape[1]
    if columns < 3 * BODY_JOINTS or columns % 3:
        raise BadArrays(f"its 'poses' have the shape {poses.shape}, not frames × {3 * BODY_JOINTS} or more")
    whose, missing = LAYOUTS.get(columns, (f"{columns // 3} joints", "only SMPL's first 22 are read"))
    body = np.zeros((len(poses), 3 * len(JOINT_NAMES)), np.float32)
    kept = columns if columns == 72 else 3 * BODY_JOINTS
    body[:, :kept] = poses[:, :kept]
    return body, [f"The motion is of {whose}: {missing}."] if missing else []


def _betas(track: Track, remarks: list[str]) -> np.ndarray | None:
    arrays = track.arrays
    if "betas" not in arrays:
        remarks.append("The file says nothing of the body's shape.")
        return None
    of_smplx = _text(arrays, "surface_model_type").startswith("smplx") or arrays["poses"].shape[1] == 165
    if of_smplx or track.smplx_betas:
        remarks.append("SMPL-X's shape coefficients are left out: SMPL has others.")
        return None
    betas = finite(arrays["betas"], "betas")
    if betas.ndim == 2 and len(betas):  # one row a frame, in some tools' files
        betas = betas.mean(0)
    if betas.ndim != 1:
        raise BadArrays(f"its 'betas' have the shape {betas.shape}, not ({BETA_COUNT},)")
    return np.pad(betas[:BETA_COUNT], (0, max(BETA_COUNT - len(betas), 0))).astype(np.float32)


def _frame_rate(arrays: dict[str, np.ndarray]) -> float:
    for name in ("mocap_framerate", "mocap_frame_rate", "fps"):
        if name in arrays:
            rate = finite(arrays[name], name)
            if rate.size != 1 or not 0 <= float(rate.ravel()[0]) <= 10_000:
                raise BadArrays(f"its '{name}' is not a number of frames a second")
            return float(rate.ravel()[0])
    return 0.0


def _up_axis(track: Track, poses: np.ndarray) -> tuple[str, str]:
    """Which way is up in the file's world, and a sentence when that is in doubt.

    Some layouts define it, files of ours say it or have a camera, which only y-up ones have. Else the body decides:
    people are upright most of the time, so the axis that the pelvis' own up lies along, either way, over all frames, is
    the world's. But somebody who is on their head in a y-up world throughout is in a camera's frame, whose y points
    down.
    """
    if track.up:
        return track.up, ""
    if "up_axis" in track.arrays:
        return ("z" if _text(track.arrays, "up_axis") == "z" else "y"), ""
    if "focal" in track.arrays and "camera_center" in track.arrays:
        return "y", ""
    upward = axis_angle_to_matrix(poses[:, :3].astype(np.float64))[:, :, 1]
    along_y, along_z = (upward[:, 1:] ** 2).mean(0)
    up = "z" if along_z > along_y else "y"
    if up == "y" and upward[:, 1].mean() < -CLEARLY:
        return "-y", "The motion seems to be in a camera's frame, whose y points down; choose Y if it is a handstand."
    if max(along_y, along_z) > CLEARLY:
        return up, ""
    other = "Y" if up == "z" else "Z"
    guess = f"{up.upper()} is only guessed to be up; choose {other} if the body lies."
    return up, f"The person is seldom upright, so {guess}"


def _text(arrays: dict[str, np.ndarray], name: str) -> str:
    value = arrays[name].item() if name in arrays and arrays[name].size == 1 else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
