"""Finding everybody: the finder's candidates, two looks at each, and one person for each place where one is seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..geometry.joints import KEYPOINT_MIRROR
from .crop import crop_of_box
from .finder import Candidate, Finder
from .human2d import Detection, Human2D
from .person import (
    FEWEST_SURE,
    NEAR_OTHERS,
    SURE_CONFIDENCE,
    box_overlap,
    extent_of,
    find_people,
    find_person,
    is_person,
    look_again,
    prominence,
)

MAX_POSE_DISTANCE = 0.1
"""Median distance of keypoints, over the longer side of the smaller box, up to which two looks saw one person."""
AGREEMENT = 0.6
"""What the overlap of the box that was seen with the finder's counts beside the scores of the pose and of the finder:
who was looked at for somebody else, and is not where that one is, is worth less."""
MIN_WORTH = 1.0
"""Sum of these from which somebody is one of a picture's people: of 188 to find in composed crowds of calibration
pictures, 148 are then found, 3 are nobody and 6 are seen twice; by the scores alone, from .6 on, 145, 4 and 7."""
REFUSED_SCORE = 0.15
"""The finder's score from which the user is told of somebody who is not one of these: in 48 composed crowds of
calibration pictures of 5, 2 of whom are people; from .1 on, of 16, and 3 are."""
SAME_PLACE = 0.3
"""Overlap of boxes from which somebody is where somebody else was found, and is not told of."""
WORTH_A_LOOK = 0.8
"""Such a sum after one look, from which there is a second: of those who pass `MIN_WORTH` after two, none is lost, nor
from .9 on, and 3 from .95 on."""
CLEARLY = 0.4
"""By how much more somebody who was seen already must be worth for there to be no second look at them as somebody
else: nobody is lost; at .3 one of 155 is, at .2 three."""
SHARED_REACH, SURER, SHARED = 0.06, 0.1, 0.2
"""How near, over the longer side of the smaller box, two people's keypoints are that may be one, by how much the other
one's must be surer, and the confidence that is then left: of 50 such keypoints of calibration's composed crowds 22 in a
hundred are right, of all 82."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Somebody whom the finder proposed, and what Human2D saw there."""

    candidate: Candidate
    detection: Detection

    @cached_property
    def box(self) -> np.ndarray:
        """Of what was seen."""
        return extent_of(self.detection)

    @cached_property
    def worth(self) -> float:
        """How sure it is that this is the one whom the finder meant."""
        agreement = box_overlap(self.box, self.candidate.box)
        return self.detection.score + self.candidate.score + AGREEMENT * agreement

    def same(self, other: "Seen") -> bool:
        """Whether two saw one person."""
        return same_pose(self.detection, other.detection, (self.box, other.box))


@dataclass(frozen=True)
class Looks:
    """Those who were looked at in a picture, and those of them who are somebody, `found`, each once."""

    found: list[Seen]
    looked: list[Seen]

    @property
    def refused(self) -> list[Seen]:
        """Whom the finder saw, but too little of them to be one of the picture's people; each once, and nobody who is
        where somebody was found."""
        refused: list[Seen] = []
        for seen in self.looked:
            taken = [one.box for one in self.found] + [one.candidate.box for one in refused]
            if seen.candidate.score < REFUSED_SCORE or any(seen.same(one) for one in self.found):
                continue
            if not any(box_overlap(seen.candidate.box, box) > SAME_PLACE for box in taken):
                refused.append(seen)
        return refused


@dataclass(frozen=True)
class People:
    """Everybody in a picture, the most prominent first, and how many more were seen, but too little of them."""

    detections: list[Detection]
    refused: int = 0


def find_everybody(photo: np.ndarray, human2d: Human2D, finder: Finder, most: int | None = None) -> People:
    """Everybody in a photo (H, W, 3) uint8 RGB, at most `most`. None is seen twice.

    Raises NoPersonError, with what speaks for it, when there is nobody.
    """
    looks = everybody_of(looks_at(photo, human2d, candidates(photo, finder)), most)
    if looks.found:
        return People(with_own_limbs(looks.found), len(looks.refused))
    # Nobody, but what looks most like it may be worth a sentence; or somebody whom the finder does not see.
    return People([find_person(photo, human2d, finder).detection])


