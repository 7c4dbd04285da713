"""Following people through films of coloured boards, seen by stand-ins for the networks that know where they are."""

import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from body_from_image.inference.clip import look_at_people
from body_from_image.inference.files.images import Photo
from body_from_image.inference.geometry.camera import choose_camera
from body_from_image.inference.geometry.joints import KEYPOINT_NAMES
from body_from_image.inference.networks.colours import glimpse, is_cut
from body_from_image.inference.networks.crop import crop_of_box
from body_from_image.inference.networks.finder import Candidate
from body_from_image.inference.networks.human2d import Detection
from body_from_image.inference.networks.tracking import Tracker
from body_from_image.inference.networks.tracks import PATIENCE

WIDTH, HEIGHT = 400, 240
RED, GREEN, BLUE = (200, 40, 40), (40, 180, 60), (50, 60, 210)
GRID = np.stack(np.meshgrid(np.linspace(0.1, 0.9, 5), np.linspace(0.05, 0.95, 5)), -1).reshape(-1, 2)
assert len(GRID) == len(KEYPOINT_NAMES)


class World:
    """A picture of boards (x, y, width, height, colour), the last before the others, and what networks see in it."""

    def __init__(self):
        self.boards = []
        self.looks = self.searches = 0
        self.confidence, self.mirrored = 0.9, []

    def show(self, *boards):
        self.boards = [board for board in boards if board is not None]
        picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        for x, y, w, h, colour in self.boards:
            picture[max(y, 0) : y + h, max(x, 0) : x + w] = colour
        return picture

    def visible(self):
        """Boxes of those who are not hidden for the most part."""
        for number, (x, y, w, h, _) in enumerate(self.boards):
            hidden = max(
                (max(0, min(x + w, a + c) - max(x, a)) / w for a, _, c, _, _ in self.boards[number + 1 :]), default=0
            )
            if hidden < 0.6:
                yield np.array([x, y, w, h], float)

    def __call__(self, photo, looked_at, prompt=None):
        """Human2D: whoever's middle is nearest to the crop's."""
        self.looks += len(looked_at)
        self.mirrored += [crop.flip for crop in looked_at]
        return [self._detection(crop) for crop in looked_at]

    def together(self, looks, crop=None):
        return looks[0]

    def _detection(self, crop):
        boxes = [box for box in self.visible() if np.abs(box[:2] + box[2:] / 2 - crop.center).max() < crop.side / 2]
        keypoints, silhouette = np.zeros((25, 3), np.float32), np.zeros((64, 64), np.float32)
        if not boxes:
            return Detection(crop, keypoints, silhouette, presence=0.0)
        box = min(boxes, key=lambda one: np.linalg.norm(one[:2] + one[2:] / 2 - crop.center))
        keypoints[:, :2], keypoints[:, 2] = box[:2] + GRID * box[2:], self.confidence
        low, high = crop.to_crop(box[:2]) / 4, crop.to_crop(box[:2] + box[2:]) / 4
        x0, x1 = sorted(np.clip([low[0], high[0]], 0, 64).round().astype(int))
        silhouette[max(int(low[1]), 0) : max(int(high[1]), 0), x0:x1] = 1
        return Detection(crop, keypoints, silhouette, presence=0.95)

    def find(self, photo, windows=None):
        """The finder."""
        if windows is not None:
            return []
        self.searches += 1
        return [
            Candidate(box, np.column_stack([box[:2] + GRID[:17] * box[2:], np.full(17, 0.9)]), 0.8)
            for box in self.visible()
        ]


@pytest.fixture
def world():
    return World()


def board(x, colour, height=120, y=80, width=60):
    return x, y, width, height, colour


def follow(world, tracker, films):
    """Numbers and left edges that the tracker gives for each picture's boards; None: a picture that is skipped."""
    seen = []
    for boards in films:
        if boards is None:
            tracker.skipped()
            seen.append({})
        else:
            found = tracker(world.show(*boards))
            seen.append({number: float(one.keypoints[:, 0].min()) for number, one in found.items()})
    return seen


