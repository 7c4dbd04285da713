"""How well ShapePrior sees a body: in centimetres that a person understands, and as PVE-T-SC.

Each kind of body (thin, average, heavy; men, women) is seen in poses of held-out clips, not in an A-pose. A picture
does not show stature, so that girths and lengths are compared at the true stature, as if the user had typed it.
"""

import numpy as np

from ....inference.body.body_model import BodyModel
from ....inference.networks.priors import ShapePrior
from ...measure.metrics import scale_corrected
from ...people.instances import People
from ..silhouettes import corrupt_silhouettes, framed_silhouettes, project_bodies
from .body_measures import MEASURES, Tailor

BUILDS = {"thin": -1.5, "average": 0.0, "heavy": 1.5}
SEXES = {"men": -1.0, "women": 1.0}
BUILD, SEX = "body mass index", "gender"
OTHERS = 0.7
"""Deviation of all other betas, so that no two bodies of a kind are alike."""


def kinds_of_bodies(model: BodyModel, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Betas (count, S) of each kind. A body model that does not name its betas has one kind, drawn at random."""
    drawn = rng.normal(size=(len(BUILDS) * len(SEXES), count, model.shapedirs.shape[2])).astype(np.float32)
    if BUILD not in model.beta_names or SEX not in model.beta_names:
        return {"all": drawn.reshape(-1, drawn.shape[2]).clip(-3, 3)}
    kinds = {}
    for betas, (build, sex) in zip(drawn, [(b, s) for b in BUILDS for s in SEXES], strict=True):
        betas *= OTHERS
        betas[:, model.beta_names.index(BUILD)] = BUILDS[build] + rng.normal(0, 0.25, count)
        betas[:, model.beta_names.index(SEX)] = SEXES[sex] + rng.normal(0, 0.25, count)
        kinds[f"{build} {sex}"] = betas
    return kinds


def shape_figures(
    model: BodyModel, shape_prior: ShapePrior, people: People, rng: np.random.Generator, count: int
) -> dict[str, dict[str, float]]:
    """For `count` people of each kind, condition → figure → value: PVE-T-SC in millimetres, then mean absolute errors
    in centimetres at the true stature; last, what the average body would get. Betas as in training (deviation 1.25)
    are less alike than people."""
    tailor = Tailor(model)
    truths, clean, corrupted = [], [], []
    for betas in kinds_of_bodies(model, count, rng).values():
        made = people.draw(len(betas), rng, betas)
        silhouettes = framed_silhouettes(project_bodies(model, made), model.faces, rng)
        truths.append(betas)
        clean.append(shape_prior(silhouettes[:, 0]))
        corrupted.append(shape_prior(corrupt_silhouettes(silhouettes, rng)[:, 0]))
    table = {}
    for kind, truth, seen in zip(kinds_of_bodies(model, 1, rng), truths, clean, strict=True):
        table[f"shape, {kind}, clean silhouettes"] = errors(model, tailor, seen, truth)
    wide = people.draw(4 * count, rng)
    silhouettes = framed_silhouettes(project_bodies(model, wide), model.faces, rng)
    for name, images in (("clean", silhouettes), ("corrupted", corrupt_silhouettes(silhouettes, rng))):
        table[f"shape, drawn as in training, {name} silhouettes"] = errors(
            model, tailor, shape_prior(images[:, 0]), wide.betas
        )
    everyone = np.concatenate(truths)
    for name, found in (
        ("clean silhouettes", np.concatenate(clean)),
        ("corrupted silhouettes", np.concatenate(corrupted)),
        ("average body for everyone", np.zeros_like(everyone)),
    ):
        table[f"shape, all, {name}"] = errors(model, tailor, found, everyone)
    return table


def errors(model: BodyModel, tailor: Tailor, found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """PVE-T-SC in millimetres, and the mean absolute error of each measure in centimetres, of betas (B, S)."""
    real = tailor.measure(truth)
    seen = tailor.measure(found, real["stature"] / 100)
    figures = {"PVE-T-SC": float(scale_corrected(model.rest_vertices(found), model.rest_vertices(truth)).mean())}
    return figures | {f"{name}, cm": float(np.abs(seen[name] - real[name]).mean()) for name in MEASURES[1:]}
