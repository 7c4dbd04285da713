"""Rendered pictures for stages that see no photo at all: what is learnt from them alone is free for any use."""

from dataclasses import replace

import numpy as np

from ..data.photos2d import LabelledCrop
from ..synthetic.renderer import Renderer

FRESH = 0.35
"""Share of pictures that are drawn anew. The others are shown again, augmented anew: to draw one takes as long as to
learn from several."""
KEPT = 1500
"""Pictures that are kept to be shown again, 300 kB each."""
AT_LEAST = 32
"""So many are drawn first."""


class RenderedPictures:
    """Draws pictures, and keeps the latest (`kept`): to show them again, and to cut somebody else out of them."""

    def __init__(self, renderer: Renderer):
        self.renderer = renderer
        self.kept: list[LabelledCrop] = []
        self._drawn = 0

    def draw(self, rng: np.random.Generator) -> LabelledCrop:
        """A picture of somebody; each has an id of its own."""
        if len(self.kept) >= AT_LEAST and rng.random() >= FRESH:
            return self.kept[rng.integers(len(self.kept))]
        self._drawn += 1
        picture = replace(self.renderer.sample(rng), id=-1 - self._drawn)
        if len(self.kept) < KEPT:
            self.kept.append(picture)
        else:
            self.kept[self._drawn % KEPT] = picture
        return picture

    def empty(self, rng: np.random.Generator) -> np.ndarray:
        """A picture (S, S, 3) uint8 that shows nobody."""
        return self.renderer.empty(rng)