@pytest.mark.parametrize(("confidence", "looks"), [(0.9, 1), (0.7, 2)])
def test_who_is_clear_is_followed_with_one_look_a_picture_and_others_with_two(world, confidence, looks):
    world.confidence = confidence
    tracker = Tracker(world, world.find)
    films = [[board(20 + 8 * number, RED)] for number in range(20)]
    seen = follow(world, tracker, films)
    assert all(set(own) == {0} for own in seen)
    assert seen[-1][0] == pytest.approx(20 + 8 * 19 + 6, abs=2)
    assert world.looks == 2 + looks * 19
    # One of two looks is at the mirror image, whether they are at one picture or at two.
    assert all(first != second for first, second in zip(world.mirrored[2::2], world.mirrored[3::2], strict=False))


def test_of_somebody_who_is_not_clear_any_more_there_are_two_looks_at_once(world):
    tracker = Tracker(world, world.find)
    follow(world, tracker, [[board(20 + 8 * number, RED)] for number in range(4)])
    world.confidence, looks = 0.7, world.looks
    follow(world, tracker, [[board(52, RED)]])
    assert world.looks == looks + 2


@pytest.mark.parametrize("lost", [1, 10, 30])
def test_who_is_hidden_is_waited_for_and_nobody_is_taken_for_them(world, lost):
    other = board(300, GREEN, 150, 50, 75)
    here = [[board(40, RED), other]] * 4
    tracker = Tracker(world, world.find, first_box=np.array([40.0, 80, 60, 120]))
    seen = follow(world, tracker, here + [[other]] * lost + here)
    assert all(set(own) == {0} and own[0] < 60 for own in seen[:4] + seen[-4:])
    assert not any(seen[4:-4]), "the prominent other one is somebody else"


@pytest.mark.parametrize("most", [1, 2])
def test_who_was_hidden_is_found_where_they_should_be_before_the_picture_is_searched(world, most):
    """They walk behind a board that nobody sees, for ten pictures."""
    x = 20 + 8 * np.arange(26)
    other = board(330, GREEN, 150, 50, 60)
    here = [board(int(left), RED) for left in x]
    films = [[other, one] if number < 8 or number >= 18 else [other] for number, one in enumerate(here)]
    tracker = Tracker(world, world.find, most=most, first_box=np.array([20.0, 80, 60, 120]))
    seen = follow(world, tracker, films[:18])
    (walker,) = (number for number, left in seen[0].items() if left < 100)
    assert all(walker in own for own in seen[:8]) and not any(walker in own for own in seen[8:])
    searches, looks = world.searches, world.looks
    (back,) = follow(world, tracker, films[18:19])
    assert back[walker] == pytest.approx(x[18] + 6, abs=2)
    assert world.searches == searches and world.looks - looks <= 2 * most
    assert all(walker in own for own in follow(world, tracker, films[19:]))


def test_pictures_that_cannot_be_read_are_a_gap(world):
    other = board(300, GREEN, 150, 50, 75)
    here = [[board(40, RED), other]] * 3
    tracker = Tracker(world, world.find, first_box=np.array([40.0, 80, 60, 120]))
    seen = follow(world, tracker, here + [None] * 10 + here)
    assert all(own[0] < 60 for own in seen[:3] + seen[-3:])


def test_after_a_long_time_whoever_is_there_is_followed(world):
    tracker = Tracker(world, world.find)
    films = [[board(40, RED)]] * PATIENCE + [[]] * (PATIENCE + 2) + [[board(200, BLUE)]] * 2
    seen = follow(world, tracker, films)
    assert seen[0] and set(seen[-1]) == {1}


