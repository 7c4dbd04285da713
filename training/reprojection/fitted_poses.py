"""Poses of real people, from 2D labels: `python -m body_from_image.training fit-poses --out FILE`.

Motion capture lacks what people do in sports and yoga photos. As SPIN (Kolotouros et al. 2019) and Unite the People
(Lassner et al. 2017) did, the body is fitted to the labels of training photos, and the fits that lie on all labels are
kept as poses to learn from (`pose-prior --fitted FILE`). Which way limbs point in depth is chosen by the teacher's
depths, where it has any: a network that learnt its own guesses would only grow surer of them.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import BodyEstimate
from ...inference.correction.local import keypoint_places, projected
from ...inference.engine import Engine, Settings
from ...inference.errors import NoPersonError
from ...inference.files.destination import replacing
from ...inference.geometry.joints import KEYPOINT_INDEX, LIMB_KEYPOINTS
from ...inference.refinement.refine import evidence_of, parameters_of
from ...inference.remarks import NOT_REFINED
from ..data.people2d import YOGA, load_more2d
from ..data.photos2d import LSPET, LabelledCrop, load_crops
from ..measure.keypoints2d import torso_lengths
from ..people.self_contact import TOLERANCE, penetration

TRUSTED = 0.5
"""Weight from which a label must be met."""
FEWEST_LABELS = 11
"""Of the twelve limb keypoints, those that must be labelled."""
WORST, USUAL = 0.2, 0.08
"""Torso lengths by which the worst and the mean limb keypoint of a fit that is kept may be off."""
HYPOTHESES = 3
CLEARLY = 0.8
"""A body with flipped limbs is preferred when its depths are off by less than this share of the first one's."""


def fits(engine: Engine, crops: list[LabelledCrop]) -> Iterator[tuple[BodyEstimate, bool]]:
    """Bodies that lie on the labels of `crops`, and whether limbs were flipped for the teacher's depths."""
    for crop in crops:
        if (crop.keypoints[LIMB_KEYPOINTS, 2] >= TRUSTED).sum() < FEWEST_LABELS:
            continue
        try:
            result = engine.estimate_from_keypoints(crop.keypoints, crop.image.shape[1::-1], Path(f"{crop.id}.jpg"))
        except NoPersonError:
            continue
        torso = float(torso_lengths([crop])[0])
        if NOT_REFINED in result.remarks or not lies_on(engine, result.estimate, crop, torso):
            continue
        chosen = by_depth(engine, result.estimate, crop, torso)
        if penetration(chosen.joints_3d)[0] <= TOLERANCE:
            yield chosen, chosen is not result.estimate


def lies_on(engine: Engine, estimate: BodyEstimate, crop: LabelledCrop, torso: float) -> bool:
    """Whether the body lies on all trusted labels of limbs; `torso` in pixels, NaN where it is not known."""
    pixels = projected(engine.body, parameters_of(engine.body, estimate), evidence_of(estimate))
    apart = np.linalg.norm(pixels - crop.keypoints[:, :2], axis=1)[LIMB_KEYPOINTS] / torso
    apart = apart[crop.keypoints[LIMB_KEYPOINTS, 2] >= TRUSTED]
    return bool(apart.max() < WORST and apart.mean() < USUAL)


def by_depth(engine: Engine, estimate: BodyEstimate, crop: LabelledCrop, torso: float) -> BodyEstimate:
    """`estimate`, or a body with flipped limbs whose depths are clearly nearer to the teacher's."""
    if not crop.depth[:, 1].any():
        return estimate
    others = [one for one, _ in engine.others(estimate, HYPOTHESES) if lies_on(engine, one, crop, torso)]
    errors = [depth_error(engine, one, crop.depth) for one in (estimate, *others)]
    best = int(np.argmin(errors))
    return others[best - 1] if best and errors[best] < CLEARLY * errors[0] else estimate


def depth_error(engine: Engine, estimate: BodyEstimate, depth: np.ndarray) -> float:
    """Mean difference in pixels between the body's depths behind the pelvis and known ones (25, 2; with weights)."""
    parameters, seen = parameters_of(engine.body, estimate), evidence_of(estimate)
    places = keypoint_places(engine.body, parameters)[:, 2]
    pelvis = places[KEYPOINT_INDEX["pelvis"]]
    found = (places - pelvis) * seen.camera.focal / pelvis
    return float((np.abs(found - depth[:, 0]) * depth[:, 1]).sum() / depth[:, 1].sum())


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training fit-poses", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/fitted_poses.npz"), help="the file to write")
    parser.add_argument("--limit", type=int, help="photos of each source")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1))
    yoga = [crop for crop in load_more2d("train") if crop.source == YOGA]
    poses, flipped, photos = [], 0, 0
    for crops in (load_crops("train", (LSPET,), options.limit, taught=True), yoga[: options.limit]):
        for estimate, changed in fits(engine, crops):
            poses.append(estimate.poses[0].reshape(24, 3))
            flipped += changed
        photos += len(crops)
        print(f"{len(poses)} poses of {photos} photos, {flipped} with limbs flipped for depth", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(options.out) as unfinished, open(unfinished, "wb") as file:
        np.savez_compressed(file, poses=np.array(poses, np.float16))
    print(f"wrote {options.out}")
