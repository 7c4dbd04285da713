"""Whole pictures in which the truth is known: people cut out of photos and put onto places without people.

They are compositions, not photos: light and sharpness do not match, and the places are views of panoramas. What they
tell is whether the person's box comes out right when the person is small, off centre, or has somebody beside them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...data.photos2d import LabelledCrop, load_crops
from ...synthetic.lighting import panoramas
from .pictures import LARGEST, SOURCES

HEIGHTS = (0.2, 0.3, 0.45, 0.7, 1.0)
"""Of the person over the picture's."""
SHAPES = ((960, 640), (640, 640), (560, 720), (854, 480))
"""Width and height of the pictures."""
PANORAMA_ROWS = slice(20, 236)
"""Of a panorama 256 pixels high: what is left has neither zenith nor nadir."""
WITH_OTHERS = 0.5
"""Share of the pictures that show somebody else as well, .5 to .8 of the person's height."""


@dataclass(frozen=True)
class Scene:
    """A composed picture. `picture` has the person's keypoints and silhouette; `height` is theirs over the picture's,
    and `other` the box (x, y, width, height) of somebody else, smaller than they are."""

    picture: LabelledCrop
    height: float
    other: np.ndarray | None


def places(split: str) -> list[np.ndarray]:
    """Panoramas (256, 512, 3) uint8 RGB without people that belong to a split. Raises PackMissing."""
    return [_exposed(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)) for path in panoramas(split)]


def _exposed(radiance: np.ndarray) -> np.ndarray:
    """Radiance (H, W, 3) BGR as a picture RGB, the brightest twentieth blown out."""
    shown = np.clip(radiance / np.percentile(radiance, 95), 0, 1) ** (1 / 2.2)
    return cv2.cvtColor((255 * shown).astype(np.uint8), cv2.COLOR_BGR2RGB)


def view(place: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A picture of `size` (width, height) from a panorama, looking anywhere along the horizon."""
    rows = place[PANORAMA_ROWS]
    width = min(round(rows.shape[0] * size[0] / size[1]), rows.shape[1])
    turned = np.roll(rows, rng.integers(rows.shape[1]), axis=1)[:, :width]
    return cv2.resize(turned, size, interpolation=cv2.INTER_CUBIC)


def empty_pictures(split: str, each: int = 9, seed: int = 0) -> list[np.ndarray]:
    """Pictures (H, W, 3) uint8 RGB with nobody in them, `each` of every panorama of the split."""
    rng = np.random.default_rng(seed)
    return [
        photographed(view(place, SHAPES[number % len(SHAPES)], rng), rng)
        for place in places(split)
        for number in range(each)
    ]


def people(split: str, name: str) -> list[LabelledCrop]:
    """Crops of a source that have a silhouette to be cut out by: of ccp people's, of lspet the teacher's, where it
    agrees with people's joints."""
    crops = load_crops(split, (SOURCES[name],), longest_side=LARGEST)
    return [crop for crop in crops if crop.mask is not None and (crop.mask > 127).mean() > 0.02]


def compose(split: str, each: int = 12, seed: int = 0) -> list[Scene]:
    """`each` pictures for each of two sources and of `HEIGHTS`. Raises PackMissing."""
    rng = np.random.default_rng(seed)
    panoramas, scenes = places(split), []
    for name in ("lspet", "ccp"):
        crops = people(split, name)
        order = rng.permutation(len(crops))
        for number in range(each * len(HEIGHTS)):
            person, other = (crops[order[(number + step) % len(order)]] for step in (0, len(order) // 2))
            size = SHAPES[rng.integers(len(SHAPES))]
            background = view(panoramas[rng.integers(len(panoramas))], size, rng)
            scenes.append(scene(background, person, HEIGHTS[number % len(HEIGHTS)], other, rng))
    return scenes


def scene(
    background: np.ndarray, person: LabelledCrop, height: float, other: LabelledCrop, rng: np.random.Generator
) -> Scene:
    """Put a person of `height` of the picture onto a background (H, W, 3), and in half of the cases somebody behind."""
    tall, wide = background.shape[:2]
    x, y, width, across = extent(person)
    scale = min(height * tall / across, wide / width)
    left, top = (rng.uniform(0, max(room, 1e-3)) for room in (wide - scale * width, tall - scale * across))
    place = np.array([[scale, 0, left - scale * x], [0, scale, top - scale * y]])
    picture, box = background, None
    if rng.random() < WITH_OTHERS:
        picture, box = _beside(picture, other, np.array([left, top, scale * width, scale * across]), rng)
    picture, mask = pasted(picture, person, place)
    keypoints = person.keypoints.copy()
    keypoints[:, :2] = keypoints[:, :2] @ place[:, :2].T + place[:, 2]
    labelled = LabelledCrop(person.id, person.source, photographed(picture, rng), keypoints, mask, person.human_mask)
    return Scene(labelled, scale * across / tall, box)


def _beside(
    picture: np.ndarray, other: LabelledCrop, person: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Somebody else, smaller, to the side of the person's box where there is more room; None when hardly any of them
    would be seen."""
    x, y, width, across = extent(other)
    scale = rng.uniform(0.5, 0.8) * person[3] / across
    gap = rng.uniform(-0.1, 0.5) * person[2]
    right = person[0] + person[2] / 2 < picture.shape[1] / 2
    left = person[0] + person[2] + gap if right else person[0] - gap - scale * width
    top = person[1] + person[3] - scale * across
    drawn, mask = pasted(picture, other, np.array([[scale, 0, left - scale * x], [0, scale, top - scale * y]]))
    if (mask > 127).sum() < 0.5 * scale**2 * (other.mask > 127).sum():
        return picture, None
    return drawn, np.array(cv2.boundingRect((mask > 127).astype(np.uint8)), float)


def extent(crop: LabelledCrop) -> tuple[int, int, int, int]:
    return cv2.boundingRect((crop.mask > 127).astype(np.uint8))


def pasted(picture: np.ndarray, crop: LabelledCrop, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The person of a crop drawn onto a picture by the affine map `place` (2, 3), and their silhouette there."""
    size, scale = picture.shape[1::-1], place[0, 0]
    image, mask = crop.image, crop.mask
    if scale < 0.5:
        blur = 0.35 / scale
        image, mask = cv2.GaussianBlur(image, (0, 0), blur), cv2.GaussianBlur(mask, (0, 0), blur)
    image = cv2.warpAffine(image, place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(mask, place, size, flags=cv2.INTER_LINEAR)
    alpha = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None] / 255
    return (alpha * image + (1 - alpha) * picture).astype(np.uint8), mask


def photographed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One grain and one compression over the whole picture, so that its parts differ less."""
    noisy = np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], cv2.IMREAD_COLOR)