def test_two_who_cross_stay_who_they_are(world):
    films = [[board(20 + 9 * number, RED), board(320 - 9 * number, BLUE)] for number in range(34)]
    seen = follow(world, Tracker(world, world.find, most=None), films)
    red, blue = (next(number for number, x in seen[0].items() if (x < 160) == left) for left in (True, False))
    assert set(seen[-1]) == {red, blue} and seen[-1][red] > seen[-1][blue]
    hidden = [own for own in seen if len(own) == 1]
    assert hidden and all(set(own) == {blue} for own in hidden), "the one behind is the one who is not seen"


def test_who_comes_into_the_film_is_somebody_new_and_no_more_than_wanted_are_followed(world):
    films = [[board(40, RED)]] * 6 + [[board(40, RED), board(180, BLUE)]] * 6 + [
        [board(40, RED), board(180, BLUE), board(300, GREEN)]
    ] * 6  # fmt: skip
    assert len(follow(world, Tracker(world, world.find, most=None), films)[-1]) == 3
    assert len(follow(world, Tracker(world, world.find, most=2), films)[-1]) == 2


def test_after_a_cut_everybody_is_new(world):
    tracker = Tracker(world, world.find, most=None)
    follow(world, tracker, [[board(40, RED)]] * 3)
    tracker.cut()
    assert set(follow(world, tracker, [[board(60, RED)]])[0]) == {1}


def test_a_cut_is_told_from_a_movement_and_from_a_change_of_light():
    rng = np.random.default_rng(0)
    place = np.kron(rng.integers(0, 255, (12, 20, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    elsewhere = np.full_like(place, (180, 200, 60))
    elsewhere[120:] = (30, 90, 40)
    before = glimpse(place)
    assert is_cut(before, glimpse(elsewhere))
    assert not is_cut(before, glimpse(np.roll(place, 6, axis=1)))
    assert not is_cut(before, glimpse((place * 0.8).astype(np.uint8)))


def test_a_crop_shows_the_board_that_it_is_about(world):
    world.show(board(40, RED))
    (detection,) = world(None, [crop_of_box(np.array([40.0, 80, 60, 120]))])
    assert 0.1 < detection.silhouette.mean() < 0.6


def test_cuts_and_turns_of_a_film_are_told_for_all_of_its_frames(world):
    size = (WIDTH, HEIGHT)
    engine = SimpleNamespace(
        human2d=world, finder=world.find, camera=lambda *seen: choose_camera(size), shape=lambda cells: (None, ())
    )

    place = np.uint8([180, 200, 60])

    def photos():
        for number in range(24):
            picture = world.show(board(40 + number, RED), board(250, BLUE))
            yield Photo(np.where(picture == 128, place, picture) if number >= 12 else picture, None, Path("film.png"))

    people = look_at_people(engine, photos())
    assert sorted(person.first for person in people) == [0, 0, 12, 12]
    assert all(person.cuts == [12] and len(person.turns) == 24 for person in people)


def memory_of(world, count):
    """Bytes that are kept of a film of two people, and the most that was needed on the way."""
    size = (WIDTH, HEIGHT)
    engine = SimpleNamespace(
        human2d=world, finder=world.find, camera=lambda *seen: choose_camera(size), shape=lambda cells: (None, ())
    )
    boards = ((board(40 + number % 20, RED), board(250 - number % 20, BLUE)) for number in range(count))
    photos = (Photo(world.show(*own), None, Path("film.png")) for own in boards)
    tracemalloc.start()
    try:
        people = look_at_people(engine, photos)
        assert [person.seen for person in people] == [count, count]
        return np.array(tracemalloc.get_traced_memory())
    finally:
        tracemalloc.stop()


def test_of_a_long_film_only_the_numbers_of_its_people_are_kept(world):
    memory_of(world, 20)  # whatever is set up once
    short, long = memory_of(world, 50), memory_of(world, 150)
    assert (long - short).max() < 100 * 2 * 2000, "two kilobytes for each person and picture"
