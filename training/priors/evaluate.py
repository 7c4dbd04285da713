"""Measure the priors that ship: `python -m body_from_image.training evaluate-priors`.

PosePrior on mocap clips that it was never trained on, from all sides; ShapePrior on silhouettes of those; both priors
and Human2D together on photos with 3D truth (photos3d, if the pack is there).
"""

import argparse
import json
from pathlib import Path

import numpy as np

from ...inference.engine import Engine, Settings
from ...inference.errors import NoPersonError
from ...inference.images import Photo
from ...inference.pose_features import pose_features
from ...inference.rotations import six_d_to_matrix
from ..metrics import mpjpe, pa_mpjpe, scale_corrected
from ..packs import PackMissing
from ..photos3d import load_photos3d
from .corruption import Corruption, corrupt
from .instances import VIEW, Instances, People, true_keypoints
from .pose_prior import upright
from .silhouettes import corrupt_silhouettes, framed_silhouettes, project_bodies

NOISE = 0.02
"""Of the person's height in the picture: the deviation of "true 2D with 2 % noise"."""


def noisy_keypoints(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """True keypoints (B, 25, 2) with Gaussian noise, all of confidence 1."""
    extent = (points.max(1) - points.min(1)).max(1)[:, None, None]
    return np.concatenate(
        [points + rng.normal(size=points.shape) * NOISE * extent, np.ones((*points.shape[:2], 1))], -1
    )


def pose_figures(engine: Engine, made: Instances, keypoints: np.ndarray) -> dict[str, float]:
    """Errors of PosePrior with the true shape, so that they are the pose's alone."""
    features, turn = pose_features(keypoints, VIEW)
    rotations = six_d_to_matrix(engine.pose_prior.network(features)[0].astype(np.float64))
    rotations[:, 0] = upright(turn).transpose(0, 2, 1) @ rotations[:, 0]
    found, truth = (engine.body.pose(made.betas, r) for r in (rotations, made.rotations))
    centred = [body.vertices - body.joints[:, :1] for body in (found, truth)]
    return {
        "MPJPE": float(mpjpe(found.joints, truth.joints).mean()),
        "PA-MPJPE": float(pa_mpjpe(found.joints, truth.joints).mean()),
        "PVE": float(1e3 * np.linalg.norm(centred[0] - centred[1], axis=-1).mean()),
    }


def shape_figures(engine: Engine, made: Instances, rng: np.random.Generator) -> dict[str, float]:
    """PVE-T-SC of ShapePrior from clean and from corrupted silhouettes, and of the average body for comparison."""
    truth = engine.body.rest_vertices(made.betas)
    clean = framed_silhouettes(project_bodies(engine.body, made), engine.body.faces, rng)
    cases = {"clean silhouettes": clean, "corrupted silhouettes": corrupt_silhouettes(clean, rng)}
    figures = {
        name: float(scale_corrected(engine.body.rest_vertices(engine.shape_prior(images[:, 0])), truth).mean())
        for name, images in cases.items()
    }
    mean = engine.body.rest_vertices(np.zeros_like(made.betas))
    return figures | {"average body": float(scale_corrected(mean, truth).mean())}


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


def evaluate(engine: Engine, count: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """All figures, by condition."""
    rng = np.random.default_rng(seed)
    made = People(engine.body, "test", widen=False).draw(count, rng)
    points = true_keypoints(made)
    table = {
        "pose, 2 % noise": pose_figures(engine, made, noisy_keypoints(points, rng)),
        "pose, full corruption": pose_figures(engine, made, corrupt(points, rng, Corruption())),
        "shape, PVE-T-SC": shape_figures(engine, made, rng),
    }
    try:
        table["photos3d, detected keypoints"] = photo_figures(engine)
    except PackMissing as missing:
        print(missing)
    return table


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-priors")
    parser.add_argument("--count", type=int, default=2000, help="synthetic people from held-out clips")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args(arguments)
    table = evaluate(Engine(Settings(device="cpu", threads=1)), options.count)
    for condition, figures in table.items():
        print(condition)
        for name, value in figures.items():
            print(f"    {name:<24} {value:8.1f}")
    if options.json:
        options.json.write_text(json.dumps(table, indent=2))
