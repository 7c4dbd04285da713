"""Tiny data packs made on the spot, in the real packs' format, so that every command can be run from end to end."""

import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.inference.geometry.joints import COCO_NAMES, KEYPOINT_INDEX
from body_from_image.training.data.photos2d import human_keypoints

LSP_STICK = np.array(
    [[40, 110], [42, 85], [44, 60], [56, 60], [58, 85], [60, 110], [28, 62], [32, 45], [40, 30], [60, 30], [68, 45],
     [72, 62], [50, 28], [50, 12]], np.float32,
)  # fmt: skip
"""Fourteen LSP joints of a standing figure, pixels of a 100×124 picture."""


def stick_figure(shift: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, joints (14, 2) and mask of a figure that differs in place and arms."""
    rng = np.random.default_rng(int(shift.sum() * 10))
    joints = LSP_STICK + shift
    joints[[6, 11], 1] += rng.uniform(-30, 5, 2)
    image = rng.integers(0, 90, (124, 100, 3), np.uint8)
    mask = np.zeros((124, 100), np.uint8)
    bones = [
        (0, 1),
        (1, 2),
        (2, 8),
        (3, 4),
        (4, 5),
        (3, 9),
        (6, 7),
        (7, 8),
        (9, 10),
        (10, 11),
        (8, 9),
        (2, 3),
        (12, 13),
    ]
    for number, (a, b) in enumerate(bones):
        ends = tuple(map(int, joints[a])), tuple(map(int, joints[b]))
        cv2.line(image, *ends, (250, 40 + 15 * number, 220 - 15 * number), 5)
        cv2.line(mask, *ends, 255, 7)
    return image, joints, mask


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def write_photos2d(folder: Path, count: int = 12) -> None:
    folder.mkdir()
    joints = np.zeros((count, 19, 3), np.float32)
    with (
        tarfile.open(folder / "lspet_0.tar", "w") as images,
        tarfile.open(folder / "mediapipe_masks.tar", "w") as masks,
    ):
        for number in range(count):
            image, points, mask = stick_figure(np.array([number % 4, number % 3], np.float32))
            joints[number, :14, :2], joints[number, :14, 2] = points, 2
            add(images, f"{number:06d}.jpg", cv2.imencode(".jpg", image[..., ::-1])[1].tobytes())
            add(masks, f"{number:06d}.png", cv2.imencode(".png", mask)[1].tobytes())
    for empty in ("lspet_1.tar", "ccp.tar", "coco128.tar"):
        tarfile.open(folder / empty, "w").close()
    ids = np.arange(count, dtype=np.int32)
    np.savez(
        folder / "annotations.npz",
        joints=joints,
        id=ids,
        source=np.zeros(count, np.uint8),
        split=np.zeros(count, np.uint8),
    )
    landmarks = np.zeros((count, 33, 4), np.float16)
    np.savez(folder / "mediapipe.npz", id=ids, agreement=np.ones(count, np.float16), landmarks=landmarks)


def _one_after_another(pictures: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    return np.frombuffer(b"".join(pictures), np.uint8), np.cumsum([0, *map(len, pictures)])


def write_people2d(folder: Path, count: int = 4) -> None:
    """Half of the pictures train, half are held out; `everyday` shows two people in each photo."""
    folder.mkdir()
    figures = [stick_figure(np.array([number, 0], np.float32)) for number in range(count)]
    encoded = [cv2.imencode(".webp", image[..., ::-1])[1].tobytes() for image, _, _ in figures]
    masks = [
        cv2.imencode(".png", mask)[1].tobytes() if number % 2 else b"" for number, (*_, mask) in enumerate(figures)
    ]
    images, image_at = _one_after_another(encoded)
    mask_bytes, mask_at = _one_after_another(masks)
    keypoints = np.stack([human_keypoints(np.column_stack([joints, np.full(14, 2)])) for _, joints, _ in figures])
    split = np.where(np.arange(count) < count // 2, 0, 2)
    stored = {"images": images, "image_at": image_at, "masks": mask_bytes, "mask_at": mask_at, "split": split}
    depth = np.concatenate([np.full((count, 25, 1), 20), np.ones((count, 25, 1))], 2).astype(np.float16)
    ids = np.arange(1, count + 1)
    np.savez(folder / "more2d.npz", keypoints=keypoints, depth=depth, id=ids, source=np.full(count, 10), **stored)
    coco = np.zeros((2 * count, 17, 3), np.float32)
    for number in range(2 * count):
        for name, point in zip(COCO_NAMES, coco[number], strict=True):
            point[:] = keypoints[number // 2, KEYPOINT_INDEX[name]] if name in KEYPOINT_INDEX else 0
    box = np.tile(np.float32([20, 5, 60, 110]), (2 * count, 1))
    person_photo = np.arange(2 * count) // 2
    np.savez(folder / "everyday.npz", keypoints=coco, box=box, person_photo=person_photo, **stored)


def write_mocap(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    lengths = np.full(10, 12, np.int32)
    poses = rng.normal(0, 0.25, (lengths.sum(), 24, 3)).astype(np.float16)
    np.savez(folder / "cmu_smpl24.npz", poses=poses, clip_len=lengths)


@pytest.fixture
def packs(tmp_path, monkeypatch) -> Path:
    """A folder of tiny packs, named by the setting that the real ones are named by."""
    root = tmp_path / "packs"
    root.mkdir()
    write_photos2d(root / "photos2d")
    write_people2d(root / "people2d")
    write_mocap(root / "mocap")
    monkeypatch.setenv("BODY_FROM_IMAGE_DATA", str(root))
    return root
