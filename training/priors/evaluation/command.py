"""Measure the priors: `python -m body_from_image.training evaluate-priors`.

PosePrior on mocap clips that it was never trained on, from all sides; ShapePrior on silhouettes of thin, average and
heavy men and women in those poses; both priors and Human2D together on photos with 3D truth (photos3d, if the pack is
there).
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from ....inference.body.body_estimate import CAMERA_FROM_SMPL
from ....inference.body.body_model import BodyModel
from ....inference.engine import Engine, Settings
from ....inference.errors import NoPersonError
from ....inference.files.images import Photo
from ....inference.geometry.camera import Camera
from ....inference.geometry.joints import JOINT_NAMES, KEYPOINT_INDEX, MPII_COUNT, keypoints_from_joints
from ....inference.networks.priors import PosePrior
from ...data.packs import PackMissing
from ...data.photos2d import CCP, LSPET, load_crops
from ...measure.figures import add_json_option, keep
from ...measure.keypoints2d import pck, relative_errors, torso_lengths
from ...measure.metrics import mpjpe, pa_mpjpe
from ...measure.photos3d import load_photos3d
from ...people.instances import VIEW, Instances, People, true_keypoints
from ..corruption import Corruption, corrupt
from .hypotheses import hypothesis_figures, label_hypothesis_figures
from .shape_figures import shape_figures

OBSERVED = np.array([not name.endswith(("hand", "foot")) for name in JOINT_NAMES])
"""Joints whose truth the mocap knows; it has no fingers and hardly any toes."""
NOISE = 0.02
"""Deviation of "true 2D with 2 % noise", over a length of the person."""


def height_in_picture(points: np.ndarray) -> np.ndarray:
    """Longer side (B,) of the box about keypoints (B, 25, 2)."""
    return (points.max(1) - points.min(1)).max(1)


def largest_coordinate(points: np.ndarray) -> np.ndarray:
    """Largest |x| or |y| (B,) of keypoints (B, 25, 2) about the pelvis: what the paper's crop coordinates are divided
    by, about half of the height."""
    return np.abs(points - points[:, [KEYPOINT_INDEX["pelvis"]]]).max((1, 2))


def noisy_keypoints(points: np.ndarray, rng: np.random.Generator, length=height_in_picture) -> np.ndarray:
    """True keypoints (B, 25, 2) with Gaussian noise, all of confidence 1."""
    noise = rng.normal(size=points.shape) * NOISE * length(points)[:, None, None]
    return np.concatenate([points + noise, np.ones((*points.shape[:2], 1))], -1)


def pelvis_aligned_vertices(model: BodyModel, betas: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Vertices (B, V, 3) about the pelvis."""
    posed = model.pose(betas, rotations)
    return posed.vertices - posed.joints[:, :1]


def lifted(pose_prior: PosePrior, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (B, 24, 3, 3), the root's in the upright frame, and uncertainties (B, 24) for keypoints in `VIEW`."""
    rotations, uncertainty = pose_prior.with_uncertainty(keypoints, VIEW)
    rotations[:, 0] = CAMERA_FROM_SMPL.T @ rotations[:, 0]
    return rotations, uncertainty


def pose_figures(engine: Engine, made: Instances, keypoints: np.ndarray) -> dict[str, float]:
    """Errors of PosePrior with the true shape, so that they are the pose's alone."""
    rotations, _ = lifted(engine.pose_prior, keypoints)
    found, truth = (engine.body.pose(made.betas, r) for r in (rotations, made.rotations))
    centred = [body.vertices - body.joints[:, :1] for body in (found, truth)]
    return {
        "MPJPE": float(mpjpe(found.joints, truth.joints).mean()),
        "PA-MPJPE": float(pa_mpjpe(found.joints, truth.joints).mean()),
        "PVE": float(1e3 * np.linalg.norm(centred[0] - centred[1], axis=-1).mean()),
    }


def uncertainty_figures(pose_prior: PosePrior, made: Instances, keypoints: np.ndarray) -> dict[str, float]:
    """The mean angle that rotations are off, degrees, in bins of the angle that was foretold, and how far apart the two
    are on average over ten bins with as many rotations each."""
    rotations, foretold = lifted(pose_prior, keypoints)
    cosine = (np.einsum("bjkl,bjkl->bj", rotations, made.rotations) - 1) / 2
    angle = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))[:, OBSERVED].ravel()
    foretold = foretold[:, OBSERVED].ravel()
    figures, gaps = {}, []
    for rows in np.array_split(np.argsort(foretold), 10):
        said, was = float(foretold[rows].mean()), float(angle[rows].mean())
        figures[f"foretold {said:5.1f}°"] = was
        gaps.append(abs(said - was))
    return figures | {"mean gap": float(np.mean(gaps)), "correlation": float(np.corrcoef(foretold, angle)[0, 1])}


