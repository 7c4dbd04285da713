"""From a labelled crop to a training sample: geometry, light, occlusion.

Ranges are wider than the paper's (±30°, .75–1.25): with ten thousand labels, augmentation is what keeps a network from
learning them by heart, and people in photos are cut off, tilted and hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...inference.geometry.joints import KEYPOINT_MIRROR
from ...inference.networks.crop import FILL, Crop, crop_of_box, crop_to_heatmap
from ...inference.networks.human2d import prompt_in
from ..data.photos2d import LabelledCrop
from .company import with_somebody_else
from .prompts import drawn_prompt, mistaken_prompt


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes. `PAPER` holds the published ones; the default is ours."""

    rotation: float = 45.0
    """Degrees, either way, in six samples of ten."""
    any_rotation: float = 0.2
    """Share of samples turned by any angle: two sports pictures in five show somebody lying or upside down."""
    scale: tuple[float, float] = (0.65, 1.6)
    """Crop side over its normal side: large means a small person."""
    far: float = 0.1
    """Share of samples that show the person small, down to a quarter of the crop and anywhere in it: as a look at a
    whole photo does."""
    shift: float = 0.12
    """Of the crop's side, either way."""
    truncation: float = 0.15
    """Share of samples that are zoomed to half a body."""
    cut_off: float = 0.15
    """Share of samples whose picture ends somewhere on the body, and that are framed by what is left of it."""
    occlusion: float = 0.25
    """Share of samples that a piece of another picture hides something of."""
    company: float = 0.3
    """Share of samples in which somebody else stands before or behind the person."""
    appearance: bool = True
    """Colour, blur, JPEG and erased blocks."""
    erased: float = 0.3
    """Share of samples with erased blocks, where the appearance changes."""


PAPER = Augmentation(
    rotation=30.0,
    any_rotation=0.0,
    scale=(0.75, 1.25),
    far=0.0,
    shift=0.0,
    truncation=0.0,
    cut_off=0.0,
    occlusion=0.0,
    company=0.0,
    appearance=False,
)
GENTLE = Augmentation(
    rotation=30.0, any_rotation=0.1, scale=(0.75, 1.35), shift=0.08, truncation=0.05, cut_off=0.3, occlusion=0.15
)  # fmt: skip
"""For the end of a run: nearer to what the network is asked in the end. One that cannot fit its training pictures yet
loses more by rare views than it gains."""
SLIGHT = replace(
    GENTLE, rotation=20.0, any_rotation=0.03, scale=(0.85, 1.2), shift=0.05, truncation=0.03, occlusion=0.05, erased=0.1
)
"""Gentler still, for a network that has stopped fitting even its training pictures better."""
AUGMENTATIONS = {"ours": Augmentation(), "gentle": GENTLE, "slight": SLIGHT, "paper": PAPER}
_BORDERS = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT, cv2.BORDER_REFLECT_101)


def sample_crop(example: LabelledCrop, size: int, options: Augmentation, rng: np.random.Generator) -> Crop:
    """A random window on the person."""
    crop = crop_of_box(example.box, size)
    side = crop.side * np.exp(rng.uniform(*np.log(options.scale)))
    center = crop.center + crop.side * rng.uniform(-options.shift, options.shift, 2)
    if rng.random() < options.far:
        side = crop.side * rng.uniform(1.6, 3.2)
        center = crop.center + (side - crop.side) * rng.uniform(-0.5, 0.5, 2)
    labelled = example.keypoints[example.keypoints[:, 2] > 0, :2]
    if len(labelled) and rng.random() < options.truncation:
        side = crop.side * rng.uniform(0.35, 0.7)
        center = labelled[rng.integers(len(labelled))] * 0.6 + crop.center * 0.4
    angle = np.deg2rad(rng.uniform(-options.rotation, options.rotation)) if rng.random() < 0.6 else 0.0
    if rng.random() < options.any_rotation:
        angle = rng.uniform(-np.pi, np.pi)
    return Crop(center, side, size, angle, bool(rng.random() < 0.5))


EDGES = ("bottom", "top", "left", "right")
EDGE_SHARES = (0.6, 0.1, 0.15, 0.15)
"""How often each edge of a picture is the one that cuts somebody off: mostly legs are missing."""
LEFT_OVER = (0.3, 0.95)
"""Share of the person's box that stays in the picture."""
FEWEST_LEFT = 4
"""Labelled keypoints that have to stay, or the picture is left as it is."""


def cut_off(example: LabelledCrop, rng: np.random.Generator) -> tuple[LabelledCrop, np.ndarray]:
    """The example as a picture that ends somewhere on the person, and which keypoints (25,) lie beyond its end.

    These have no label in the example that is returned, so that its box is that of what is seen.
    """
    edge = EDGES[rng.choice(len(EDGES), p=EDGE_SHARES)]
    axis = 1 if edge in ("bottom", "top") else 0
    start, length = example.box[axis], example.box[axis + 2]
    kept = length * rng.uniform(*LEFT_OVER)
    far = edge in ("bottom", "right")
    line = int(start + kept if far else start + length - kept)
    extent = example.image.shape[1 - axis]
    low, high = (0, line) if far else (line, extent)
    place = example.keypoints[:, axis]
    beyond = (place < low) | (place >= high)
    labelled = example.keypoints[:, 2] > 0
    if not 0 < line < extent or (labelled & ~beyond).sum() < FEWEST_LEFT:
        return example, np.zeros(len(place), bool)
    part = (slice(low, high),) if axis else (slice(None), slice(low, high))
    keypoints = example.keypoints.copy()
    keypoints[:, axis] -= low
    keypoints[beyond, 2] = 0
    mask = None if example.mask is None else np.ascontiguousarray(example.mask[part])
    return replace(example, image=np.ascontiguousarray(example.image[part]), keypoints=keypoints, mask=mask), beyond


