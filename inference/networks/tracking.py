"""Following people from picture to picture of a film: who was there is looked for near where they were; who is lost is
waited for, and taken up again by place, size and colours, so that nobody becomes somebody else.
"""

from dataclasses import replace

import numpy as np

from .crop import crop_of_box
from .everybody import Seen, candidates, is_one_of_many, prompt_among
from .finder import Candidate, Finder
from .human2d import Detection, Human2D
from .person import (
    NEAR_OTHERS,
    box_overlap,
    extent_of,
    is_person,
    least_presence,
    look_twice,
    presence_of,
)
from .tracks import PATIENCE, Sighting, Track

BOX_MARGIN, CLEAR_MARGIN = 0.12, 0.06
"""How much the last picture's box is grown, over its longer side, to find the person in the next; and somebody clear,
whom one look may have to show."""
CLEAR_SCORE = 0.8
"""The score of a look at somebody alone from which a picture's second look is left out (decision 020)."""
MIN_BOX_OVERLAP = 0.3
"""Overlap of the box in one picture with that in the next from which it is the same person."""
MAX_COLOUR_DISTANCE = 0.55
"""Distance of colours, 0 to 1 (Bhattacharyya's), up to which somebody may be the one who was lost, and beyond which
somebody who is at the right place is not."""
GATE, GATE_GROWS = 0.6, 0.15
"""How far from where they should be somebody lost may be taken up, over their longer side: at first, and more for each
picture that they were lost in."""
SIZE, SIZE_GROWS = 1.35, 1.03
"""The same of their size, as a ratio."""
GROWN, GROWN_TOGETHER = 1.8, 1.25
"""Most that somebody's box may differ from its size lately; and where somebody else is near."""
BETTER = 0.05
"""By how much nearer in colour somebody must be than whom a track was taken for."""
NEW_EVERY = 5
"""Pictures between two looks for people who have come into the film."""
MOST_LOOKS = 3
"""Candidates for somebody lost that are looked at in one picture."""


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
        self._look_where_lost(photo, seen)
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
        """Look about where the person was, with room for limbs that were missed there; unless they are clear then,
        also closer, and both looks decide together. Of two looks one is at the mirror image, and of two pictures'
        first looks, too. Among others, how they stood says who is meant. None where they are not there any more."""
        alone, mirrored = self._alone(track), self._pictures % 2 == 0
        prompt = None if alone else track.prompt
        clear = alone and not track.lost and track.last.detection.score >= CLEAR_SCORE
        around = widened(track.box, CLEAR_MARGIN if clear else BOX_MARGIN)
        near = wide = self.human2d(photo, [replace(crop_of_box(around), flip=mirrored)], prompt)[0]
        # Mostly, nobody is seen where somebody was lost: one look has to do.
        if track.lost and presence_of(wide) < least_presence(wide):
            return None
        clear = clear and wide.score >= CLEAR_SCORE
        if not clear:
            near = self.human2d(photo, [replace(crop_of_box(extent_of(wide)), flip=not mirrored)], prompt)[0]
        box = extent_of(near)
        if presence_of(near) < least_presence(near) or box_overlap(track.box, box) <= MIN_BOX_OVERLAP:
            return None
        # A box that is suddenly larger holds somebody else's limbs as well.
        if not track.as_large(box, GROWN if alone else GROWN_TOGETHER):
            return None
        sighting = Sighting.of(near if clear else self.human2d.together([near, wide]), photo)
        return sighting if track.distance(sighting) <= MAX_COLOUR_DISTANCE else None

    def _look_where_lost(self, photo: np.ndarray, seen: dict[int, Sighting]) -> None:
        """Look for who was lost where they should be by now, before the whole picture is searched; add them to `seen`.
        Whoever is seen there and is followed by another number, or stands in their place, is not they."""
        for track in (one for one in self.tracks if one.lost):
            found = self._near(photo, track)
            if found is None or found.same(seen.values()):
                continue
            if not any(box_overlap(found.box, other.box) > MIN_BOX_OVERLAP for other in seen.values()):
                seen[track.number] = found

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
        everyone = candidates(photo, self.finder, everybody=self.most != 1)
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
        self.tracks.append(Track(self._count, sighting))
        seen[self._count] = sighting
        self._count, self.first_box = self._count + 1, None


def _like(sighting: Sighting, tracks: list[Track]) -> Track | None:
    """Which of some tracks somebody is by their colours; None where they are like nobody."""
    best = min(tracks, key=lambda track: track.distance(sighting), default=None)
    return best if best is not None and best.distance(sighting) <= MAX_COLOUR_DISTANCE else None


def _together(track: Track, other: Track) -> bool:
    """Whether two people's boxes overlap or, where the other is lost, may be at one place."""
    if not other.lost:
        return box_overlap(track.box, other.box) > NEAR_OTHERS
    middle = track.box[:2] + track.box[2:] / 2
    places = (other.center, other.last.center)
    return min(np.linalg.norm(middle - place) for place in places) < max(track.box[2:].max(), other.box[2:].max())


def widened(box: np.ndarray, share: float) -> np.ndarray:
    """A box (x, y, width, height) grown on all sides by a `share` of its longer one. Without it, a limb that is missed
    once lies outside the next picture's crop, and is missed for good."""
    margin = share * max(box[2:])
    return np.concatenate([box[:2] - margin, box[2:] + 2 * margin])