def looks_at(photo: np.ndarray, human2d: Human2D, people: list[Candidate]) -> Iterator[Seen]:
    """What is seen of each of some people in turn: with two looks, or one where that tells of nobody, or clearly of
    somebody who was seen already."""
    sure: list[Seen] = []
    for person in people:
        prompt = prompt_among(person, people)
        seen = Seen(person, human2d(photo, [crop_of_box(person.box)], prompt)[0])
        known = any(seen.worth + CLEARLY < one.worth and seen.same(one) for one in sure)
        if seen.worth >= WORTH_A_LOOK and not known:
            seen = Seen(person, look_again(photo, human2d, seen.detection, prompt))
            sure += [seen] if is_one_of_many(seen) else []
        yield seen


def everybody_of(looks: Iterable[Seen], most: int | None = None) -> Looks:
    """Those of the `looks` who are somebody, at most `most`, each once: where two looks saw one person, the one whom
    the finder meant."""
    found: list[Seen] = []
    looked: list[Seen] = []
    for new in looks:
        looked.append(new)
        if not is_one_of_many(new):
            continue
        same = [one for one in found if new.same(one)]
        if all(one.worth < new.worth for one in same):
            found = [one for one in found if one not in same] + [new]
        if most is not None and len(found) >= most:
            break
    return Looks(found, looked)


def candidates(photo: np.ndarray, finder: Finder, everybody: bool = True) -> list[Candidate]:
    """Who may be in a photo (H, W, 3) uint8 RGB, the most prominent first; `everybody` as `find_people` takes it."""
    return sorted(find_people(photo, finder, everybody), key=prominence, reverse=True)


def with_own_limbs(people: list[Seen]) -> list[Detection]:
    """What is seen of some people, less sure of keypoints that lie where somebody else has theirs, left or right, and
    surer: of legs that are hidden, the feet of whoever stands before them are seen."""
    detections = []
    for own in people:
        points = own.detection.keypoints
        theirs = np.zeros(len(points), bool)
        for other in (one for one in people if one is not own):
            near = SHARED_REACH * min(own.box[2:].max(), other.box[2:].max())
            for points_there in (other.detection.keypoints, other.detection.keypoints[KEYPOINT_MIRROR]):
                apart = np.linalg.norm(points[:, :2] - points_there[:, :2], axis=1)
                theirs |= (apart < near) & (points_there[:, 2] > points[:, 2] + SURER)
        confidence = np.where(theirs, np.minimum(points[:, 2], SHARED), points[:, 2])
        detections.append(replace(own.detection, keypoints=np.column_stack([points[:, :2], confidence])))
    return detections


def prompt_among(person: Candidate, people: list[Candidate]) -> np.ndarray | None:
    """What Human2D is told of one of some `people`: where somebody else is as well, whom it is to look at."""
    near = (other for other in people if other is not person)
    return person.prompt if any(box_overlap(person.box, other.box) > NEAR_OTHERS for other in near) else None


def same_pose(a: Detection, b: Detection, boxes: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether two looks saw one person: keypoints that both are sure of are at the same places, and their `boxes`
    overlap."""
    both = (a.keypoints[:, 2] >= SURE_CONFIDENCE) & (b.keypoints[:, 2] >= SURE_CONFIDENCE)
    if both.sum() < FEWEST_SURE or box_overlap(*boxes) == 0:
        return False
    apart = np.linalg.norm(a.keypoints[both, :2] - b.keypoints[both, :2], axis=1)
    return bool(np.median(apart) < MAX_POSE_DISTANCE * min(box[2:].max() for box in boxes))


def is_one_of_many(seen: Seen) -> bool:
    """Whether somebody is one of a picture's people. The finder and the look must agree more than where one person is
    looked for: what is wrong is one character too many."""
    return is_person(seen.detection) and seen.worth >= MIN_WORTH
