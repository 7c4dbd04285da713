"""What the thresholds of `inference.person` are chosen by: `evaluate-human2d --thresholds`, on the calibration split.
The validation split is only ever reported."""

import numpy as np

from ....inference.crop import Crop
from ....inference.engine import DOUBTFUL
from ....inference.human2d import Detection, Human2D
from ....inference.person import CLEAR, PERSON
from .answers import engine_in_pictures
from .compositions import compose, empty_pictures
from .cut_off import cut_pictures
from .finding import finding, meaning_of_score, refusals
from .pictures import photos2d
from .report import table

CLEARS = sorted({0.0, 0.5, CLEAR, 0.7, 1.01})
"""From "never look at parts" to "always"."""
EDGES = np.arange(0.25, 0.66, 0.05)
"""Scores that PERSON might be."""


class Counted:
    """Human2D that counts the crops it looks at: what finding a person costs."""

    def __init__(self, human2d: Human2D):
        self.human2d, self.looks = human2d, 0

    def __call__(self, photo: np.ndarray, crops: list[Crop]) -> list[Detection]:
        self.looks += len(crops)
        return self.human2d(photo, crops)

    def together(self, looks: list[Detection]) -> Detection:
        return self.human2d.together(looks)


def threshold_tables(human2d: Human2D, each: int = 12, limit: int | None = None) -> str:
    """CLEAR and PERSON on composed scenes, empty pictures and people cut off, DOUBTFUL on lspet; all of the calibration
    split."""
    scenes, empty = compose("calibration", each), empty_pictures("calibration")[:limit]
    images = [scene.picture.image for scene in scenes]
    clears = []
    for clear in CLEARS:
        counted = Counted(human2d)
        on_scenes = engine_in_pictures(counted, images, clear)
        looks = counted.looks / len(images)
        on_empty = engine_in_pictures(human2d, empty, clear)
        result = finding(on_scenes, scenes)
        false_alarms = float(np.mean([one.found for one in on_empty]))
        clears.append([f"{clear:.2f}", looks, result.found, result.overlap, result.other, false_alarms])
        if clear == CLEAR:
            kept = refusals(on_scenes, scenes, on_empty, EDGES)
    crops = photos2d("lspet", "calibration", limit)
    lspet = engine_in_pictures(human2d, [crop.image for crop in crops])
    meaning = meaning_of_score(lspet, crops, np.arange(0, 1, 0.05))
    cut = cut_pictures([*crops, *photos2d("ccp", "calibration", limit)])
    on_cut = engine_in_pictures(human2d, [one.picture.image for one in cut])
    refused = [[f"{edge:.2f}", float(np.mean([one.score < edge for one in on_cut]))] for edge in EDGES]
    people = [[f"{one.threshold:.2f}", one.missed, one.wrong, one.false_alarms] for one in kept]
    scores = [[f"≥ {part.low:.2f}", part.count, part.pck, part.bad] for part in meaning]
    return "\n".join([
        table([f"CLEAR (now {CLEAR:.2f})", "looks a picture", "found", "mean IoU", "other person", "false alarms"],
              clears),
        table([f"PERSON (now {PERSON:.2f})", "right person refused", "wrong place let through", "false alarms"],
              people),
        table([f"PERSON (now {PERSON:.2f}), people cut off", "refused"], refused),
        table([f"score on lspet (DOUBTFUL now {DOUBTFUL:.2f})", "pictures", "PCK@0.2", "less than half right"], scores),
    ])  # fmt: skip
