"""The basis of poses: `python -m body_from_image.training pose-basis --out runs/pose-basis`.

Poses in space are sparse sums of basis poses, S = Σ cᵢ Bᵢ (Zhou et al. 2015, "3D Shape Estimation from 2D Landmarks: A
Convex Relaxation Approach", the sparse shape-space model). The basis is learnt from the training clips by dictionary
learning with cᵢ ≥ 0 and ‖Bᵢ‖_F ≤ 1, as the authors do for human poses:

    min over B, C of  Σⱼ ½‖Sⱼ − Σᵢ cᵢⱼ Bᵢ‖² + α Σᵢⱼ cᵢⱼ

The alternation is Mairal et al.'s (2010, algorithm 2) on all poses at once: codes by accelerated projected gradient
(Beck and Teboulle 2009), then each basis pose by its own minimum, projected on the ball.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...inference.body.body_model import BodyModel
from ..measure.metrics import similarity_aligned
from ..people.poses import PoseSampler, load_poses
from .frames import COUNT, about_pelvis, body_keypoints, mean_bone

BASIS_FILE = "pose_basis.npz"
ROUNDS_OF_ALIGNMENT = 3
CODE_STEPS = 60
"""Gradient steps for the codes in each round; they begin where the last round ended."""
FIRST_POSES = 0.01
"""Deviation that tells basis poses apart that begin as the same pose."""


@dataclass(frozen=True)
class PoseBasis:
    """`poses` (k, 25, 3): basis poses about the pelvis, upright in a body's own frame, each of norm at most 1 in units
    in which a person's mean bone is about 1."""

    poses: np.ndarray

    def save(self, path: Path) -> None:
        """Write it in half precision."""
        np.savez_compressed(path, poses=self.poses.astype(np.float16))

    @classmethod
    def load(cls, path: Path) -> "PoseBasis":
        with np.load(path) as archive:
            return cls(archive["poses"].astype(np.float64))


def training_shapes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Keypoints (count, 25, 3) of the average body in poses of the training clips, none widened: about the pelvis, with
    mean bones of 1, turned to lie on their mean as well as they can (Procrustes). Raises PackMissing."""
    model = BodyModel.load()
    rotations = PoseSampler(load_poses("train"), widen=False)(count, rng).astype(np.float32)
    betas = np.zeros((count, model.shapedirs.shape[2]), np.float32)
    points = body_keypoints(model, betas, rotations).astype(np.float64)
    return aligned_shapes(points, np.einsum("bji,bkj->bki", rotations[:, 0], points))


def aligned_shapes(points: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Shapes (N, 25, 3) turned towards the mean of those `first` (N, 25, 3), and then towards their own mean."""
    mean = about_pelvis(first).mean(0)
    for _ in range(ROUNDS_OF_ALIGNMENT):
        shapes = about_pelvis(similarity_aligned(points, np.broadcast_to(mean, points.shape)))
        shapes /= mean_bone(shapes)[:, None, None]
        mean = shapes.mean(0)
    return shapes


def codes_of(gram: np.ndarray, match: np.ndarray, sparsity: float, codes: np.ndarray, steps: int) -> np.ndarray:
    """Codes (N, k) ≥ 0 that come near the minimum of ½‖S − cB‖² + α Σc, from `codes`, for the basis' products `gram`
    (k, k) and the shapes' products with the basis `match` (N, k)."""
    step = 1 / np.linalg.eigvalsh(gram)[-1]
    ahead, momentum = codes, 1.0
    for _ in range(steps):
        after = np.maximum(ahead - step * (ahead @ gram - match + sparsity), 0)
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = after + (momentum - 1) / grown * (after - codes)
        codes, momentum = after, grown
    return codes


def learn_basis(shapes: np.ndarray, size: int, sparsity: float, rounds: int, rng: np.random.Generator) -> np.ndarray:
    """Basis poses (size, K, 3) for shapes (N, K, 3)."""
    flat = shapes.reshape(len(shapes), -1)
    basis = flat[rng.choice(len(flat), size, replace=len(flat) < size)]
    basis = basis + FIRST_POSES * rng.normal(size=basis.shape)
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    codes = np.zeros((len(flat), size))
    for _ in range(rounds):
        codes = codes_of(basis @ basis.T, flat @ basis.T, sparsity, codes, CODE_STEPS)
        basis = _better_basis(basis, codes.T @ codes, codes.T @ flat)
    return basis.reshape(size, *shapes.shape[1:])


def _better_basis(basis: np.ndarray, used: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """One pass over the basis (k, D): each pose at its minimum given the others, and no longer than 1. `used` (k, k)
    and `wanted` (k, D) are the codes' products with each other and with the shapes."""
    basis = basis.copy()
    for number in np.flatnonzero(np.diag(used) > 1e-9):
        moved = basis[number] + (wanted[number] - used[number] @ basis) / used[number, number]
        basis[number] = moved / max(np.linalg.norm(moved), 1)
    return basis


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training pose-basis")
    parser.add_argument("--out", type=Path, default=Path("runs/pose-basis"), help="folder of the run")
    parser.add_argument("--size", type=int, default=64, help="poses in the basis")
    parser.add_argument("--sparsity", type=float, default=0.05, help="the weight α of the codes' sum")
    parser.add_argument("--count", type=int, default=3000, help="training poses")
    parser.add_argument("--rounds", type=int, default=15, help="turns of codes and basis")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    shapes = training_shapes(options.count, rng)
    basis = learn_basis(shapes, options.size, options.sparsity, options.rounds, rng)
    options.out.mkdir(parents=True, exist_ok=True)
    PoseBasis(basis).save(options.out / BASIS_FILE)
    flat, seen = basis.reshape(options.size, 3 * COUNT), shapes.reshape(len(shapes), -1)
    nothing = np.zeros((len(seen), options.size))
    codes = codes_of(flat @ flat.T, seen @ flat.T, options.sparsity, nothing, 10 * CODE_STEPS)
    left = np.linalg.norm((seen - codes @ flat).reshape(shapes.shape), axis=-1).mean()
    used = (codes > 1e-3).sum(1).mean()
    print(f"{options.size} poses, of which a training pose uses {used:.1f}; it is then off by {left:.3f} mean bones")
