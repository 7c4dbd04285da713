"""Measure what it is worth to correct by hand: `python -m body_from_image.training evaluate-correction`.

A person is simulated who looks for the keypoint at which the body is farthest from where people labelled it, puts it
there, looks again, and so on.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import BodyEstimate
from ...inference.body.correction import Correction, with_correction
from ...inference.correction.by_hand import order_in_depth
from ...inference.correction.correct import Drag, correct_estimate
from ...inference.correction.local import part_of, projected
from ...inference.engine import Engine, Settings
from ...inference.errors import NoPersonError
from ...inference.files.images import Photo
from ...inference.geometry.joints import JOINT_INDEX, KEYPOINT_NAMES, KEYPOINT_PARENTS, LIMB_KEYPOINTS
from ...inference.refinement.refine import evidence_of, parameters_of
from ..data.packs import PackMissing
from ..data.photos2d import LSPET, load_crops
from ..measure.figures import add_json_option, keep
from ..measure.keypoints2d import torso_lengths
from ..measure.metrics import similarity_aligned
from ..measure.photos3d import LIMB_NAMES, MeasuredPhoto, load_photos3d
from .corrected_clips import LIMBS, WRONG, in_clips

METRICS = """PCK@0.2: share of labelled limb joints on which the projected body lies within .2 torso, after so many
corrections of the worst one. Others: how far limb keypoints of other limbs moved by a correction of an arm or a leg, in
percent of the person's height in the picture. PA-MPJPE of photos3d in mm, over the photos with a keypoint that is off
by .2 torso or more, which alone is corrected there; hips are not, whose labels mean another place than our joints. "its
limb" is the error of the first corrected limb's two far joints; "and nearer" is a person who also says whether the
corrected end is nearer or farther than the joint it hangs on, where it is so by a quarter of the bone. Clips: people
of held-out mocap, keypoints spoilt as Human2D's are; of the limb with a keypoint off by .2 torso or more both far
keypoints are corrected, and its two far joints' error told. Times in ms: a step of a drag, and letting go."""
SPREAD = ("others", "drag", "let go")
"""Figures of which the median and the worst are told, too."""
WORST = 3
DRAG_STEPS = 10
HIPS = [KEYPOINT_NAMES.index(name) for name in ("right_hip", "left_hip")]


def truth_of(photo: MeasuredPhoto, joints: np.ndarray) -> np.ndarray:
    """The measured limbs (12, 3) in the camera's frame, laid on a body's joints (24, 3)."""
    found = joints[[JOINT_INDEX[name] for name in LIMB_NAMES]].astype(float)
    return similarity_aligned(photo.limbs[None], found[None])[0]


def nearer_in(photo: MeasuredPhoto, estimate: BodyEstimate, keypoint: int) -> int:
    """What a person would say of a corrected keypoint's depth."""
    names = [KEYPOINT_NAMES[one] for one in (keypoint, KEYPOINT_PARENTS[keypoint])]
    if not all(name in LIMB_NAMES for name in names):
        return 0
    end, above = truth_of(photo, estimate.joints_3d[0])[[LIMB_NAMES.index(name) for name in names]]
    return order_in_depth(end, above)


def worst_keypoint(body, estimate: BodyEstimate, labels: np.ndarray) -> tuple[int, np.ndarray]:
    """The limb keypoint that is farthest from its label, and all distances (25,) in pixels, NaN without a label."""
    pixels = projected(body, parameters_of(body, estimate), evidence_of(estimate))
    apart = np.where(labels[:, 2] > 0, np.linalg.norm(pixels - labels[:, :2], axis=1), np.nan)
    limbs = np.full(len(apart), -1.0)
    done = [one.index for one in estimate.corrections]
    limbs[LIMB_KEYPOINTS] = np.nan_to_num(apart[LIMB_KEYPOINTS], nan=-1.0)
    limbs[done] = -1.0
    return int(limbs.argmax()), apart


def corrected(
    engine: Engine, estimate: BodyEstimate, labels: np.ndarray, least: float = 0.0,
    measured: MeasuredPhoto | None = None,
) -> Iterator[tuple[BodyEstimate, int, np.ndarray]]:  # fmt: skip
    """Estimates after none, one, … corrections, each with the keypoint that is corrected next and all distances (25,)
    from the labels. What is off by `least` pixels or less is left alone."""
    for _ in range(WORST + 1):
        worst, apart = worst_keypoint(engine.body, estimate, labels)
        yield estimate, worst, apart
        if not apart[worst] > least:
            continue
        place = tuple(float(value) for value in labels[worst, :2])
        nearer = 0 if measured is None else nearer_in(measured, estimate, worst)
        said = with_correction(estimate.corrections, Correction(KEYPOINT_NAMES[worst], place, nearer))
        estimate, _ = correct_estimate(engine.body, estimate, said)


def estimates(engine: Engine, photos: list) -> Iterator[tuple[object, BodyEstimate]]:
    """Each photo in which somebody was found, and their body."""
    for photo in photos:
        try:
            picture, box = Photo(photo.image, None, Path(f"{photo.id}.jpg")), getattr(photo, "box", None)
            yield photo, engine.estimate(picture, box).estimate
        except NoPersonError:
            continue


