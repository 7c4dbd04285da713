"""Who moves in a motion file, as AMASS's arrays, whichever program wrote it and whatever it calls them.

==========================  ==========================================  ========================  ======================
written by                  rotations                                   translation               up
==========================  ==========================================  ========================  ======================
AMASS, smplx, HuMoR         `poses`, or `root_orient` and `pose_body`   `trans`                   z, or not told
smplx, and what builds on   `global_orient` and `body_pose`             `transl`                  not told
it
WHAM (joblib): a dict of    `pose_world`                                `trans_world`             y
people
VIBE (joblib): the same     `pose`                                      none                      camera's: y is down
GVHMR                       `smpl_params_global`, which holds           `transl`                  y
                            `global_orient` and `body_pose` of SMPL-X
PHALP, 4D-Humans (joblib):  `smpl`: a dict a person in the frame,       `camera`                  camera's: y is down
a dict of frames            whom `tid` tells
==========================  ==========================================  ========================  ======================
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..geometry.resample import without_gaps
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from .npz import BadArrays
from .pickles import array_of

LAYOUTS = (
    (("pose_world",), ("trans_world",), "y"),
    (("poses_world",), ("trans_world",), ""),
    (("poses",), ("trans", "transl"), ""),
    (("root_orient", "pose_body"), ("trans", "transl"), ""),
    (("global_orient", "body_pose"), ("transl", "trans"), ""),
    (("pose",), ("trans", "transl"), ""),
)
"""What rotations, root first, and their translation are called, and which way is up where that is known; the first one
that a file has counts."""
OTHERS = ("betas", "mocap_framerate", "mocap_frame_rate", "fps", "surface_model_type", "body_model", "up_axis", "focal",
          "camera_center", "frame_ids")  # fmt: skip
MHR = {"mhr_model_params", "body_pose_params", "hand_pose_params", "shape_params", "scale_params"}
"""What SAM 3D Body's files have two of at least."""
GVHMR = "smpl_params_global"
SMPLX_BODY = 66
"""Columns of the root and SMPL-X's 21 joints of the body."""
GVHMR_RATE = 30.0
"""Frames a second; it converts every film to that first."""
ROTATION_TOLERANCE = 0.02
"""By which a rotation matrix times its transpose may differ from the identity."""
LONGEST_FILLING = 20
"""Frames with gaps over frames that are there; numbers that differ by more are not those of frames."""


@dataclass(frozen=True)
class Track:
    """One person's arrays by AMASS's names: `poses` (F, 3 J) axis-angle, perhaps `trans`, `betas` and more."""

    arrays: dict[str, np.ndarray]
    name: str = ""
    """What the file calls the person; empty when there is only one."""
    up: str = ""
    """Where the layout tells: y, z, or -y for a camera's frame."""
    remarks: tuple[str, ...] = ()
    smplx_betas: bool = False
    """Whether its shape coefficients are, or are likely to be, SMPL-X's."""
    trans_name: str = "trans"
    """What the file calls the translation."""

    @property
    def frame_count(self) -> int:
        return len(self.arrays["poses"])


def tracks_of(content: object) -> list[Track]:
    """The people in what a file holds: arrays, or nodes of a pickle, by name. Those who are there longest come first.

    Raises BadArrays for anything that is not somebody's motion.
    """
    if isinstance(content, list):
        content = {str(number): item for number, item in enumerate(content, 1)}
    if not isinstance(content, Mapping):
        raise BadArrays("it holds no dictionary of arrays")
    if len(MHR & content.keys()) > 1:
        raise BadArrays(
            "it is of SAM 3D Body, whose body (MHR) has other joints than SMPL's. Fit SMPL to it first, with the tool "
            "mhr_smpl_conversion in Meta's repository MHR, and choose what that writes"
        )
    if GVHMR in content:
        return [_of_gvhmr(content[GVHMR])]
    if _layout(content):
        return [_track(content)]
    inner = {_label(name): value for name, value in content.items() if isinstance(value, Mapping)}
    people = [_track(value, name) for name, value in inner.items() if _layout(value)]
    frames = [value for value in inner.values() if {"tid", "smpl"} <= value.keys()]
    found = people or _of_phalp(frames)
    if not found:
        raise BadArrays(
            "it is not a motion: it has no 'poses', no 'global_orient' with 'body_pose' and no 'root_orient' with "
            "'pose_body'. Choose a file of AMASS, SMPL, WHAM, GVHMR or 4D-Humans, or our own"
        )
    return sorted(found, key=lambda track: -track.frame_count)


def names_to_read(names: Collection[str]) -> tuple[str, ...]:
    """Those names of one person's arrays that are of use."""
    layout = _layout(names)
    return (*layout[0], *layout[1], *OTHERS) if layout else (GVHMR,)


def finite(array: np.ndarray, name: str) -> np.ndarray:
    """The array as float32. Raises BadArrays when it has anything but finite numbers."""
    if array.dtype.kind not in "fiu":
        raise BadArrays(f"its '{name}' are not numbers")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise BadArrays(f"its '{name}' have numbers that are not finite")
    return array


def _layout(names: Collection[str]) -> tuple | None:
    """The first of `LAYOUTS` all of whose rotations are there."""
    return next((layout for layout in LAYOUTS if all(name in names for name in layout[0])), None)


