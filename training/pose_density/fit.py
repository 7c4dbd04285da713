"""Fit the density of poses and the joint limits: `python -m body_from_image.training pose-density`.

The mixture is SMPLify's (Bogo et al. 2016, §3.2: eight Gaussians over axis-angle), fitted on open motion capture. Clips
that PosePrior is tested on are held out here too.
"""

import argparse
from pathlib import Path

import numpy as np

from ...inference.body.pose_density import DENSITY_FILE, MODELLED, PoseDensity
from ...inference.geometry.joints import JOINT_INDEX, JOINT_NAMES
from ...inference.geometry.rotations import matrix_to_axis_angle
from ..people.poses import PoseSampler, load_poses
from .mixture import Mixture, fit_mixture

FRAMES = 40_000
WIDENED = 0.5
"""Share of the poses that are widened as PosePrior's are: the photos show more than the motion capture does."""
FLOOR = {"wrist": 15, "foot": 10, "collar": 6, "ankle": 7, "head": 8, "shoulder": 8, "hip": 7, "elbow": 8, "knee": 7}
"""Degrees of deviation granted everywhere, by joint; 5 elsewhere. Wrists, toes and collars have poor statistics."""
MARGIN = {"hip": 30, "shoulder": 40, "neck": 20, "head": 10, "knee": 8, "elbow": 10}
"""Degrees that limits lie beyond what 99.8 % of the frames show, by joint; 15 elsewhere. People in the photos bend hips
and shoulders further than those in the motion capture."""
ANATOMY = {
    "collar": ((-10, -40, -45), (10, 30, 50)),
    "wrist": ((-75, -45, -80), (75, 45, 80)),
    "ankle": ((-45, -40, -35), (60, 40, 35)),
    "foot": ((-40, -8, -8), (60, 8, 8)),
    "hand": ((-10, -10, -10), (10, 10, 10)),
}
"""Limits in degrees of left joints whose motion capture is not to be trusted: ranges of motion from anatomy."""


def by_joint(table: dict, default) -> list:
    """A value for each of the 24 joints, by its name without the side."""
    return [table.get(name.removeprefix("left_").removeprefix("right_"), default) for name in JOINT_NAMES]


def joint_limits(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest axis-angle (24, 3) of frames (N, 24, 3), with margins; the root's are infinite."""
    margin = np.deg2rad(by_joint(MARGIN, 15.0))[:, None]
    low, high = np.quantile(frames, (0.001, 0.999), axis=0)
    low, high = low - margin, high + margin
    for name, index in JOINT_INDEX.items():
        limits = ANATOMY.get(name.removeprefix("left_").removeprefix("right_"))
        if limits is None:
            continue
        low[index], high[index] = np.deg2rad(limits)
        if name.startswith("right_"):
            # The mirror image turns the other way about y and z.
            low[index, 1:], high[index, 1:] = -high[index, 1:].copy(), -low[index, 1:].copy()
    low[0], high[0] = -np.inf, np.inf
    return low, high


def draw_poses(split: str, count: int, rng: np.random.Generator, widened: float = 0.0) -> np.ndarray:
    """Axis-angle poses (count, 24, 3) of one split; a share `widened` of them as PosePrior learns them, noise, postures
    beyond the mocap and all."""
    poses = load_poses(split)
    noisy = round(count * widened)
    drawn = [PoseSampler(poses, widen=False)(count - noisy, rng)]
    if noisy:
        drawn.append(PoseSampler(poses)(noisy, rng))
    return matrix_to_axis_angle(np.concatenate(drawn).astype(np.float64))


def as_points(frames: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Frames (N, 24, 3) as the mixture's points (N, 63), within the limits: what lies outside is a fault of capture."""
    return frames.clip(low, high)[:, MODELLED].reshape(len(frames), -1)


def pack_density(mixture: Mixture, low: np.ndarray, high: np.ndarray, usual: float) -> PoseDensity:
    """The mixture as it ships: roots of precisions, so that a pose's energy is a sum of squares."""
    roots = np.linalg.inv(np.linalg.cholesky(mixture.covariances))
    constants = np.log(mixture.weights) + np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(1)
    return PoseDensity(mixture.means, roots, constants.max() - constants, low, high, usual)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training pose-density", description=__doc__.splitlines()[0])
    parser.add_argument("--components", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=DENSITY_FILE)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    low, high = joint_limits(draw_poses("train", FRAMES, rng))
    frames = draw_poses("train", FRAMES, rng, WIDENED)
    floor = np.repeat(np.deg2rad(by_joint(FLOOR, 5.0))[MODELLED], 3)
    mixture = fit_mixture(as_points(frames, low, high), options.components, floor, rng)
    held_out = {name: draw_poses(name, 8000, rng) for name in ("validation", "test")}
    for name, unseen in {"train": frames, **held_out}.items():
        print(f"log density, {name:<10} {mixture.log_likelihood(as_points(unseen, low, high)).mean():8.2f}")
    density = pack_density(mixture, low, high, 0.0)
    energies = np.array([density.energy(pose) for pose in held_out["validation"].clip(low, high)])
    density = pack_density(mixture, low, high, float(np.quantile(energies, 0.99)))
    print(f"energy of held-out poses: median {np.median(energies):.1f}, 99 of 100 below {density.usual:.1f}")
    outside = ((held_out["test"] < low) | (held_out["test"] > high))[:, 1:].any((1, 2)).mean()
    print(f"held-out test frames beyond a limit: {outside:.3f}")
    density.save(options.out)
    print(f"{options.out}  {options.out.stat().st_size / 1e3:.0f} kB")
