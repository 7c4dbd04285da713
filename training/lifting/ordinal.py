"""Ordinal depth (Pavlakos, Zhou, Daniilidis 2018): which of two keypoints is nearer to the camera, or that neither is.

A person can tell this of a photo, and nothing more about depth. A relation r(i, j) is +1 when i is the farther, -1 when
it is the nearer, 0 when both are about as far or one is unknown.
"""

import numpy as np

from .frames import COUNT

ALIKE = 0.1
"""Metres. Keypoints whose depths differ by less are about as far: a person could not tell."""


def relations(depth: np.ndarray, known: np.ndarray | None = None, alike: float = ALIKE) -> np.ndarray:
    """r (B, K, K) in {-1, 0, 1} of depths (B, K), greater is farther. What is not `known` (B, K) has no relations."""
    behind = depth[:, :, None] - depth[:, None, :]
    relation = np.sign(behind) * (np.abs(behind) >= alike)
    return relation if known is None else relation * (known[:, :, None] & known[:, None, :])


def order_features(relation: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(B, 50) float32 of relations (B, 25, 25): for each keypoint the mean of its relations to the other known ones (1:
    it is behind them all, -1: before them all), and whether it is known.

    The mean holds all that a full order without ties says, is invariant to any monotone change of the depths (as long
    as no difference crosses `ALIKE`), and can be had from some pairs only.
    """
    others = np.maximum(known.sum(1, keepdims=True) - 1, 1)
    return np.concatenate([relation.sum(2) / others * known, known], 1).astype(np.float32)


def order_of(depth: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """`order_features` (B, 50) of depths (B, 25) in metres; all are known if `known` is left out."""
    known = np.ones(depth.shape, bool) if known is None else known
    return order_features(relations(depth, known), known)


def no_order(count: int) -> np.ndarray:
    """`order_features` (count, 50) when nothing is known about depth."""
    return np.zeros((count, 2 * COUNT), np.float32)


def pairs_right(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of the relations in `truth` (B, K, K) other than 0 of which depths `found` (B, K) have the sign."""
    ordered = truth != 0
    return float((np.sign(found[:, :, None] - found[:, None, :]) == truth)[ordered].mean())
