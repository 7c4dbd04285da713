"""Keypoints found by another program, read from JSON: ours, OpenPose's BODY_25 and COCO's 17.

All become the 25 of `joints.KEYPOINT_NAMES`. What the other lists lack of MPII's 16 is derived: pelvis and thorax
are the middles of hips and shoulders, as everywhere in this project (OpenPose's Neck and MidHip are the same middles
and step in when a side is missing); upper_neck and head_top are estimated from shoulders, ears, eyes and nose. What a
list lacks of the other nine is missing.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import NoPersonError, UserError
from ..geometry.joints import COCO_NAMES, KEYPOINT_NAMES
from .natural_order import natural_order

BODY_25_NAMES = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe",
    "right_heel",
)  # fmt: skip
COCO_18_NAMES = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip
"""OpenPose's older list."""
WHOLE_BODY_NAMES = (
    *COCO_NAMES, "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
"""The first 23 of COCO-WholeBody's 133; face and hands follow, which no body is posed by."""
WHOLE_BODY_COUNT = 133
MAX_FILES = 200_000
MAX_BYTES = 100_000_000
MAX_COORDINATE = 1e6
ESTIMATED = 0.5
"""Upper neck and head top have the least confidence of what they are estimated from, times this."""

_HINT = "docs/shell.md tells the three forms that can be read."


@dataclass(frozen=True)
class Keypoints:
    """One person in one frame.

    `points` (25, 3) float32: x, y in pixels of the upright image, confidence 0–1; missing ones are all zero.
    `image_size` is width, height, None when the file does not tell (OpenPose never does). `bbox` is x, y, width,
    height, None likewise. `people` says how many the frame held: of several, the one with the largest product of mean
    confidence and extent was taken; with none, every confidence is 0.
    """

    points: np.ndarray
    image_size: tuple[int, int] | None = None
    bbox: tuple[float, float, float, float] | None = None
    people: int = 1


def read_keypoints(path: Path | str) -> list[Keypoints]:
    """Read one person per frame from a JSON file, which may be one frame or a list of frames in these forms; or from a
    folder of such files, one after the other as their numbers count, as OpenPose's `--write_json` fills it.

    * Ours: `{"image_size": [W, H], "keypoints": [[x, y, confidence] × 16 or 25]}`, MPII's or all of ours.
    * OpenPose: `{"people": [{"pose_keypoints_2d": [75 numbers]}]}`; 54 are its older COCO list.
    * COCO, and AlphaPose: dicts with 51 numbers (COCO-WholeBody: 399) as `keypoints`, in a list or under `annotations`,
      those of one `image_id` being one frame (without it, each is a frame). The third number is COCO's visibility (1
      hidden becomes .5, 2 visible 1) unless values other than 0, 1, 2 or a `score` without a 2 show that it is a
      detector's confidence.

    Raises UserError naming the file, and the frame where there are several; NoPersonError when no frame has a person.
    """
    path = Path(path)
    keypoints = [frame for file in _files_of(path) for frame in _read_file(file)]
    if not any(frame.points[:, 2].any() for frame in keypoints):
        raise NoPersonError(f"{path} holds no person: every confidence in it is zero.")
    return keypoints


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        files = sorted((file for file in path.iterdir() if file.suffix.lower() == ".json"), key=natural_order)
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}.") from error
    if not 0 < len(files) <= MAX_FILES:
        raise UserError(f"The folder {path} holds {len(files)} JSON files; it needs one a frame. {_HINT}")
    return files


def _read_file(path: Path) -> list[Keypoints]:
    frames, keypoints = _frames_of(path, _load(path)), []
    for number, (people, size) in enumerate(frames, start=1):
        where = f"{path}, frame {number}" if len(frames) > 1 else str(path)
        keypoints.append(_read_frame(where, people, size))
    return keypoints


def _load(path: Path) -> object:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB. Split it into shorter pieces.")
        text = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}.") from error
    if not text.strip():
        raise UserError(f"{path} is empty. {_HINT}")
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a JSON file ({error}). {_HINT}") from error


def _frames_of(path: Path, document: object) -> list[tuple[list, object]]:
    """The document as frames: the people in each, still as dicts, and its image size as written."""
    if isinstance(document, dict) and "annotations" in document:
        frames = _coco_frames(document["annotations"], document.get("images"))
    elif isinstance(document, dict):
        frames = [_single_frame(document)]
    elif isinstance(document, list) and any(isinstance(entry, dict) and "image_id" in entry for entry in document):
        frames = _coco_frames(document, None)
    elif isinstance(document, list):
        frames = [_single_frame(entry) for entry in document]
    else:
        frames = None
    if not frames or None in frames:
        raise UserError(f"{path} holds no keypoints in a form that can be read here. {_HINT}")
    return frames


