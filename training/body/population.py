"""Who the shape space is learned from: random people, resampled to the stature and body mass index of adults."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import gaussian_kde

from .source import AnnySource

CHUNK = 400
BODY_DENSITY = 985.0
"""kg/m³"""

LOCAL_CHANGES = {
    "measure-upperarm-length-incr": 0.15, "measure-lowerarm-length-incr": 0.15, "upperlegs-height-incr": 0.125,
    "lowerlegs-height-incr": 0.125, "measure-shoulder-dist-incr": 0.18, "measure-hips-circ-incr": 0.15,
    "measure-waist-circ-incr": 0.15, "torso-scale-vert-incr": 0.125, "torso-scale-horiz-incr": 0.12,
    "torso-scale-depth-incr": 0.15, "torso-vshape-incr": 0.15, "hip-scale-horiz-incr": 0.12,
    "hip-scale-depth-incr": 0.12, "stomach-tone-incr": 0.21, "stomach-pregnant-incr": 0.09,
    "buttocks-volume-incr": 0.18, "measure-neck-circ-incr": 0.15, "neck-scale-vert-incr": 0.1,
    "measure-thigh-circ-incr": 0.15, "measure-calf-circ-incr": 0.15, "measure-bust-circ-incr": 0.12,
    "upperarm-fat-incr": 0.18, "lowerarm-fat-incr": 0.18, "upperleg-fat-incr": 0.18, "lowerleg-fat-incr": 0.18,
    "foot-scale-incr": 0.15, "hand-scale-incr": 0.15, "head-scale-vert-incr": 0.12, "head-scale-horiz-incr": 0.12,
    "head-scale-depth-incr": 0.12, "head-fat-incr": 0.18,
}  # fmt: skip
"""MakeHuman's local changes that vary, the same on both sides, and their standard deviations."""


@dataclass(frozen=True)
class Adults:
    """Normal distributions that a gender is resampled to: metres, and the logarithm of kg/m²."""

    stature: float
    stature_deviation: float
    log_bmi: float
    log_bmi_deviation: float


MEN = Adults(1.755, 0.072, np.log(25.6), 0.165)
WOMEN = Adults(1.625, 0.067, np.log(25.0), 0.19)


@dataclass(frozen=True, eq=False)
class Population:
    """N people by Anny's parameters, with what they measure: metres, kg."""

    phenotypes: np.ndarray
    local_changes: np.ndarray
    stature: np.ndarray
    mass: np.ndarray
    is_female: np.ndarray

    @property
    def body_mass_index(self) -> np.ndarray:
        return self.mass / self.stature**2


def draw_population(
    source: AnnySource, count: int, candidates: int, rng: np.random.Generator, report: Callable[[str], None]
) -> Population:
    """Draw candidates over all of Anny's space, then keep half men and half women, `count` together.

    A candidate's chance to be kept is what adults' statistics say of its stature and body mass index, divided by how
    common such candidates are (a kernel density estimate), so that the extremes are as rare as in life and not as rare
    as in Anny's parameters.
    """
    phenotypes = random_phenotypes(source.phenotype_labels, candidates, rng)
    local_changes = random_local_changes(source.local_labels, candidates, rng)
    stature, mass = np.zeros(candidates), np.zeros(candidates)
    for start in range(0, candidates, CHUNK):
        chunk = slice(start, start + CHUNK)
        vertices, _ = source.rest(phenotypes[chunk], local_changes[chunk])
        stature[chunk], mass[chunk] = stature_and_mass(vertices, source.triangles)
    is_female = phenotypes[:, source.phenotype_labels.index("gender")] > 0.5
    kept = []
    for of_gender, adults in ((~is_female, MEN), (is_female, WOMEN)):
        members = np.flatnonzero(of_gender)
        chance = resampling_chance(stature[members], np.log(mass[members] / stature[members] ** 2), adults)
        kept.append(rng.choice(members, count // 2, replace=False, p=chance))
    people = rng.permutation(np.concatenate(kept))
    population = Population(phenotypes[people], local_changes[people], stature[people], mass[people], is_female[people])
    for name, chosen in (("men", ~population.is_female), ("women", population.is_female)):
        metres, bmi = population.stature[chosen], population.body_mass_index[chosen]
        report(f"{name}: stature {metres.mean():.3f} ± {metres.std():.3f} m, BMI {bmi.mean():.1f} ± {bmi.std():.1f}")
    return population


def random_phenotypes(labels: list[str], count: int, rng: np.random.Generator) -> np.ndarray:
    """Anny's phenotypes (N, 11). Ages .667–.93 are adults; weights beyond 1 extrapolate to the very heavy."""
    drawn = {
        "gender": np.clip((rng.random(count) < 0.5) + rng.normal(0, 0.07, count), 0, 1),
        "age": rng.uniform(0.667, 0.93, count),
        "muscle": rng.beta(2.5, 2.5, count),
        "weight": rng.uniform(0.05, 1.45, count),
        "height": rng.uniform(0.1, 0.65, count),
        "proportions": rng.beta(2, 2, count),
        "cupsize": rng.beta(2, 2, count),
        "firmness": rng.beta(2, 2, count),
    }
    drawn["african"], drawn["asian"], drawn["caucasian"] = rng.dirichlet([0.7] * 3, count).T
    return np.stack([drawn[label] for label in labels], axis=1)


def random_local_changes(labels: list[str], count: int, rng: np.random.Generator) -> np.ndarray:
    """Anny's local changes (N, 254): those of `LOCAL_CHANGES` at random, left and right alike, the others zero."""
    changes = np.zeros((count, len(labels)))
    for name, deviation in LOCAL_CHANGES.items():
        sides = [index for index, label in enumerate(labels) if label in (name, f"l-{name}", f"r-{name}")]
        if not sides:
            raise LookupError(f"Anny has no local change called {name}")
        changes[:, sides] = np.clip(rng.normal(0, deviation, count), -1, 1)[:, None]
    return changes


def stature_and_mass(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Metres and kilograms of bodies (B, V, 3), by their height and their volume."""
    first, second, third = (vertices[:, triangles[:, corner]] for corner in range(3))
    volume = np.abs((np.cross(first, second) * third).sum(-1).sum(-1) / 6)
    return np.ptp(vertices[..., 1], axis=1), volume * BODY_DENSITY


def resampling_chance(stature: np.ndarray, log_bmi: np.ndarray, adults: Adults) -> np.ndarray:
    """The probability (N,) of each candidate of one gender. The largest half per cent is cut, lest few dominate."""
    measures = np.stack([stature, log_bmi])
    how_common = gaussian_kde(measures, bw_method=0.2)(measures)
    deviations = ((stature - adults.stature) / adults.stature_deviation) ** 2
    deviations += ((log_bmi - adults.log_bmi) / adults.log_bmi_deviation) ** 2
    chance = np.exp(-0.5 * deviations) / how_common
    chance = np.minimum(chance, np.quantile(chance, 0.995))
    return chance / chance.sum()
