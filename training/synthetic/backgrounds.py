"""What is behind people: views into panoramas, photographs without their people, rooms, and leaves fallen at random."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..data.photos2d import LabelledCrop
from .lighting import Light, Place
from .scene import Scene
from .shading import ENCODED, LINEAR

MOST_PHOTOS = 1500
PLACES = 0.25
"""Share of views into the panorama that also gives the light; twice this where there are no photographs."""


def panorama_view(place: Place, sky_from_camera: np.ndarray, field_of_view: float, size: int) -> np.ndarray:
    """The place (size, size, 3), linear, as a camera sees it; `field_of_view` in radians across the picture."""
    height, width, _ = place.panorama.shape
    axis = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32) * np.tan(field_of_view / 2)
    x, y = np.meshgrid(axis, axis)
    rays = np.stack([x, y, np.ones_like(x)], -1) @ sky_from_camera.T.astype(np.float32)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    column = (np.arctan2(rays[..., 0], rays[..., 2]) / (2 * np.pi) + 0.5) * width - 0.5
    row = np.arccos(np.clip(rays[..., 1], -1, 1)) / np.pi * height - 0.5
    column, row = column.astype(np.float32), row.astype(np.float32)
    return cv2.remap(place.panorama, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


@dataclass(frozen=True, eq=False)
class EmptyPhotos:
    """Photographs whose person was painted over by its surroundings, uint8, any size."""

    images: list[np.ndarray]

    @classmethod
    def of(cls, crops: list[LabelledCrop]) -> "EmptyPhotos":
        """From at most `MOST_PHOTOS` crops that have a mask; in others we do not know where people are."""
        masked = [crop for crop in crops if crop.mask is not None]
        chosen = masked[:: -(-len(masked) // MOST_PHOTOS)] if masked else []
        return cls([_without_person(crop.image, crop.mask) for crop in chosen])

    def view(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """A random window (size, size, 3) uint8."""
        return window(self.images, size, rng)


def window(images: list[np.ndarray], size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square of a random picture, mirrored or not, as (size, size, 3)."""
    image = images[rng.integers(len(images))]
    side = int(min(image.shape[:2]) * rng.uniform(0.5, 1.0))
    top, left = (int(rng.integers(extent - side + 1)) for extent in image.shape[:2])
    cut = image[top : top + side, left : left + side]
    cut = cut[:, ::-1] if rng.random() < 0.5 else cut
    return cv2.resize(cut, (size, size), interpolation=cv2.INTER_LINEAR)