def _track(content: Mapping, name: str = "") -> Track:
    rotations, translations, up = _layout(content)
    arrays = {other: _array(content[other], other) for other in OTHERS if other in content}
    arrays["poses"] = _joined([_axis_angles(content, part) for part in rotations])
    trans = next((other for other in translations if other in content), None)
    if trans is not None:
        arrays["trans"] = _array(content[trans], trans)
        if arrays["trans"].ndim == len(arrays["poses"]) == 1:
            arrays["trans"] = arrays["trans"][None]
    smplx = "body_pose" in rotations and arrays["poses"].shape[1] == SMPLX_BODY
    return _filled(Track(arrays, name, up, smplx_betas=smplx, trans_name=trans or "trans"))


def _of_gvhmr(content: object) -> Track:
    if not isinstance(content, Mapping) or not _layout(content):
        raise BadArrays(f"its '{GVHMR}' have no 'global_orient' and 'body_pose'")
    track = _track(content)
    return replace(track, arrays=track.arrays | {"fps": np.array(GVHMR_RATE)}, up="y", smplx_betas=True)


def _of_phalp(frames: list[Mapping]) -> list[Track]:
    """People whom PHALP followed, without the frames in which it only guessed where they were."""
    seen = defaultdict(lambda: defaultdict(list))
    for number, frame in enumerate(frames):
        lists = [frame.get(name) for name in ("tid", "smpl", "camera", "tracked_time")]
        if not all(isinstance(entry, list) and len(entry) == len(lists[0]) for entry in lists):
            raise BadArrays("its lists of people have different lengths")
        for person, body, camera, age in zip(*lists, strict=True):
            if not isinstance(body, Mapping) or not {"global_orient", "body_pose"} <= body.keys():
                raise BadArrays("its 'smpl' have no 'global_orient' and 'body_pose'")
            if finite(_array(age, "tracked_time"), "tracked_time").max(initial=0) > 0:
                continue
            entries = seen[_label(person)]
            entries["frame_ids"].append(np.array(number))
            entries["trans"].append(_array(camera, "camera").ravel())
            for part in {"global_orient", "body_pose", "betas"} & body.keys():
                entries[part].append(_array(body[part], part))
    return [_of_phalps_person(name, entries) for name, entries in seen.items()]


def _of_phalps_person(name: str, entries: dict[str, list[np.ndarray]]) -> Track:
    try:
        arrays = {part: np.stack(entry) for part, entry in entries.items()}
    except ValueError as error:
        raise BadArrays("its frames hold arrays of different shapes") from error
    poses = _joined([_axis_angles(arrays, part) for part in ("global_orient", "body_pose")])
    others = {part: arrays[part] for part in ("frame_ids", "trans", "betas") if part in arrays}
    remark = "How far the person is from the camera follows from a focal length that 4D-Humans made up."
    return _filled(Track(others | {"poses": poses}, name, "-y", (remark,)))


def _axis_angles(content: Mapping, name: str) -> np.ndarray:
    """Axis-angles (F, 3 J) of one joint (names with `orient`) or of several, whether they are that, flat where there is
    one frame, or matrices."""
    array = finite(_array(content[name], name), name)
    array = array[None] if array.ndim == 1 else array
    of_one = "orient" in name
    if array.ndim >= 3 and array.shape[-2:] == (3, 3) and (array.ndim == 4 or of_one):
        array = array.astype(np.float64)
        off = np.abs(array @ array.swapaxes(-1, -2) - np.eye(3)).max(initial=0)
        if off > ROTATION_TOLERANCE or (np.linalg.det(array) < 0).any():
            raise BadArrays(f"its '{name}' are no rotations")
        array = matrix_to_axis_angle(array)
    elif array.ndim != 2 and (array.ndim != 3 or array.shape[2] != 3):
        raise BadArrays(f"its '{name}' have the shape {array.shape}, not frames × joints × 3")
    columns = int(np.prod(array.shape[1:]))
    if len(array) == 0 or (of_one and columns != 3):
        raise BadArrays(f"its '{name}' have the shape {array.shape}")
    return array.reshape(len(array), columns).astype(np.float32)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    if len({len(part) for part in parts}) > 1:
        raise BadArrays("its root and its body have different numbers of frames")
    return np.concatenate(parts, 1)


def _filled(track: Track) -> Track:
    """The track with the frames that are missing in its numbers of frames."""
    poses, frames = track.arrays["poses"], track.arrays.get("frame_ids")
    trans = finite(track.arrays.get("trans", np.zeros((len(poses), 3))), track.trans_name)
    if frames is None or len(poses) < 2 or trans.shape != (len(poses), 3):
        return track
    if frames.dtype.kind not in "iu" or frames.shape != (len(poses),) or (np.diff(frames.astype(object)) < 1).any():
        raise BadArrays("its 'frame_ids' are no numbers of frames")
    missing = int(frames[-1]) - int(frames[0]) + 1 - len(frames)
    if missing > LONGEST_FILLING * len(frames):
        raise BadArrays("its 'frame_ids' are too far apart")
    if missing == 0:
        return track
    turns = axis_angle_to_matrix(poses.astype(np.float64).reshape(len(poses), -1, 3))
    turns, trans = without_gaps(turns, trans, frames.astype(np.int64))
    arrays = track.arrays | {"poses": matrix_to_axis_angle(turns).reshape(len(turns), -1).astype(np.float32)}
    if "trans" in arrays:
        arrays["trans"] = trans
    remark = f"Frames in which the person was not seen: {missing}; they are filled in."
    return replace(track, arrays=arrays, remarks=(*track.remarks, remark))


def _label(node: object) -> str:
    """What a person is called: a text, or a number, which may be one of numpy's."""
    return ", ".join(str(part) for part in _array(node, "tid").ravel())


def _array(node: object, name: str) -> np.ndarray:
    if isinstance(node, np.ndarray | int | float | str):
        return np.asarray(node)
    return array_of(node, name)
