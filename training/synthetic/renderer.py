"""`Renderer.sample(rng)`: one synthetic photograph as the `LabelledCrop` that Human2D's training takes."""

from dataclasses import dataclass

import cv2
import numpy as np

from ...inference.geometry.joints import KEYPOINT_INDEX, LIMB_KEYPOINTS
from ..data.photos2d import SYNTHETIC, LabelledCrop
from .backgrounds import Backgrounds, EmptyPhotos
from .ground import ground_shadow
from .lighting import SHADOW_SIZE, Light, load_places, sample_light, shadow_camera
from .occluders import put_in_front
from .parts import WHOLE, Figure, Part
from .people import People
from .rasterizer import Sight, Surface, draw, draw_nearness, project
from .scene import Options, Scene, stage
from .shading import ENCODED, LINEAR, Lighting, Material, develop, shade

NEAR_PLANE = 0.1
"""Metres: what is closer to the camera is not drawn."""
THICKNESS = 0.16
"""Metres that a joint may lie behind the surface that is seen at its pixel and still count as in sight."""
LEAST_IN_SIGHT = 5
"""Limb keypoints of which fewer in sight make a picture worthless; another is drawn."""
SOFTNESS = (0.4, 1.3)
"""Deviation of the blur of unsharp pictures, pixels of a picture 256 wide: people in photographs are often small, and
enlarged."""
_NO_SHADOW = np.zeros((1, 1), np.float32)


@dataclass(frozen=True, eq=False)
class Photograph:
    """A rendered picture and all that is known about it."""

    image: np.ndarray
    """(S, S, 3) uint8 RGB"""
    mask: np.ndarray
    """(S, S) uint8 0/255: what is seen of the person, with clothes and hair"""
    keypoints: np.ndarray
    """(25, 2) pixels"""
    depth: np.ndarray
    """(25,) how far behind the pelvis, in pixels at the pelvis' distance"""
    sight: np.ndarray
    """(25,) int: 0 outside the picture, 1 behind another thing, 2 behind the own body, 3 in sight"""
    person: Figure
    """the labelled person in space"""


class Renderer:
    """Draws pictures. Loading takes some twenty seconds, and the packs mocap and render_assets.

    `crops` are training crops of photos2d, whose surroundings become backgrounds once their people are painted over.
    Without them the pictures, and what is learnt from them alone, are free for any use. One renderer draws one picture
    at a time: it keeps its buffers.
    """

    def __init__(
        self, options: Options | None = None, crops: list[LabelledCrop] | None = None, people: People | None = None
    ):
        self.options = options or Options()
        self.people = people or People()
        self.places = load_places()
        photos = EmptyPhotos.of(crops) if crops else None
        self.backgrounds = Backgrounds(self.places, self.people.wardrobe.tiles, photos, self.options.size)
        self.buffers = Buffers(self.options.size * self.options.fine)

    def sample(self, rng: np.random.Generator) -> LabelledCrop:
        """One crop, whose keypoints weigh 1 in sight or behind the own body, `hidden_weight` behind other things and 0
        outside the picture."""
        photograph = self.photograph(rng)
        weights = np.array([0, self.options.hidden_weight, 1, 1], np.float32)[photograph.sight]
        keypoints = np.column_stack([photograph.keypoints, weights]).astype(np.float32)
        depth = np.column_stack([photograph.depth, photograph.sight > 0]).astype(np.float32)
        return LabelledCrop(-1, SYNTHETIC, photograph.image, keypoints, photograph.mask, False, depth)

    def photograph(self, rng: np.random.Generator) -> Photograph:
        """Draw a picture by lot. Those that hide nearly all of the person are thrown away."""
        while True:
            scene = stage(self.people, self.options, rng)
            picture = self.render(scene, rng)
            if (picture.sight[LIMB_KEYPOINTS] >= 2).sum() >= LEAST_IN_SIGHT:
                return picture

    def empty(self, rng: np.random.Generator) -> np.ndarray:
        """What is behind somebody, without them: (S, S, 3) uint8."""
        scene, place = stage(self.people, self.options, rng), self.places[rng.integers(len(self.places))]
        light = sample_light(place, scene.camera_from_world, rng)
        background, exposure = self.backgrounds.sample(scene, place, light, rng)
        self.buffers.seen[:] = -1
        image = np.empty((self.options.size, self.options.size, 3), np.uint8)
        develop(self.buffers.light, self.buffers.seen, background, exposure, ENCODED, image)
        return image

    def render(self, scene: Scene, rng: np.random.Generator) -> Photograph:
        """The picture of a scene; `rng` draws the light, the background and what stands in front."""
        options, buffers = self.options, self.buffers
        ends = buffers.look(scene, options.fine)
        place = self.places[rng.integers(len(self.places))]
        light = sample_light(place, scene.camera_from_world, rng)
        background, exposure = self.backgrounds.sample(scene, place, light, rng)
        if rng.random() < options.shadows:
            background *= 1 - rng.uniform(0.2, 0.7) * ground_shadow(scene, light.sun, options.size)[..., None]
        buffers.shade(scene, light, rng.random() < options.shadows)
        image = np.empty((options.size, options.size, 3), np.uint8)
        develop(buffers.light, buffers.seen, background, exposure, ENCODED, image)
        own = (buffers.seen >= 0) & (buffers.seen < ends[0])
        mask = mask_of(own, options.size)
        pixels = scene.camera.project(scene.figures[0].keypoints)
        sight = buffers.sight(scene.figures[0].keypoints[:, 2], pixels, ends[0], options.fine)
        if rng.random() < options.occluders:
            front = put_in_front(image, mask, self.backgrounds, rng)
            rows, columns = _pixels(pixels, options.size)
            sight[(sight > 0) & (front[rows, columns] > 127)] = 1
        if rng.random() < options.soft:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(*SOFTNESS) * options.size / 256)
        distance = scene.figures[0].keypoints[:, 2]
        pelvis = distance[KEYPOINT_INDEX["pelvis"]]
        depth = (distance - pelvis) * scene.camera.focal / pelvis
        return Photograph(
            image, mask, pixels.astype(np.float32), depth.astype(np.float32), sight, scene.figures[0]
        )  # fmt: skip


