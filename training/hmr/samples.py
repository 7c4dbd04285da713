"""What HMR learns from: crops, each seen once by the frozen encoder, and what is known of the person in each.

Of photos that is 2D labels, of rendered people the body too. Samples lie in shards outside the repository, 42 MB each;
those that are there already are not made again, so that making them can be stopped at any time.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import CAMERA_FROM_SMPL
from ...inference.geometry.joints import JOINT_MIRROR, KEYPOINT_INDEX, KEYPOINT_MIRROR, KEYPOINT_NAMES, LIMB_KEYPOINTS
from ...inference.networks.crop import CROP_SIZE, Crop
from ...inference.networks.runtime import Network
from ..data.people2d import load_everyday, load_more2d
from ..data.photos2d import CCP, LSPET, SYNTHETIC, LabelledCrop, load_crops
from ..human2d.augmentation import GENTLE, change_appearance, sample_crop
from ..synthetic.renderer import Photograph, Renderer
from .encoder import encode, open_encoder

SHARD = 512
"""Samples to a shard."""
RENDERED = 0.33
"""Share of rendered people among them."""
FEWEST_LABELS = 8
"""Of the twelve limb keypoints; with fewer there is little to lie on."""
AT_ONCE = 8
AUGMENTATION = replace(GENTLE, any_rotation=0.05, scale=(0.8, 1.3), far=0.0, shift=0.06, truncation=0.03)
PELVIS = KEYPOINT_INDEX["pelvis"]
MIRROR = np.diag([-1.0, 1.0, 1.0])

Sample = dict[str, np.ndarray]
"""`crop` (256, 256, 3) uint8; `points` (25, 2) over half the crop's side from its middle, y down; `weight` (25,);
`known` 0/1: the body is known; then `space` (25, 3) metres about the pelvis, and `rotations` (24, 3, 3), both in the
crop's upright frame (y up, z to the camera), and `betas` (10,)."""


def photo_sample(example: LabelledCrop, rng: np.random.Generator) -> Sample:
    """A random view of a photo with 2D labels."""
    crop = sample_crop(example, CROP_SIZE, AUGMENTATION, rng)
    image = change_appearance(crop.cut(example.image), AUGMENTATION.erased, rng)
    points, weight = in_crop(crop, example.keypoints[:, :2]), example.keypoints[_order(crop, KEYPOINT_MIRROR), 2]
    unknown = {"space": np.zeros((25, 3)), "rotations": np.zeros((24, 3, 3)), "betas": np.zeros(10)}
    return {"crop": image, "points": points, "weight": weight, "known": np.zeros(()), **unknown}


def rendered_sample(picture: Photograph, rng: np.random.Generator) -> Sample:
    """A random view of a rendered person, whose body is known."""
    example = LabelledCrop(
        -1, SYNTHETIC, picture.image, np.column_stack([picture.keypoints, picture.sight > 0]), picture.mask, False
    )
    crop = sample_crop(example, CROP_SIZE, AUGMENTATION, rng)
    image = change_appearance(crop.cut(picture.image), AUGMENTATION.erased, rng)
    space, rotations = turned(crop, picture.person.keypoints, picture.person.rotations)
    weight = np.ones(len(KEYPOINT_NAMES))
    known = {"space": space, "rotations": rotations, "betas": picture.person.betas}
    return {"crop": image, "points": in_crop(crop, picture.keypoints), "weight": weight, "known": np.ones(()), **known}


def _order(crop: Crop, mirror: np.ndarray) -> np.ndarray:
    return mirror if crop.flip else np.arange(len(mirror))


def in_crop(crop: Crop, points: np.ndarray) -> np.ndarray:
    """Keypoints (25, 2) of a photo as HMR's camera has them: from the crop's middle, over half its side, y down. Sides
    are exchanged where the crop is a mirror image."""
    return (crop.to_crop(points[_order(crop, KEYPOINT_MIRROR)].astype(np.float64)) + 0.5) * 2 / crop.size - 1


def turned(crop: Crop, keypoints: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (25, 3; OpenCV's frame) and rotations (24, 3, 3; the root's in the upright frame) of a person whom the
    camera looks straight at, as the crop shows them, which may be turned or a mirror image: `space` and `rotations` of
    a `Sample`."""
    cosine, sine = np.cos(crop.angle), np.sin(crop.angle)
    # In the upright frame y points the other way, and so does the turn.
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    space = (keypoints - keypoints[PELVIS]) @ CAMERA_FROM_SMPL @ turn.T
    rotations = np.concatenate([turn @ rotations[:1], rotations[1:]])
    if crop.flip:
        space = space[KEYPOINT_MIRROR] @ MIRROR
        rotations = MIRROR @ rotations[JOINT_MIRROR] @ MIRROR
    return space, rotations


def training_photos() -> list[LabelledCrop]:
    """The photos that HMR learns from, of the training splits: sports, fashion, actions, yoga and everyday scenes.
    Raises PackMissing."""
    crops = load_crops("train", (LSPET, CCP), taught=True) + load_more2d("train") + load_everyday("train")
    return [crop for crop in crops if (crop.keypoints[LIMB_KEYPOINTS, 2] > 0).sum() >= FEWEST_LABELS]


def shard_files(folder: Path, count: int) -> list[Path]:
    """Where the first `count` shards are."""
    return [folder / f"shard_{number:03d}.npz" for number in range(count)]


def fill(folder: Path, count: int, threads: int = 1) -> None:
    """Make those of the first `count` shards that are missing. Raises PackMissing."""
    files = shard_files(folder, count)
    if all(file.exists() for file in files):
        return
    encoder, photos, renderer = open_encoder(folder, threads), training_photos(), Renderer()
    order = np.random.default_rng(0).permutation(len(photos))
    of_photos = SHARD - round(RENDERED * SHARD)
    for number, file in enumerate(files):
        if file.exists():
            continue
        rng = np.random.default_rng([1, number])
        chosen = order[np.arange(number * of_photos, (number + 1) * of_photos) % len(order)]
        samples = [photo_sample(photos[row], rng) for row in chosen]
        samples += [rendered_sample(renderer.photograph(rng), rng) for _ in range(SHARD - of_photos)]
        write_shard(file, samples, encoder)
        print(f"{file.name}: {number + 1} of {count}", flush=True)


def write_shard(file: Path, samples: list[Sample], encoder: Network) -> None:
    """Encode samples and write them, never leaving half a file."""
    crops = np.stack([sample["crop"] for sample in samples])
    features = [encode(encoder, crops[start : start + AT_ONCE]) for start in range(0, len(crops), AT_ONCE)]
    names = [name for name in samples[0] if name != "crop"]
    arrays = {name: np.stack([sample[name] for sample in samples]).astype(np.float32) for name in names}
    unfinished = file.with_name("unfinished_" + file.name)
    np.savez(unfinished, features=np.concatenate(features), **arrays)
    unfinished.replace(file)


def load_samples(folder: Path, count: int) -> dict[str, np.ndarray]:
    """The first `count` shards as arrays (N, …): `features` (N, 1280, 8, 8) uint8 and the targets of `Sample`."""
    parts = []
    for file in shard_files(folder, count):
        with np.load(file) as archive:
            parts.append(dict(archive))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
