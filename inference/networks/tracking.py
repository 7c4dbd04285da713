"""Following people from picture to picture of a film: who was there is looked for near where they were; who is lost is
waited for, and taken up again by place, size and colours, so that nobody becomes somebody else.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from .crop import crop_of_box
from .everybody import Seen, is_one_of_many, prompt_among, same_pose
from .finder import Candidate, Finder
from .human2d import Detection, Human2D
from .person import (
    NEAR_OTHERS,
    box_overlap,
    extent_of,
    find_people,
    is_person,
    least_presence,
    look_twice,
    person_cells,
    presence_of,
    prominence,
    prompt_of,
)

BOX_MARGIN = 0.12
"""How much the last picture's box is grown, over its longer side, to find the person in the next."""
MIN_BOX_OVERLAP = 0.3
"""Overlap of the box in one picture with that in the next from which it is the same person."""
MAX_COLOUR_DISTANCE = 0.55
"""Distance of colours, 0 to 1 (Bhattacharyya's), up to which somebody may be the one who was lost, and beyond which
somebody who is at the right place is not."""
COLOUR_RATE = 0.1
"""Of what somebody's colours are now, in what they are taken to be."""
GATE, GATE_GROWS = 0.6, 0.15
"""How far from where they should be somebody lost may be taken up, over their longer side: at first, and more for each
picture that they were lost in."""
SIZE, SIZE_GROWS = 1.35, 1.03
"""The same of their size, as a ratio."""
GROWN, GROWN_TOGETHER = 1.8, 1.25
"""Most that somebody's box may differ from its size lately; and where somebody else is near."""
BETTER = 0.05
"""By how much nearer in colour somebody must be than whom a track was taken for."""
PATIENCE = 90
"""Pictures for which somebody lost is waited for."""
STEADY, GROWING = 0.5, 0.3
"""Of the last step, in the speed that somebody is taken to have; and of their size now, in what it is taken to be."""
NEW_EVERY = 5
"""Pictures between two looks for people who have come into the film."""
MOST_LOOKS = 3
"""Candidates for somebody lost that are looked at in one picture."""
COLOURS = (12, 6, 4)
"""Bins of hue, saturation and value."""

CUT_CHANGE, CUT_SHARE, CUT_COLOURS = 30, 0.6, 0.6
"""Levels by which a part of the picture changes, the share of parts that do, and the distance of all colours, from
which a film is cut."""


@dataclass(frozen=True)
class Sighting:
    """Somebody seen in a picture: what Human2D saw, their box (4,), and the shares of colours of their silhouette."""

    detection: Detection
    box: np.ndarray
    colours: np.ndarray

    @classmethod
    def of(cls, detection: Detection, photo: np.ndarray) -> "Sighting":
        return cls(detection, extent_of(detection), colours_of(detection, photo))

    def same(self, others: Iterable["Sighting"]) -> bool:
        """Whether one of the others is the same person."""
        return any(same_pose(self.detection, other.detection, (self.box, other.box)) for other in others)


@dataclass
class Track:
    """Somebody who is followed: where they were last, the speed of their box's centre, how large they are, their
    colours, and for how many pictures they have not been seen."""

    number: int
    box: np.ndarray
    colours: np.ndarray
    prompt: np.ndarray
    """How they stood, (25, 3), as Human2D is told whom to look at."""
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    size: float = 0.0
    """Root of their box's area, lately."""
    seen: int = 0
    """In how many pictures."""
    lost: int = 0

    @property
    def patience(self) -> int:
        """Pictures for which one of many is waited for: who was seen for a moment may have been nobody."""
        return min(PATIENCE, 3 * self.seen)

    def __post_init__(self):
        self.size = self.size or size_of(self.box)

    @property
    def center(self) -> np.ndarray:
        """Where the middle of their box should be by now."""
        return self.box[:2] + self.box[2:] / 2 + self.velocity * min(self.lost + 1, 10)

    def saw(self, sighting: Sighting, alone: bool) -> None:
        """Take down where they are and, if nobody else is near, how they look."""
        box = sighting.box
        step = (box[:2] + box[2:] / 2 - self.box[:2] - self.box[2:] / 2) / (self.lost + 1)
        self.velocity = STEADY * step + (1 - STEADY) * self.velocity
        self.box, self.lost, self.seen = box, 0, self.seen + 1
        self.prompt = prompt_of(sighting.detection)
        self.size += GROWING * (size_of(box) - self.size)
        if alone:
            self.colours = (1 - COLOUR_RATE) * self.colours + COLOUR_RATE * sighting.colours

    def distance(self, sighting: Sighting) -> float:
        """How differently somebody is coloured, 0 to 1."""
        return colour_distance(self.colours, sighting.colours)

    def as_large(self, box: np.ndarray, limit: float) -> bool:
        """Whether a box is as large as theirs, within a ratio."""
        return abs(np.log(size_of(box) / self.size)) <= np.log(limit)