def mask_of(covered: np.ndarray, size: int) -> np.ndarray:
    """(size, size) uint8 0/255: the pixels of which most samples (kS, kS) are covered. Where half are, the first sample
    decides: to take all of these pixels would widen the outline."""
    fine = len(covered) // size
    share = cv2.resize(covered.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return (share + 0.01 * covered[::fine, ::fine] > 0.505).astype(np.uint8) * 255


def _pixels(points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    columns, rows = np.clip(np.rint(points), 0, size - 1).astype(int).T
    return rows, columns


class Buffers:
    """What is seen at each sample, how near, and its light. `size` samples a side."""

    def __init__(self, size: int):
        self.seen, self.nearness = np.empty((size, size), np.int32), np.empty((size, size), np.float32)
        self.sampled = Sight(self.seen, self.nearness, np.empty((size, size, 2), np.float32))
        self.light = np.empty((size, size, 3), np.float32)
        self.windows: list[np.ndarray] = []

    def look(self, scene: Scene, fine: int) -> list[int]:
        """Find what is seen where. Triangles are numbered on through all parts; returns each figure's end."""
        self.seen[:] = -1
        self.nearness[:] = 0
        first, ends, size = 0, [], len(self.seen)
        focal, center = scene.camera.focal * fine, (scene.camera.center + 0.5) * fine - 0.5
        self.windows = []
        for figure in scene.figures:
            for part in figure.parts:
                screen, window = project(part.vertices, focal, center, NEAR_PLANE, size)
                self.windows.append(window)
                holes = part.looks.texture if part.looks.holed else WHOLE
                surface = Surface(screen, part.faces, part.two_sided, part.cut, part.uvs, holes)
                draw(surface, first, self.sampled)
                first += len(part.faces)
            ends.append(first)
        return ends

    def shade(self, scene: Scene, light: Light, shadows: bool) -> None:
        """Give light to all that `look` has seen of this scene."""
        shadow, light_from_camera = _NO_SHADOW, np.zeros((3, 4), np.float32)
        if shadows:
            shadow, light_from_camera = shadow_map(scene.figures, light.sun)
        sky = (light.harmonics, light.sky_from_camera, light.sun, light.sunlight)
        lighting = Lighting(*sky, shadow, light_from_camera)
        first, reach = 0, max(int(0.03 * len(self.seen)), 2)
        for part, window in zip((part for figure in scene.figures for part in figure.parts), self.windows, strict=True):
            looks = part.looks
            material = Material(
                part.faces, part.vertices, part.normals, part.uvs, looks.texture, LINEAR, looks.colour, looks.shine
            )
            shade(window, first, material, lighting, self.sampled, reach, self.light)
            first += len(part.faces)

    def sight(self, depths: np.ndarray, pixels: np.ndarray, end: int, fine: int) -> np.ndarray:
        """For keypoints at `depths` (K,) and `pixels` (K, 2) of the figure that ends at number `end`: see
        `Photograph.sight`."""
        size = len(self.seen) // fine
        inside = ((pixels > -0.5) & (pixels < size - 0.5)).all(1)
        rows, columns = _pixels((pixels + 0.5) * fine - 0.5, len(self.seen))
        seen, near = self.seen[rows, columns], self.nearness[rows, columns]
        behind = depths - 1 / np.maximum(near, 1e-6) > THICKNESS
        sight = np.where(seen >= end, 1, np.where((seen >= 0) & behind, 2, 3))
        # A keypoint can lie beyond another figure's outline and yet in front of it.
        sight[(seen >= end) & (depths < 1 / np.maximum(near, 1e-6))] = 3
        return np.where(inside, sight, 0)


def shadow_map(figures: list[Figure], sun: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the sun sees (N, N), and the map (3, 4) from the camera's frame to its columns, rows and nearness."""
    parts: list[Part] = [part for figure in figures for part in figure.parts]
    matrix = shadow_camera(np.concatenate([figure.parts[0].vertices for figure in figures]), sun)
    shadow = np.zeros((SHADOW_SIZE, SHADOW_SIZE), np.float32)
    for part in parts:
        draw_nearness(part.vertices @ matrix[:, :3].T + matrix[:, 3], part.faces, part.cut, shadow)
    return shadow, matrix
