"""Light from photographed places: HDRI panoramas as spherical harmonics, and the sun in them as a lamp with shadows.

The sky's frame is y up; a panorama's middle column is +z. Ramamoorthi and Hanrahan 2001: nine numbers a colour hold all
that a matt surface sees of a sky.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..data.packs import pack

SUN_EXCESS = 4.0
"""What is brighter than this many times a panorama's mean is taken out of the sky and becomes its sun."""
SHADOW_SIZE = 192


@dataclass(frozen=True, eq=False)
class Place:
    """A panorama, linear, scaled so that a white sheet under it, turned at random, is 1 bright on average."""

    name: str
    panorama: np.ndarray
    """(h, 2h, 3) float32 RGB."""
    harmonics: np.ndarray
    """(9, 3) float32, as `shading.shade` takes them."""
    sun: np.ndarray
    """(3,) towards the sun."""
    sunlight: np.ndarray
    """(3,)"""


@dataclass(frozen=True, eq=False)
class Light:
    """What falls on people in one picture, in the frame of its camera."""

    harmonics: np.ndarray
    sky_from_camera: np.ndarray
    """(3, 3) float32"""
    sun: np.ndarray
    """(3,) float32"""
    sunlight: np.ndarray
    """(3,) float32"""


SPLITS = ("train", "calibration", "validation")
"""Every third panorama belongs to each: no place that is measured on is ever seen in training."""


def panoramas(split: str) -> list[Path]:
    """Files of the pack render_assets that belong to one of `SPLITS`. Raises PackMissing."""
    return sorted((pack("render_assets") / "hdri").glob("*.hdr"))[SPLITS.index(split) :: len(SPLITS)]


def load_places(split: str = "train") -> list[Place]:
    """The panoramas of a split. Raises PackMissing."""
    files = panoramas(split)
    return [measured(file.stem, cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[..., ::-1]) for file in files]


def measured(name: str, panorama: np.ndarray) -> Place:
    """Split a panorama (h, 2h, 3) into sky and sun, and scale it."""
    panorama = np.ascontiguousarray(panorama, np.float32)
    height, width, _ = panorama.shape
    polar = (np.arange(height) + 0.5) / height * np.pi
    solid = np.broadcast_to(np.sin(polar)[:, None] * (np.pi / height) * (2 * np.pi / width), (height, width))
    directions = direction_of(width, height)
    mean = (panorama * solid[..., None]).sum((0, 1)) / (4 * np.pi)
    luminance = panorama.mean(-1)
    sky = panorama * np.minimum(1, SUN_EXCESS * mean.mean() / np.maximum(luminance, 1e-6))[..., None]
    excess = (panorama - sky) * solid[..., None]
    sun = (directions * excess.mean(-1, keepdims=True)).sum((0, 1))
    sun = sun / (np.linalg.norm(sun) + 1e-9) if excess.sum() > 1e-6 else np.array([0.0, 1.0, 0.0])
    sunlight = np.minimum(excess.sum((0, 1)) / np.pi, 3 * mean)
    return Place(
        name,
        panorama / mean.mean(),
        (harmonics_of(sky, directions, solid) / mean.mean()).astype(np.float32),
        sun.astype(np.float32),
        (sunlight / mean.mean()).astype(np.float32),
    )


def direction_of(width: int, height: int) -> np.ndarray:
    """Unit directions (height, width, 3) of a panorama's pixels."""
    azimuth = ((np.arange(width) + 0.5) / width * 2 - 1) * np.pi
    polar = ((np.arange(height) + 0.5) / height * np.pi)[:, None]
    return np.stack(
        [np.sin(polar) * np.sin(azimuth), np.cos(polar) * np.ones_like(azimuth), np.sin(polar) * np.cos(azimuth)], -1
    )


def harmonics_of(sky: np.ndarray, directions: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """(9, 3): coefficients of 1, y, z, x, xy, yz, 3z²−1, xz, x²−y² in the irradiance over π."""
    x, y, z = np.moveaxis(directions, -1, 0)
    basis = np.stack([np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y])
    norm = np.array([0.282095] + [0.488603] * 3 + [1.092548] * 2 + [0.315392, 1.092548, 0.546274])
    spread = np.array([1.0] + [2 / 3] * 3 + [1 / 4] * 5)
    return np.einsum("khw,hwc,hw->kc", basis, sky, solid) * (norm**2 * spread)[:, None]


def sample_light(place: Place, camera_from_world: np.ndarray, rng: np.random.Generator) -> Light:
    """The place's light, turned about the vertical, its sun brighter or dimmer, or a lamp or a flash instead."""
    yaw = rng.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    sky_from_camera = turn @ camera_from_world.T
    sun, sunlight = place.sun @ sky_from_camera, place.sunlight * rng.uniform(0.3, 1.3)
    if rng.random() < 0.3:
        sun = camera_from_world @ _upwards(rng)
        sunlight = rng.uniform(0.3, 1.6) * rng.uniform(0.8, 1.2, 3)
    elif rng.random() < 0.1:
        sun, sunlight = np.array([rng.normal(0, 0.1), -0.1, -1.0]), np.full(3, rng.uniform(0.4, 1.5))
    sun = sun / np.linalg.norm(sun)
    harmonics = place.harmonics * rng.uniform(0.5, 1.2)
    return Light(*(np.ascontiguousarray(part, np.float32) for part in (harmonics, sky_from_camera, sun, sunlight)))


def _upwards(rng: np.random.Generator) -> np.ndarray:
    azimuth, height = rng.uniform(-np.pi, np.pi), rng.uniform(0.15, 1.0)
    flat = np.sqrt(1 - height**2)
    return np.array([flat * np.sin(azimuth), height, flat * np.cos(azimuth)])


def shadow_camera(points: np.ndarray, sun: np.ndarray) -> np.ndarray:
    """(3, 4) float32: camera-frame points to column, row and nearness on a shadow map that holds `points` (N, 3)."""
    side = np.cross(sun, [0.0, 0.0, 1.0] if abs(sun[2]) < 0.9 else [1.0, 0.0, 0.0])
    side = side / np.linalg.norm(side)
    axes = np.stack([side, np.cross(sun, side), sun])
    seen = points @ axes.T
    low, high = seen.min(0), seen.max(0)
    scale = (SHADOW_SIZE - 4) / max(high[0] - low[0], high[1] - low[1], 1e-3)
    matrix = np.hstack([axes, -low[:, None]])
    matrix[:2] *= scale
    matrix[:2, 3] += 2
    matrix[2, 3] += 1  # nearness is above 0 everywhere
    return matrix.astype(np.float32)
