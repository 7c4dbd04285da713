"""Whom a sample is about, told as the engine tells it: keypoints as the finder sees them, or the film's last frame."""

import numpy as np

from ...inference.geometry.joints import COCO_SHARED, KEYPOINT_MIRROR, KEYPOINT_NAMES

WITHOUT = 0.3
"""Share of samples that nothing is told of, as when the user drew a box."""
OF_FINDER = 0.7
"""Share of the others in which only keypoints are told that the finder has."""
KEPT = (0.5, 1.0)
"""Share of the labelled keypoints that are told."""
ERROR = (0.008, 0.04)
"""Deviation of the places, over the longer side of the box about them; a finder that sees a photo 256 pixels long is
off by a cell of four."""
ASTRAY, ASTRAY_ERROR = 0.08, 5.0
"""Share of the keypoints that are off by so many times as much."""
EXCHANGED = 0.05
"""Share of prompts with left and right exchanged: of people seen from behind, the finder is not sure either."""
NOBODY_TALL = (0.35, 0.9)
"""Of the picture's height: somebody of whom the finder believes that they are in a picture of nobody."""
_FINDERS = np.isin(KEYPOINT_NAMES, COCO_SHARED)


def drawn_prompt(keypoints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A prompt (25, 3), pixels and 0/1, about somebody whose labels (25, 3) have a weight where there is one."""
    known = keypoints[:, 2] > 0
    prompt = np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
    if not known.any() or rng.random() < WITHOUT:
        return prompt
    error = np.ptp(keypoints[known, :2], axis=0).max() * np.exp(rng.uniform(*np.log(ERROR)))
    errors = error * np.where(rng.random(len(known)) < ASTRAY, ASTRAY_ERROR, 1.0)
    prompt[:, :2] = keypoints[:, :2] + errors[:, None] * rng.normal(size=(len(known), 2))
    prompt[:, 2] = known & (rng.random(len(known)) < rng.uniform(*KEPT))
    if rng.random() < OF_FINDER:
        prompt[~_FINDERS, 2] = 0
    return prompt[KEYPOINT_MIRROR] if rng.random() < EXCHANGED else prompt


def mistaken_prompt(keypoints: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """What a finder might say that sees somebody in a picture of `size` (width, height) that shows nobody: a pose that
    somebody else (25, 3) has, anywhere in it."""
    labelled = keypoints[:, 2] > 0
    if labelled.sum() < 2:
        return np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
    low, extent = keypoints[labelled, :2].min(0), np.ptp(keypoints[labelled, :2], axis=0)
    scale = rng.uniform(*NOBODY_TALL) * min(size) / max(extent.max(), 1.0)
    moved = keypoints.copy()
    moved[:, :2] = (keypoints[:, :2] - low) * scale + rng.uniform(0, np.maximum(np.array(size) - scale * extent, 1))
    return drawn_prompt(moved, rng)