def in_two_dimensions(engine: Engine, photos: list) -> dict[str, list[float]]:
    """PCK after each correction, and how far other limbs moved."""
    figures = defaultdict(list)
    for photo, estimate in estimates(engine, photos):
        torso = torso_lengths([photo])[0]
        if np.isnan(torso):
            continue
        before = None
        for number, (found, worst, apart) in enumerate(corrected(engine, estimate, photo.keypoints)):
            known = apart[LIMB_KEYPOINTS][~np.isnan(apart[LIMB_KEYPOINTS])]
            figures[f"PCK@0.2 after {number}"] += (known < 0.2 * torso).tolist()
            pixels = projected(engine.body, parameters_of(engine.body, found), evidence_of(found))
            if before is not None and before[2] is not found:
                figures["others"] += others_moved(before[1], pixels, KEYPOINT_NAMES[before[0]])
            before = worst, pixels, found
    return figures


def others_moved(before: np.ndarray, after: np.ndarray, keypoint: str) -> list[float]:
    """Percent of the height by which limb keypoints of other limbs moved; none for corrections of the trunk."""
    part = part_of(keypoint)
    if part.keypoints.sum() < 2:
        return []
    others = [one for one in LIMB_KEYPOINTS if not part.keypoints[one]]
    return (100 * np.linalg.norm(after - before, axis=1)[others] / np.ptp(before[:, 1])).tolist()


def in_three_dimensions(engine: Engine, photos: list[MeasuredPhoto]) -> dict[str, list[float]]:
    figures = defaultdict(list)
    for photo, estimate in estimates(engine, photos):
        labels = photo.keypoints.copy()
        labels[HIPS, 2] = 0
        ends = photo.keypoints[[KEYPOINT_NAMES.index(name) for name in ("left_shoulder", "right_hip")], :2]
        least = WRONG * float(np.linalg.norm(ends[0] - ends[1]))
        worst, apart = worst_keypoint(engine.body, estimate, labels)
        if not apart[worst] > least:
            continue
        for how, measured in (("", None), (" and nearer", photo)):
            before = None
            for number, (found, worst, _) in enumerate(corrected(engine, estimate, labels, least, measured)):
                figures[f"PA-MPJPE after {number}{how}"].append(photo.error(found.joints_3d[0]))
                if number == 1:
                    errors = [limb_error(photo, one, KEYPOINT_NAMES[before[0]]) for one in (before[1], found)]
                    if errors[0] is not None:
                        figures[f"its limb before{how}"].append(errors[0])
                        figures[f"its limb after{how}"].append(errors[1])
                before = worst, found
    return figures


def limb_error(photo: MeasuredPhoto, estimate: BodyEstimate, keypoint: str) -> float | None:
    """Mean error in mm of the two far joints of a keypoint's limb, the whole body aligned; None for the trunk."""
    side, _, name = keypoint.partition("_")
    ends = next((ends for ends in LIMBS.values() if name in ends), None)
    if ends is None:
        return None
    apart = 1e3 * np.linalg.norm(
        truth_of(photo, estimate.joints_3d[0]) - estimate.joints_3d[0][[JOINT_INDEX[one] for one in LIMB_NAMES]],
        axis=1,
    )
    return float(np.mean([apart[LIMB_NAMES.index(f"{side}_{end}")] for end in ends]))


def times(engine: Engine, photos: list) -> dict[str, list[float]]:
    """Each photo's worst keypoint dragged to its label in ten steps, and let go."""
    figures = defaultdict(list)
    for photo, estimate in estimates(engine, photos):
        worst, _ = worst_keypoint(engine.body, estimate, photo.keypoints)
        before, seen = parameters_of(engine.body, estimate), evidence_of(estimate)
        start = projected(engine.body, before, seen)[worst]
        drag = Drag(engine.body, before, seen, (), KEYPOINT_NAMES[worst])
        for share in np.arange(1, DRAG_STEPS + 1) / DRAG_STEPS:
            began = time.perf_counter()
            drag.to(tuple(start + share * (photo.keypoints[worst, :2] - start)))
            figures["drag"].append(1e3 * (time.perf_counter() - began))
        began = time.perf_counter()
        drag.release(tuple(photo.keypoints[worst, :2]))
        figures["let go"].append(1e3 * (time.perf_counter() - began))
    return figures


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-correction", description=METRICS)
    parser.add_argument("--split", choices=("validation", "calibration"), default="validation")
    parser.add_argument("--limit", type=int, help="photos of each source")
    parser.add_argument("--clips", type=int, default=300, help="people of held-out clips")
    add_json_option(parser, "correction")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1))
    crops = load_crops(options.split, (LSPET,), options.limit)
    figures = in_two_dimensions(engine, crops) | times(engine, crops[:20])
    try:
        figures |= in_clips(engine, "test" if options.split == "validation" else "validation", options.clips)
        figures |= in_three_dimensions(engine, load_photos3d()[: options.limit])
    except PackMissing as missing:
        print(missing)
    print(METRICS, "\n")
    for name, values in figures.items():
        spread = f"   median {np.median(values):.2f}, worst {np.max(values):.2f}" if name in SPREAD else ""
        print(f"{name:<45} {np.mean(values):8.3f}  of {len(values)}{spread}")
    keep(options.json, "evaluate-correction", arguments, {name: float(np.mean(one)) for name, one in figures.items()})
