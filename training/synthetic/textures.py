"""Textures as the renderer wants them: square, RGBA, small; photographed ones from the pack, woven ones drawn here.

A woven tile holds no colours but how much of each of three dyes is at a place, in its red, green and blue; a garment's
colour matrix has the dyes in its columns. So a few dozen tiles make any number of cloths.
"""

from pathlib import Path

import cv2
import numpy as np

from .shading import LINEAR

SIDE = 512
TILE = 128
MELANGE = 6
"""Which woven tile is speckled."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def read_texture(path: Path) -> np.ndarray:
    """A picture file as (SIDE, SIDE, 4) uint8, opaque where it has no alpha channel."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    image = cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if image.shape[2] == 4 else cv2.COLOR_BGR2RGBA)
    return np.ascontiguousarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def mean_colour(texture: np.ndarray) -> np.ndarray:
    """(3,) linear, of what is opaque and neither black nor white paper."""
    pixels = texture.reshape(-1, 4)
    light = LINEAR[pixels[:, :3]]
    used = (pixels[:, 3] > 127) & (light.max(1) > 0.004) & (light.min(1) < 0.75)
    return light[used].mean(0) if used.any() else light.mean(0)


def dyed(texture_mean: np.ndarray, colour: np.ndarray, amount: float) -> np.ndarray:
    """A colour matrix (3, 3) float32 that keeps 1 − `amount` of a texture's own colours and dyes the rest."""
    grey = np.outer(colour, LUMINANCE) / max(float(LUMINANCE @ texture_mean), 0.02)
    return ((1 - amount) * np.eye(3) + amount * grey).astype(np.float32)


def sample_dye(rng: np.random.Generator) -> np.ndarray:
    """A linear colour (3,) as cloth has them: often black, white, grey, navy or beige, else anything."""
    if rng.random() < 0.45:
        grey = rng.choice([0.015, 0.03, 0.08, 0.2, 0.45, 0.75]) * rng.uniform(0.8, 1.2)
        tint = rng.choice([[1, 1, 1], [0.8, 0.9, 1.3], [1.15, 1.0, 0.75], [1, 1, 1]])
        return np.clip(grey * np.array(tint), 0.01, 0.85)
    hue, saturation, value = rng.random(), rng.beta(2, 2), rng.uniform(0.2, 0.9)
    hsv = np.array([[[hue * 179, saturation * 255, value * 255]]]).astype(np.uint8)
    return np.clip(LINEAR[cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]], 0.01, 0.85)


def sample_dyes(rng: np.random.Generator) -> np.ndarray:
    """Three dyes as the columns of a colour matrix (3, 3) float32."""
    return np.stack([sample_dye(rng) for _ in range(3)], 1).astype(np.float32)


def woven_tiles(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Tiles (TILE, TILE, 4) that repeat: plain, striped, checked, dotted, blotched and printed cloth."""
    makers = (_plain, _stripes, _stripes, _checks, _dots, _blotches, _melange, _print)  # MELANGE is the seventh
    return [_as_tile(makers[number % len(makers)](rng), rng) for number in range(count)]


def _as_tile(dye: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which dye (TILE, TILE) in 0–2 is where, as shares, dimmed by a weave and by wear."""
    shares = np.eye(3)[dye]
    wear = 1 - rng.uniform(0, 0.25) * _noise(rng, 4) - rng.uniform(0, 0.2) * rng.random((TILE, TILE))
    encoded = 255 * (shares * wear[..., None]) ** (1 / 2.2)
    return np.dstack([encoded, np.full((TILE, TILE), 255)]).astype(np.uint8)


def _noise(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth noise (TILE, TILE) in 0–1 that repeats."""
    grid = np.pad(rng.random((cells, cells)).astype(np.float32), 1, mode="wrap")
    wide = cv2.resize(grid, None, fx=TILE / cells, fy=TILE / cells, interpolation=cv2.INTER_CUBIC)
    margin = TILE // cells
    return np.clip(wide[margin : margin + TILE, margin : margin + TILE], 0, 1)


def _plain(rng):
    return np.zeros((TILE, TILE), int)


def _stripes(rng):
    line = _band_pattern(rng)
    return np.broadcast_to(line[:, None] if rng.random() < 0.75 else line, (TILE, TILE))


def _band_pattern(rng) -> np.ndarray:
    """One line (TILE,) of dyes: a ground with bands."""
    line, period = np.zeros(TILE, int), TILE // rng.choice([1, 2, 4, 8])
    start, width = 0, max(int(period * rng.uniform(0.1, 0.5)), 2)
    line[np.arange(TILE) % period < start + width] = 1
    if rng.random() < 0.5:
        line[(np.arange(TILE) + period // 2) % period < max(width // 3, 1)] = 2
    return line


def _checks(rng):
    line = _band_pattern(rng)
    return np.where((np.add.outer(np.arange(TILE), np.arange(TILE)) // 2) % 2, line[:, None], line)


def _dots(rng):
    period = TILE // rng.choice([2, 4, 8])
    y, x = np.mgrid[:TILE, :TILE]
    shift = (y // period % 2) * (period // 2)
    away = np.hypot(y % period - period / 2, (x + shift) % period - period / 2)
    return (away < period * rng.uniform(0.15, 0.35)).astype(int)


def _blotches(rng):
    field = 0.7 * _noise(rng, rng.choice([4, 8, 16])) + 0.3 * _noise(rng, 32)
    return np.digitize(field, np.sort(rng.uniform(0.3, 0.7, 2)))


def _melange(rng):
    return (rng.random((TILE, TILE)) < rng.uniform(0.05, 0.4)).astype(int)


def _print(rng):
    """Shapes thrown on a ground."""
    canvas = np.zeros((TILE, TILE), np.uint8)
    for _ in range(rng.integers(3, 14)):
        center = tuple(int(c) for c in rng.integers(TILE // 6, TILE - TILE // 6, 2))
        axes = tuple(int(a) for a in rng.integers(3, TILE // 7, 2))
        cv2.ellipse(canvas, center, axes, float(rng.uniform(0, 180)), 0, 360, int(rng.integers(1, 3)), -1)
    return canvas.astype(int)