def _single_frame(entry: object) -> tuple[list, object] | None:
    if not isinstance(entry, dict):
        return None
    if isinstance(entry.get("people"), list):
        return entry["people"], entry.get("image_size")
    if "keypoints" in entry:
        return [entry], entry.get("image_size")
    return None


def _coco_frames(annotations: object, images: object) -> list[tuple[list, object]] | None:
    """COCO's annotations by image: in the order of `images` where it is given, else of first appearance."""
    if not isinstance(annotations, list) or not all(isinstance(entry, dict) for entry in annotations):
        return None
    frames = {}
    if isinstance(images, list):
        for image in images:
            if not isinstance(image, dict) or not isinstance(image.get("id"), int | str):
                return None
            size = [image["width"], image["height"]] if "width" in image and "height" in image else None
            frames[image["id"]] = ([], size)
    for entry in annotations:
        image_id = entry.get("image_id")
        if not isinstance(image_id, int | str):
            return None
        people = frames.setdefault(image_id, ([], None))[0]
        if "keypoints" in entry and not entry.get("iscrowd"):
            people.append(entry)
    return list(frames.values())


def _read_frame(where: str, people: list, size: object) -> Keypoints:
    image_size = _read_image_size(where, size)
    persons = [_read_person(where, person) for person in people]
    if not persons:
        return Keypoints(np.zeros((len(KEYPOINT_NAMES), 3), np.float32), image_size, people=0)
    points, bbox = max(persons, key=lambda person: _prominence(person[0]))
    _refuse_fractions(where, points)
    return Keypoints(points, image_size, bbox, len(persons))


def _read_image_size(where: str, size: object) -> tuple[int, int] | None:
    if size is None:
        return None
    if not isinstance(size, list) or len(size) != 2 or not all(_is_number(side) and 1 <= side <= 1e5 for side in size):
        raise UserError(f"{where}: the image size must be two numbers, width and height in pixels.")
    return int(size[0]), int(size[1])


def _read_person(where: str, person: object) -> tuple[np.ndarray, tuple | None]:
    """Points (25, 3) and bbox of one person's dict."""
    if not isinstance(person, dict):
        raise UserError(f"{where}: a person is not written as a JSON object. {_HINT}")
    from_openpose = "pose_keypoints_2d" in person
    values = _flatten(person.get("pose_keypoints_2d" if from_openpose else "keypoints"))
    lengths = (75, 54) if from_openpose else (48, 51, 75, 3 * WHOLE_BODY_COUNT)
    if values is None or len(values) not in lengths:
        found = "no list of numbers" if values is None else f"{len(values)} numbers"
        wanted = "BODY_25's 75" if from_openpose else "16 × 3 (MPII), 17 × 3 (COCO), 133 × 3 (WholeBody) or 25 × 3"
        raise UserError(f"{where}: a person has {found} where {wanted} are expected. {_HINT}")
    if not all(map(_is_number, values)):
        raise UserError(f"{where}: a keypoint has a value that is not a usable number (null, NaN, text, or enormous).")
    points = np.array(values, np.float64).reshape(-1, 3)
    if len(points) == len(COCO_NAMES):
        points = _to_ours(COCO_NAMES, _with_coco_confidence(points, "score" in person))
    elif len(points) == WHOLE_BODY_COUNT:
        points = points[: len(WHOLE_BODY_NAMES)]
        points = _to_ours(WHOLE_BODY_NAMES, _with_coco_confidence(points, "score" in person))
    elif from_openpose:
        points = _to_ours(BODY_25_NAMES if len(points) == len(BODY_25_NAMES) else COCO_18_NAMES, points)
    elif points[:, 2].min() < 0 or points[:, 2].max() > 1:
        raise UserError(f"{where}: confidences must lie between 0 and 1.")
    points = np.concatenate([points, np.zeros((len(KEYPOINT_NAMES) - len(points), 3))])
    points[:, 2] = np.clip(points[:, 2], 0, 1)
    points[points[:, 2] == 0] = 0
    return points.astype(np.float32), _read_bbox(where, person.get("bbox"))


def _flatten(values: object) -> list | None:
    """Numbers in one list, from one list or from one list for each keypoint."""
    if not isinstance(values, list):
        return None
    if all(isinstance(entry, list) and len(entry) == 3 for entry in values):
        return [value for entry in values for value in entry]
    return None if any(isinstance(entry, list) for entry in values) else values


