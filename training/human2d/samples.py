"""What Human2D is shown: an endless stream of augmented crops, photographed and rendered, some of nobody."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import IterableDataset

from ...inference.geometry.joints import KEYPOINT_NAMES
from ..data.photos2d import LONGEST_SIDE, SYNTHETIC, LabelledCrop
from ..synthetic.backgrounds import EmptyPhotos
from .augmentation import Augmentation, training_sample


@dataclass(frozen=True)
class Stage:
    """`iterations` with crops of `side` pixels, a share `synthetic` of them rendered rather than photographed."""

    side: int
    iterations: int
    synthetic: float = 0.0


class Samples(IterableDataset):
    """An endless stream of augmented samples; each worker draws, and renders, its own."""

    def __init__(self, crops: list[LabelledCrop], stage: Stage, options: Augmentation | None, nobody: float, seed: int):
        self.crops, self.stage, self.options, self.nobody, self.seed = crops, stage, options, nobody, seed

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        if self.stage.synthetic == 1:
            yield from self._rendered(rng)
            return
        renderer = None
        if self.stage.synthetic:
            from ..synthetic.renderer import Renderer  # compiles for seconds, so only where it is wanted

            renderer = Renderer(crops=self.crops)
        empty = EmptyPhotos.of(self.crops) if self.nobody else None
        while True:
            for index in rng.permutation(len(self.crops)):
                if empty and empty.images and rng.random() < self.nobody:
                    example = without_person(empty.view(LONGEST_SIDE, rng))
                elif renderer and rng.random() < self.stage.synthetic:
                    example = renderer.sample(rng)
                else:
                    example = self.crops[index]
                yield training_sample(example, self.stage.side, self.options, rng, self.crops)

    def _rendered(self, rng: np.random.Generator) -> Iterator[dict[str, np.ndarray]]:
        """Samples that see nothing of any photo, in what stands in front and beside, too."""
        from ..synthetic.renderer import Renderer
        from .rendered import RenderedPictures

        pictures = RenderedPictures(Renderer())
        while True:
            nobody = rng.random() < self.nobody
            example = without_person(pictures.empty(rng)) if nobody else pictures.draw(rng)
            yield training_sample(example, self.stage.side, self.options, rng, pictures.kept)


def without_person(image: np.ndarray) -> LabelledCrop:
    """A picture (H, W, 3) uint8 that is known to show nobody."""
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
    return LabelledCrop(-1, SYNTHETIC, image, keypoints, np.zeros(image.shape[:2], np.uint8), False)
