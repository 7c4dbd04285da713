"""What the thresholds of `inference.person` are chosen by: `evaluate-human2d --thresholds`, on the calibration split.
The validation split is only ever reported."""

import numpy as np

from ....inference.networks.crop import Crop
from ....inference.networks.human2d import Detection, Human2D
from ....inference.networks.person import MIN_PRESENCE
from ....inference.remarks import DOUBTFUL_SCORE
from .answers import Eyes, engine_in_pictures
from .compositions import compose, empty_pictures
from .cut_off import cut_pictures
from .finding import finding, meaning_of_score, refusals
from .pictures import photos2d
from .report import table

EDGES = np.arange(0.1, 0.96, 0.1)
"""Probabilities that MIN_PRESENCE might be."""


class Counted:
    """Human2D that counts the crops it looks at: what finding a person costs."""

    def __init__(self, human2d: Human2D):
        self.human2d, self.looks = human2d, 0

    def __call__(self, photo: np.ndarray, crops: list[Crop], prompt: np.ndarray | None = None) -> list[Detection]:
        self.looks += len(crops)
        return self.human2d(photo, crops, prompt)

    def together(self, looks: list[Detection], crop: Crop | None = None) -> Detection:
        return self.human2d.together(looks, crop)


def threshold_tables(eyes: Eyes, each: int = 12, limit: int | None = None) -> str:
    """MIN_PRESENCE on composed scenes, empty pictures and people cut off, DOUBTFUL_SCORE on lspet; all of the
    calibration split."""
    scenes, empty = compose("calibration", each), empty_pictures("calibration")[:limit]
    counted = Eyes(Counted(eyes.human2d), eyes.finder)
    on_scenes = engine_in_pictures(counted, [scene.picture.image for scene in scenes])
    looks = counted.human2d.looks / len(scenes)
    result = finding(on_scenes, scenes)
    on_empty = engine_in_pictures(eyes, empty)
    kept = refusals(on_scenes, scenes, on_empty, EDGES)
    crops = photos2d("lspet", "calibration", limit)
    lspet = engine_in_pictures(eyes, [crop.image for crop in crops])
    meaning = meaning_of_score(lspet, crops, np.arange(0, 1, 0.05))
    cut = cut_pictures([*crops, *photos2d("ccp", "calibration", limit)])
    on_cut = engine_in_pictures(eyes, [one.picture.image for one in cut])
    refused = [[f"{edge:.2f}", float(np.mean([one.presence < edge for one in on_cut]))] for edge in EDGES]
    people = [[f"{one.threshold:.2f}", one.missed, one.wrong, one.false_alarms] for one in kept]
    scores = [[f"≥ {part.low:.2f}", part.count, part.pck, part.bad] for part in meaning]
    return "\n".join([
        table(["composed scenes: looks a picture", "found", "mean IoU", "other person"],
              [[looks, result.found, result.overlap, result.other]]),
        table([f"MIN_PRESENCE (now {MIN_PRESENCE:.2f})", "right person refused", "wrong place let through",
               "false alarms"], people),
        table([f"MIN_PRESENCE (now {MIN_PRESENCE:.2f}), people cut off", "refused"], refused),
        table([f"score on lspet (DOUBTFUL_SCORE now {DOUBTFUL_SCORE:.2f})", "pictures", "PCK@0.2",
               "less than half right"], scores),
    ])  # fmt: skip