class Tracker:
    """Follows at most `most` people, or everybody (None). Call it with each picture in turn, (H, W, 3) uint8 RGB; it
    tells who was seen in it, by their numbers, which count from 0.

    `first_box` (x, y, width, height) is where the user says that the person is when they first appear.
    """

    def __init__(
        self, human2d: Human2D, finder: Finder, most: int | None = 1, first_box: np.ndarray | None = None
    ):
        self.human2d, self.finder, self.most, self.first_box = human2d, finder, most, first_box
        self.tracks: list[Track] = []
        self._count = self._pictures = 0

    def __call__(self, photo: np.ndarray) -> dict[int, Detection]:
        seen = {track.number: self._near(photo, track) for track in self.tracks if not track.lost}
        seen = self._each_once({number: one for number, one in seen.items() if one is not None})
        missing = [track for track in self.tracks if track.number not in seen]
        wanted = self.most is None or len(self.tracks) < self.most
        if missing or (wanted and (self._pictures % NEW_EVERY == 0 or not self.tracks)):
            self._look_around(photo, missing, wanted, seen)
        for track in self.tracks:
            if track.number in seen:
                track.saw(seen[track.number], self._alone(track))
            else:
                track.lost += 1
        patient = self.most == 1
        self.tracks = [track for track in self.tracks if track.lost <= (PATIENCE if patient else track.patience)]
        self._pictures += 1
        return {number: sighting.detection for number, sighting in seen.items()}

    def skipped(self) -> None:
        """A picture that could not be read went by."""
        for track in self.tracks:
            track.lost += 1
        self._pictures += 1

    def cut(self) -> None:
        """The film goes on somewhere else: nobody is where they were."""
        self.tracks = []

    def _near(self, photo: np.ndarray, track: Track) -> Sighting | None:
        """Look at the mirror image about where the person was, with room for limbs that were missed there; then closer,
        at the picture itself; both looks decide together. Among others, how they stood says who is meant. None where
        they are not there any more."""
        prompt = None if self._alone(track) else track.prompt
        wide = self.human2d(photo, [replace(crop_of_box(widened(track.box)), flip=True)], prompt)[0]
        near = self.human2d(photo, [crop_of_box(extent_of(wide))], prompt)[0]
        box = extent_of(near)
        if presence_of(near) < least_presence(near) or box_overlap(track.box, box) <= MIN_BOX_OVERLAP:
            return None
        # A box that is suddenly larger holds somebody else's limbs as well.
        if not track.as_large(box, GROWN if self._alone(track) else GROWN_TOGETHER):
            return None
        sighting = Sighting.of(self.human2d.together([near, wide]), photo)
        return sighting if track.distance(sighting) <= MAX_COLOUR_DISTANCE else None

    def _alone(self, track: Track) -> bool:
        """Whether nobody else who is followed is where a track is, nor was lost thereabouts."""
        return not any(_together(track, other) for other in self.tracks if other is not track)

    def _each_once(self, seen: dict[int, Sighting]) -> dict[int, Sighting]:
        """Where two are seen in one place, it is the one whose colours these are; the other is hidden."""
        fit = {track.number: track.distance(seen[track.number]) for track in self.tracks if track.number in seen}
        kept: dict[int, Sighting] = {}
        for number in sorted(seen, key=fit.get):
            if not seen[number].same(kept.values()):
                kept[number] = seen[number]
        return kept

    def _look_around(self, photo: np.ndarray, missing: list[Track], wanted: bool, seen: dict[int, Sighting]) -> None:
        """Look through the whole picture for who is missing, and for new people if more are `wanted`; add them to
        `seen`."""
        if not self.tracks and self.first_box is not None:
            detection = look_twice(photo, self.human2d, crop_of_box(self.first_box))
            if is_person(detection, boxed=True):
                self._begin(Sighting.of(detection, photo), seen)
            return
        everyone = sorted(find_people(photo, self.finder, everybody=self.most != 1), key=prominence, reverse=True)
        taken = [one.box for one in seen.values()]
        people = [one for one in everyone if not any(box_overlap(one.box, box) > MIN_BOX_OVERLAP for box in taken)]
        for track in sorted(missing, key=lambda one: one.lost):
            found = self._again(photo, track, people, everyone)
            if found is not None and not found.same(seen.values()):
                seen[track.number] = found
        if not wanted:
            return
        for person in people:
            if self.most is not None and len(self.tracks) >= self.most:
                return
            detection = look_twice(photo, self.human2d, crop_of_box(person.box), prompt_among(person, everyone))
            if not (is_person(detection) if self.most == 1 else is_one_of_many(Seen(person, detection))):
                continue
            sighting = Sighting.of(detection, photo)
            if not sighting.same(seen.values()):
                self._take(sighting, seen)

    def _take(self, sighting: Sighting, seen: dict[int, Sighting]) -> None:
        """Somebody at a place where nobody was followed to: one of those who are, if their colours say so, though
        another was taken for them, or somebody new."""
        track = _like(sighting, self.tracks)
        if track is None:
            self._begin(sighting, seen)
        elif track.number not in seen:
            seen[track.number] = sighting
        elif track.distance(sighting) + BETTER < track.distance(seen[track.number]):
            other, seen[track.number] = seen[track.number], sighting
            hidden = _like(other, [one for one in self.tracks if one.number not in seen])
            if hidden is not None:
                seen[hidden.number] = other
        else:
            self._begin(sighting, seen)

    def _again(
        self, photo: np.ndarray, track: Track, people: list[Candidate], everyone: list[Candidate]
    ) -> Sighting | None:
        """Somebody lost, among those of `everyone` in the picture who may be they: near enough, large enough, and
        coloured alike."""
        reach = (GATE + GATE_GROWS * track.lost) * track.box[2:].max()
        ratio = SIZE * SIZE_GROWS**track.lost
        near = []
        for person in people:
            away = np.linalg.norm(person.box[:2] + person.box[2:] / 2 - track.center)
            if away <= reach and track.as_large(person.box, ratio):
                near.append((away, person))
        best, least = None, MAX_COLOUR_DISTANCE
        for _, person in sorted(near, key=lambda one: one[0])[:MOST_LOOKS]:
            detection = look_twice(photo, self.human2d, crop_of_box(person.box), prompt_among(person, everyone))
            sighting = Sighting.of(detection, photo)
            if is_person(detection) and track.distance(sighting) <= least:
                best, least = sighting, track.distance(sighting)
        return best

    def _begin(self, sighting: Sighting, seen: dict[int, Sighting]) -> None:
        self.tracks.append(Track(self._count, sighting.box, sighting.colours, prompt_of(sighting.detection)))
        seen[self._count] = sighting
        self._count, self.first_box = self._count + 1, None