def _without_person(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Put other parts of the picture over the person's widened silhouette: its mirror image and its own sides. What
    even they do not cover takes colours from around it."""
    reach = max(image.shape[:2]) // 20
    person = cv2.dilate(mask, np.ones((reach, reach), np.uint8))
    filled, hole = _filled_from_around(image, person), person
    third = image.shape[1] // 3
    moves = (lambda picture: picture[:, ::-1], lambda p: np.roll(p, third, 1), lambda p: np.roll(p, -third, 1))
    for move in moves:
        free = move(person) == 0
        share = (cv2.GaussianBlur(hole, (0, 0), reach / 8) * free)[..., None].astype(np.float32) / 255
        filled = (filled + share * (move(image).astype(np.float32) - filled)).astype(np.uint8)
        hole = np.where(free, 0, hole).astype(np.uint8)
    return filled


def _filled_from_around(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill where `hole` is with what lies around it, coarse to fine."""
    kept = (hole == 0).astype(np.float32)
    level, share = image.astype(np.float32) * kept[..., None], kept
    layers = [(level, share)]
    while min(share.shape) > 4 and share.min() < 1e-3:
        level, share = cv2.pyrDown(level), cv2.pyrDown(share)
        layers.append((level, share))
    coarse = layers[-1][0] / np.maximum(layers[-1][1], 1e-3)[..., None]
    for level, share in reversed(layers[:-1]):
        coarse = cv2.resize(coarse, share.shape[::-1], interpolation=cv2.INTER_LINEAR)
        known = np.clip(share, 0, 1)[..., None]
        here = level / np.maximum(share, 1e-3)[..., None]
        coarse = np.where(known > 1e-3, known * here + (1 - known) * coarse, coarse)
    return np.clip(coarse, 0, 255).astype(np.uint8)


def paint(rng: np.random.Generator) -> np.ndarray:
    """A colour (3,) 0–255 as things have it: mostly dull."""
    return np.clip(rng.uniform(15, 240) + rng.normal(0, rng.gamma(1.5, 14), 3), 0, 255)


def fallen_leaves(size: int, fill: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Overlapping shapes of all sizes (size, size, 3) uint8, whose edges are much like those of photographs (Lee,
    Mumford and Huang 2001). Some show a part of the picture `fill` (size, size, 3)."""
    canvas = np.empty((size, size, 3), np.uint8)
    canvas[:] = paint(rng)
    torn = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(10, 60))):
        radius = size * min(0.03 / max(rng.random(), 0.02) ** 0.8, 0.5)
        center = rng.uniform(-0.1, 1.1, 2) * size
        corners = rng.integers(3, 9)
        turn = np.sort(rng.uniform(0, 2 * np.pi, corners))
        points = center + radius * rng.uniform(0.5, 1.3, (corners, 1)) * np.stack([np.cos(turn), np.sin(turn)], 1)
        cv2.fillPoly(canvas, [points.astype(np.int32)], paint(rng).tolist(), cv2.LINE_AA)
        cv2.fillPoly(torn, [points.astype(np.int32)], int(rng.choice([0, 90, 255])), cv2.LINE_AA)
    share = torn[..., None].astype(np.float32) / 255
    return (canvas + share * (fill.astype(np.float32) - canvas)).astype(np.uint8)


def room(size: int, horizon: float, tiles: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """A patterned wall above `horizon` (0–1 of the picture's height) and a floor in perspective below, uint8."""
    wall = _patterned(tiles, rng, size)
    floor = _patterned(tiles, rng, 2 * size)
    edge = float(np.clip(horizon, 0.05, 0.95) * size)
    spread = rng.uniform(0.5, 3) * size
    source = np.array([[0, 0], [2 * size, 0], [2 * size, 2 * size], [0, 2 * size]], np.float32)
    target = np.array([[0, edge], [size, edge], [size + spread, size], [-spread, size]], np.float32)
    laid = cv2.warpPerspective(floor, cv2.getPerspectiveTransform(source, target), (size, size), flags=cv2.INTER_AREA)
    canvas = np.where((np.arange(size) >= edge)[:, None, None], laid, wall)
    across, down = (np.linspace(*rng.uniform(0.6, 1.2, 2), size, dtype=np.float32) for _ in range(2))
    gradient = (down[:, None] * across)[..., None]
    return np.clip(canvas * gradient, 0, 255).astype(np.uint8)


def _patterned(tiles: list[np.ndarray], rng: np.random.Generator, size: int) -> np.ndarray:
    """A woven tile in three random colours, repeated over (size, size, 3) uint8."""
    tile = tiles[rng.integers(len(tiles))][..., :3]
    colours = paint(rng) + rng.normal(0, rng.uniform(5, 50), (3, 1)) + rng.normal(0, rng.uniform(0, 20), (3, 3))
    coloured = np.clip(tile.reshape(-1, 3).astype(np.float32) / 255 @ colours.astype(np.float32), 0, 255)
    coloured = coloured.reshape(tile.shape).astype(np.uint8)
    side = int(size / rng.uniform(1, 6))
    coloured = cv2.resize(coloured, (side, side), interpolation=cv2.INTER_AREA)
    copies = -(-size // side)
    return np.tile(coloured, (copies, copies, 1))[:size, :size]


class Backgrounds:
    """Draws what is behind. `places` are panoramas, `tiles` woven textures; `photos` may be None; pictures are `size`
    pixels a side."""

    def __init__(self, places: list[Place], tiles: list[np.ndarray], photos: EmptyPhotos | None, size: int):
        self.tiles, self.photos, self.size = tiles, photos, size
        self.prints = [developed(place.panorama) for place in places]

    def surface(self, rng: np.random.Generator) -> np.ndarray:
        """A picture (S, S, 3) uint8 to paint flat things with."""
        kind = rng.random()
        if kind < 0.4:
            return self.photos.view(self.size, rng) if self.photos else window(self.prints, self.size, rng)
        if kind < 0.7:
            return fallen_leaves(self.size, window(self.prints, self.size, rng), rng)
        return _patterned(self.tiles, rng, self.size)

    def sample(self, scene: Scene, place: Place, light: Light, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """Linear light (S, S, 3) behind the people, and the exposure of theirs that suits it."""
        kind = rng.random()
        if kind < (PLACES if self.photos else 2 * PLACES):
            angle = max(2 * np.arctan(self.size / 2 / scene.camera.focal), rng.uniform(0.6, 1.5))
            behind = panorama_view(place, light.sky_from_camera, angle, self.size)
            exposure = rng.uniform(0.5, 1.2)
            behind = np.minimum(behind * (exposure * rng.uniform(0.4, 0.9)), 1.0)
        else:
            picture = self.photos.view(self.size, rng) if self.photos and kind < 0.85 else self._drawn(rng)
            behind = LINEAR[picture]
            exposure = np.clip((behind.mean() / 0.25) ** 0.4, 0.5, 1.5) * rng.uniform(0.6, 1.2)
        if rng.random() < 0.3:
            behind = cv2.GaussianBlur(behind, (0, 0), rng.uniform(0.7, 5) * self.size / 256)
        return behind, float(exposure)

    def _drawn(self, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < 0.5:
            return fallen_leaves(self.size, window(self.prints, self.size, rng), rng)
        return room(self.size, 0.5 + rng.normal(0, 0.25), self.tiles, rng)


def developed(panorama: np.ndarray) -> np.ndarray:
    """A linear panorama as uint8, exposed for its median."""
    exposed = np.clip(panorama * (0.25 / max(float(np.median(panorama)), 1e-6)), 0, 1)
    return ENCODED[(exposed * (len(ENCODED) - 1)).astype(int)]