def change_appearance(image: np.ndarray, erased: float, rng: np.random.Generator) -> np.ndarray:
    """Colour cast, contrast, grey, blur, JPEG blocks and noise on a crop (S, S, 3) uint8, and rectangles `erased` with
    that probability."""
    size = image.shape[0]
    gain, offset = rng.uniform(0.6, 1.4) * rng.uniform(0.85, 1.15, 3), rng.uniform(-25, 25)
    table = np.clip(np.arange(256)[:, None] * gain + offset, 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[:, None, :])
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6) * size / 256)
    if rng.random() < 0.1:
        quality = int(rng.integers(15, 60))
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    if rng.random() < 0.15:
        noise = rng.normal(0, rng.uniform(3, 15), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < erased:
        for _ in range(rng.integers(1, 4)):
            width, height = rng.integers(size // 12, size // 4, 2)
            x, y = rng.integers(0, size - width), rng.integers(0, size - height)
            image[y : y + height, x : x + width] = rng.integers(0, 256, 3)
    return image


def paste_occluder(image: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> None:
    """Lay an elliptic piece of another picture (H, W, 3) uint8 over a crop (S, S, 3), in place.

    What it hides stays labelled: a network that has seen the rest of a limb can tell where it goes on.
    """
    size = image.shape[0]
    width, height = rng.integers(size // 10, size // 3, 2)
    x, y = rng.integers(0, size - width), rng.integers(0, size - height)
    piece = Crop(
        rng.uniform(0.25, 0.75, 2) * other.shape[1::-1], rng.uniform(0.2, 0.6) * min(other.shape[:2]),
        int(max(width, height)), rng.uniform(-np.pi, np.pi),
    ).cut(other, cv2.BORDER_REFLECT_101)[:height, :width]  # fmt: skip
    shape = np.zeros((height, width), np.uint8)
    ends = (int(width) // 2, int(height) // 2)
    cv2.ellipse(shape, ends, ends, 0, 0, 360, 255, cv2.FILLED)
    target = image[y : y + height, x : x + width]
    target[shape > 0] = piece[shape > 0]


def training_sample(
    example: LabelledCrop,
    size: int,
    options: Augmentation | None,
    rng: np.random.Generator,
    others: Sequence[LabelledCrop] = (),
) -> dict[str, np.ndarray]:
    """One sample, augmented unless `options` is None; occluders are cut from `others`.

    `crop` (3, S, S) uint8, `prompt` (25, 3) as `human2d.prompt_in` gives it, `points` (25, 2) heatmap cells, `labelled`
    (a weight in 0–1) and `inside` (25,), `depth` (25, 2) behind the pelvis in sides of the crop and its weight,
    `silhouette` (S/4, S/4) in 0–1, `has_silhouette`, `somebody` 0/1.
    """
    if options and others and not example.nobody and rng.random() < options.company:
        example = with_somebody_else(example, others, rng)
    labels, beyond = example.keypoints[:, 2], np.zeros(len(example.keypoints), bool)
    if options and not example.nobody and rng.random() < options.cut_off:
        example, beyond = cut_off(example, rng)
    prompt = np.zeros_like(example.keypoints)
    if options and not example.nobody:
        prompt = drawn_prompt(example.keypoints, rng)
    elif options and others:
        somebody = others[rng.integers(len(others))]
        prompt = mistaken_prompt(somebody.keypoints, example.image.shape[1::-1], rng)
    crop = crop_of_box(example.box, size) if options is None else sample_crop(example, size, options, rng)
    fill = tuple(int(value) for value in rng.integers(0, 256, 3)) if options else FILL
    border = _BORDERS[rng.integers(len(_BORDERS))] if options else cv2.BORDER_CONSTANT
    image = crop.cut(example.image, border, fill)
    if options and others and rng.random() < options.occlusion:
        paste_occluder(image, others[rng.integers(len(others))].image, rng)
    if options and options.appearance:
        image = change_appearance(image, options.erased, rng)
    cells = size // 4
    own = KEYPOINT_MIRROR if crop.flip else slice(None)
    points = crop_to_heatmap(crop.to_crop(example.keypoints[own, :2].astype(np.float64)))
    # What lies beyond the picture has no place in it, wherever in the crop that would be.
    inside = ((points > -0.5) & (points < cells - 0.5)).all(1) & ~beyond[own] & (not example.nobody)
    silhouette = np.zeros((cells, cells), np.float32)
    if example.mask is not None:
        drawn = crop.cut(example.mask, cv2.BORDER_CONSTANT, (0,))
        silhouette = cv2.resize(drawn, (cells, cells), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return {
        "crop": np.ascontiguousarray(image.transpose(2, 0, 1)),
        "prompt": prompt_in(crop, prompt),
        "points": points.astype(np.float32),
        # Where nobody is, every keypoint has a place to be: nowhere.
        "labelled": np.ones(len(points), np.float32) if example.nobody else labels[own].astype(np.float32),
        "inside": inside.astype(np.float32),
        "depth": example.depth[own].astype(np.float32) * np.float32([1 / crop.side, 1]),
        "silhouette": silhouette,
        "has_silhouette": np.float32(example.mask is not None),
        "somebody": np.float32(not example.nobody),
    }