def size_of(box: np.ndarray) -> float:
    """Root of a box's area, which two people in one box double, nearly, and one who stretches does not."""
    return float(np.sqrt(max(box[2] * box[3], 1.0)))


def _like(sighting: Sighting, tracks: list[Track]) -> Track | None:
    """Which of some tracks somebody is by their colours; None where they are like nobody."""
    best = min(tracks, key=lambda track: track.distance(sighting), default=None)
    return best if best is not None and best.distance(sighting) <= MAX_COLOUR_DISTANCE else None


def _together(track: Track, other: Track) -> bool:
    """Whether two people's boxes overlap or, where the other is lost, may be at one place."""
    if not other.lost:
        return box_overlap(track.box, other.box) > NEAR_OTHERS
    middle = track.box[:2] + track.box[2:] / 2
    places = (other.center, other.box[:2] + other.box[2:] / 2)
    return min(np.linalg.norm(middle - place) for place in places) < max(track.box[2:].max(), other.box[2:].max())


def widened(box: np.ndarray) -> np.ndarray:
    """A box (x, y, width, height) grown on all sides. Without it, a limb that is missed once lies outside the next
    picture's crop, and is missed for good."""
    margin = BOX_MARGIN * max(box[2:])
    return np.concatenate([box[:2] - margin, box[2:] + 2 * margin])


def colours_of(detection: Detection, photo: np.ndarray) -> np.ndarray:
    """How the person's silhouette is coloured: shares (288,) of hues, saturations and values."""
    mask = person_cells(detection) >= 0.5
    cells = replace(detection.crop, size=len(mask)).cut(photo)
    return shares_of_colours(cells, mask.astype(np.uint8) if mask.any() else None)


def shares_of_colours(picture: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Shares (288,) of hues, saturations and values in a picture (H, W, 3) uint8 RGB, or where its `mask` (H, W) is not
    0."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    shares = cv2.calcHist([hsv], [0, 1, 2], mask, list(COLOURS), [0, 180, 0, 256, 0, 256]).ravel()
    return shares / shares.sum()


def colour_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Bhattacharyya's distance of two histograms, 0 (alike) to 1."""
    return float(np.sqrt(max(0.0, 1 - np.sqrt(a * b).sum())))


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether a film goes on somewhere else between two of its pictures (H, W, 3) uint8 RGB: almost nothing is where it
    was, nor coloured as before."""
    small = [cv2.resize(one, (32, 18), interpolation=cv2.INTER_AREA) for one in (before, after)]
    changed = np.abs(small[0].astype(int) - small[1]).max(-1) > CUT_CHANGE
    if changed.mean() < CUT_SHARE:
        return False
    return colour_distance(*(shares_of_colours(one) for one in small)) > CUT_COLOURS