def photo_figures(engine: Engine) -> dict[str, float]:
    """PA-MPJPE on the twelve limb joints of photos3d, from detected keypoints. Raises PackMissing."""
    photos, errors = load_photos3d(), []
    for photo in photos:
        try:
            estimate = engine.estimate(Photo(photo.image, None, Path(f"{photo.id}.jpg"))).estimate
        except NoPersonError:
            continue
        errors.append(photo.error(estimate.joints_3d[0]))
    missed = len(photos) - len(errors)
    return {"PA-MPJPE limbs": float(np.mean(errors)), "people missed": float(missed), "photos": float(len(photos))}


def label_figures(engine: Engine) -> dict[str, float]:
    """The same from the keypoints that people labelled: what is left is the lifting's error. Raises PackMissing."""
    errors = []
    for photo in load_photos3d():
        lifted = engine.lift(photo.keypoints, engine.camera(photo.image.shape[1::-1]))
        posed = engine.body.pose(engine.mean_betas[None], lifted.rotations[None])
        errors.append(photo.error(posed.joints[0]))
    return {"PA-MPJPE limbs": float(np.mean(errors))}


def reprojection_figures(engine: Engine, source: int, most: int = 120) -> dict[str, float]:
    """How well the posed body lies on the labels of real photos, beside what the detector alone does: PCK@0.2 of the
    limb keypoints, on the crops that confidence is calibrated on. Raises PackMissing."""
    crops = [crop for crop in load_crops("calibration", (source,), most) if np.isfinite(torso_lengths([crop])[0])]
    found, posed, kept = [], [], []
    for crop in crops:
        try:
            estimate = engine.estimate(Photo(crop.image, None, Path(f"{crop.id}.jpg")), crop.box).estimate
        except NoPersonError:
            continue
        points = keypoints_from_joints(estimate.joints_3d[0], estimate.vertices[0, engine.body.keypoint_vertices])
        camera = Camera(estimate.focal, estimate.camera_center, estimate.image_size)
        found.append(estimate.keypoints_2d[0, :, :2])
        posed.append(camera.project(np.stack(points)))
        kept.append(crop)
    if not kept:
        return {"photos": 0.0}
    return {
        "PCK@0.2 of the body": pck(relative_errors(np.stack(posed), kept)),
        "PCK@0.2 of the detector": pck(relative_errors(np.stack(found), kept)),
        "photos": float(len(kept)),
    }


PHOTOS = {
    "validation": {
        "photos2d, calibration crops, sports": partial(reprojection_figures, source=LSPET),
        "photos2d, calibration crops, fashion": partial(reprojection_figures, source=CCP),
    },
    "test": {
        "photos3d, detected keypoints": photo_figures,
        "photos3d, human 2D labels": label_figures,
        "photos3d, human 2D labels, hypotheses": label_hypothesis_figures,
    },
}
"""Split → condition → figures on photos: those of the test split are for reporting only."""


def evaluate(engine: Engine, split: str, count: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """All figures on one split's clips, by condition."""
    rng = np.random.default_rng(seed)
    people = People(engine.body, split, widen=False)
    made = people.draw(count, rng)
    points = true_keypoints(made)
    noisy, corrupted = noisy_keypoints(points, rng), corrupt(points, rng, Corruption())
    half_as_noisy = noisy_keypoints(points, np.random.default_rng(seed + 1), largest_coordinate)
    mpii = noisy * (np.arange(noisy.shape[1]) < MPII_COUNT)[:, None]
    table = {
        "pose, 2 % noise": pose_figures(engine, made, noisy),
        "pose, 2 % noise of the largest coordinate": pose_figures(engine, made, half_as_noisy),
        "pose, 2 % noise, MPII's 16": pose_figures(engine, made, mpii),
        "pose, full corruption": pose_figures(engine, made, corrupted),
        "hypotheses, 2 % noise": hypothesis_figures(engine, made, noisy),
        "hypotheses, full corruption": hypothesis_figures(engine, made, corrupted),
        "uncertainty, full corruption": uncertainty_figures(engine.pose_prior, made, corrupted),
    }
    for condition, figures in PHOTOS[split].items():
        try:
            table[condition] = figures(engine)
        except PackMissing as missing:
            print(missing)
    return table | shape_figures(engine.body, engine.shape_prior, people, rng, max(count // 30, 2))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-priors")
    parser.add_argument("--count", type=int, default=2000, help="synthetic people from held-out clips")
    parser.add_argument("--split", choices=("validation", "test"), default="test", help="choose on validation only")
    parser.add_argument("--pose-prior", type=Path, help="an exported PosePrior; default: the one that ships")
    parser.add_argument("--body-model", type=Path, help="a licensed SMPL file, with its ShapePrior next to it")
    add_json_option(parser, "priors")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1, body_model=options.body_model, refine=False))
    if options.pose_prior:
        engine.pose_prior = PosePrior("cpu", 1, options.pose_prior)
    table = evaluate(engine, options.split, options.count)
    for condition, figures in table.items():
        print(condition)
        for name, value in figures.items():
            print(f"    {name:<32} {value:8.1f}" if abs(value) >= 1 else f"    {name:<32} {value:8.2f}")
    keep(options.json, "evaluate-priors", arguments, table)