def _is_number(value: object) -> bool:
    """Whether it is a number that can be a coordinate; NaN, infinities and the enormous are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_COORDINATE


def _with_coco_confidence(points: np.ndarray, scored: bool) -> np.ndarray:
    third = points[:, 2]
    if np.isin(third, (0, 1, 2)).all() and (not scored or (third == 2).any()):
        return np.column_stack([points[:, :2], third / 2])
    return points


def _read_bbox(where: str, bbox: object) -> tuple[float, float, float, float] | None:
    if bbox is None:
        return None
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(_is_number, bbox)) or min(bbox[2:]) <= 0:
        raise UserError(f"{where}: a bbox must be four numbers, x, y, width and height in pixels.")
    x, y, width, height = bbox
    return float(x), float(y), float(width), float(height)


def _prominence(points: np.ndarray) -> float:
    """Mean confidence times the diagonal of the box around the points that have any."""
    seen = points[points[:, 2] > 0, :2]
    return float(points[:, 2].mean() * np.linalg.norm(np.ptp(seen, axis=0))) if len(seen) else 0.0


def _refuse_fractions(where: str, points: np.ndarray) -> None:
    seen = points[points[:, 2] > 0, :2]
    if len(seen) > 1 and np.abs(seen).max() <= 2:
        raise UserError(
            f"{where}: the coordinates look like fractions of the picture; pixels are needed "
            "(in OpenPose: --keypoint_scale 0)."
        )


def _to_ours(names: tuple[str, ...], points: np.ndarray) -> np.ndarray:
    """Points (K, 3) called `names` as our (25, 3)."""
    known = dict(zip(names, points, strict=True))
    known["pelvis"] = _middle(known["left_hip"], known["right_hip"], otherwise=known.get("mid_hip"))
    known["thorax"] = _middle(known["left_shoulder"], known["right_shoulder"], otherwise=known.get("neck"))
    nose = known["nose"]
    eyes = _middle_of_seen(known["left_eye"], known["right_eye"])
    ears = _middle_of_seen(known["left_ear"], known["right_ear"])
    known["upper_neck"] = _estimate_upper_neck(known["thorax"], ears, nose)
    known["head_top"] = _estimate_head_top(known["thorax"], ears, eyes, nose)
    return np.stack([known.get(name, _MISSING) for name in KEYPOINT_NAMES])


_MISSING = np.zeros(3)


def _middle(left: np.ndarray, right: np.ndarray, otherwise: np.ndarray | None) -> np.ndarray:
    """The middle of two points with the lesser confidence; `otherwise` when one of them is missing."""
    if min(left[2], right[2]) > 0:
        return np.array([*(left[:2] + right[:2]) / 2, min(left[2], right[2])])
    return _MISSING if otherwise is None else otherwise


def _middle_of_seen(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """As `_middle`, but one of the two stands for both: from the side a head shows one eye and one ear."""
    return _middle(left, right, otherwise=max(left, right, key=lambda point: point[2]))


# The factors below are least-squares fits to the bundled body: 1500 random shapes in poses of CMU's mocap database,
# seen from all sides, ± 12° up or down, hidden eyes and ears left out, 3 % of a head's length of noise on each point.


def _estimate_upper_neck(thorax: np.ndarray, ears: np.ndarray, nose: np.ndarray) -> np.ndarray:
    """SMPL's neck joint, on the way from the thorax to the ears (off by .10 head lengths) or to the nose (.28)."""
    head, way = (ears, 0.46) if ears[2] > 0 else (nose, 0.44)
    if min(thorax[2], head[2]) <= 0:
        return _MISSING
    return np.array([*(thorax[:2] + way * (head[:2] - thorax[:2])), ESTIMATED * min(thorax[2], head[2])])


def _estimate_head_top(thorax: np.ndarray, ears: np.ndarray, eyes: np.ndarray, nose: np.ndarray) -> np.ndarray:
    """The top of the head: from the face's up direction, nose to eyes, wherever it is seen (off by .13 head lengths
    with the ears, .17 without); from behind along thorax to ears (.22). Missing when all that is known is a nose."""
    if min(nose[2], eyes[2], ears[2], thorax[2]) > 0:
        used = (nose, eyes, ears, thorax)
        top = ears + 1.96 * (eyes - nose) + 0.86 * (nose - ears) + 0.28 * (ears - thorax)
    elif min(nose[2], eyes[2]) > 0:
        used = (nose, eyes)
        top = eyes + 2.4 * (eyes - nose)
    elif min(ears[2], thorax[2]) > 0:
        used = (ears, thorax)
        top = ears + 0.38 * (ears - thorax)
    else:
        return _MISSING
    return np.array([*top[:2], ESTIMATED * min(point[2] for point in used)])
