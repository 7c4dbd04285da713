"""Why somebody in a crowd is missed, told of a crowd that is made up."""

import numpy as np
import pytest

pytest.importorskip("torch")
from body_from_image.inference.networks.finder import Candidate
from body_from_image.inference.networks.human2d import Detection
from body_from_image.training.human2d.evaluation import missed
from body_from_image.training.human2d.evaluation.answers import Eyes
from body_from_image.training.human2d.evaluation.crowds import Crowd, matches

HERE, THERE = np.array([20.0, 20, 60, 160]), np.array([200.0, 20, 60, 160])
CROWD = Crowd(np.zeros((240, 320, 3), np.uint8), np.stack([[HERE, HERE], [THERE, THERE]]), np.stack([HERE, THERE]),
              np.ones(2))  # fmt: skip


class Finder:
    """Proposes given boxes with given scores in the whole picture."""

    def __init__(self, *people):
        self.people = [Candidate(box, np.zeros((17, 3)), score) for box, score in people]

    def proposals(self, photo, windows=None):
        return self.people if windows is None else []

    __call__ = proposals


class Human2D:
    """Sees somebody at one box, wherever it looks."""

    def __init__(self, box, presence=0.99):
        self.box, self.presence = box, presence

    def __call__(self, photo, crops, prompt=None):
        grid = np.stack(np.meshgrid(np.linspace(0.1, 0.9, 5), np.linspace(0.05, 0.95, 5)), -1).reshape(-1, 2)
        keypoints = np.column_stack([self.box[:2] + grid * self.box[2:], np.full(25, 0.9)])
        return [Detection(crop, keypoints, np.zeros((64, 64), np.float32), presence=self.presence) for crop in crops]

    def together(self, looks, crop=None):
        return looks[0]


@pytest.mark.parametrize(("finder", "human2d", "why"), [
    (Finder((HERE, 0.5)), Human2D(HERE), missed.NOT_PROPOSED),
    (Finder((HERE, 0.5), (THERE, 0.01)), Human2D(HERE), missed.LOW),
    (Finder((HERE, 0.5), (THERE, 0.4)), Human2D(HERE), missed.NEIGHBOUR),
])  # fmt: skip
def test_why_the_second_is_missed(finder, human2d, why):
    assert missed.causes_in(Eyes(human2d, finder), CROWD) == {1: why}


def test_whom_human2d_denies_is_refused():
    causes = missed.causes_in(Eyes(Human2D(HERE, presence=0.1), Finder((HERE, 0.5), (THERE, 0.4))), CROWD)
    assert causes == {0: missed.REFUSED, 1: missed.REFUSED}


def test_a_box_shows_one_person_and_the_best_is_taken():
    near = HERE + [4, 0, 0, 0]
    assert matches(CROWD, np.stack([near, HERE])) == {0: 1}
    assert matches(CROWD, np.zeros((0, 4))) == {}
