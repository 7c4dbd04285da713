"""The finder against what the published graph says of the example picture, and its decoding of made-up maps."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.inference.networks.finder import (
    SIDE,
    STRIDE,
    Candidate,
    Finder,
    decode,
    distinct,
    ends_on,
    reduced,
)

ROOT = Path(__file__).parents[2]
KEYPOINTS = 17


@pytest.fixture(scope="module")
def finder() -> Finder:
    return Finder("cpu", 2)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(ROOT / "examples" / "person.jpg")), cv2.COLOR_BGR2RGB)


def test_what_ships_says_what_the_published_graph_says(finder, picture):
    published = np.load(ROOT / "tests" / "fixtures" / "movenet_published.npz")
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    maps = finder.network(small.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    for head, values in zip(("center", "regress", "box_scale", "box_offset", "heatmap"), maps, strict=True):
        expected = published[f"multipose_{head}"]
        if head in ("center", "heatmap"):
            expected = 1 / (1 + np.exp(-expected))
        # Weights in eight bits move probabilities by a hundredth at most, and places by less than a cell.
        limit = {"center": 0.005, "heatmap": 0.02}.get(head, 1.0)
        assert np.abs(values[0, :, ::9, ::9] - expected).max() < limit, head
    best = finder(small)[0]
    y0, x0, y1, x1, score = published["multipose"][0, 51:]
    assert np.abs(best.box - np.array([x0, y0, x1 - x0, y1 - y0]) * SIDE).max() < 0.5
    assert best.score == pytest.approx(score, abs=0.02)


def test_two_people_side_by_side_are_two_wherever_the_picture_is_cut(finder, picture):
    pair = np.concatenate([picture, picture[:, ::-1]], 1)
    found = [one for one in finder(pair) if one.score > 0.2]
    assert len(found) == 2
    left, right = sorted(found, key=lambda one: one.box[0])
    assert left.box[0] + left.box[2] / 2 < picture.shape[1] < right.box[0] + right.box[2] / 2
    height, width = pair.shape[:2]
    windows = np.array([(0, 0, width, height), (0, 0, width * 2 // 3, height), (width // 3, 0, width * 2 // 3, height)])
    again = [one for one in finder(pair, windows) if one.score > 0.2]
    assert len(again) == 2, "seen in three windows, and still two"


def made_up_maps(center: tuple[int, int], size: tuple[int, int] = (32, 48)) -> list[np.ndarray]:
    """Maps of one person with a box of 20 × 10 cells, whose keypoints lie on a diagonal and 1 cell beside where the
    centre expects them."""
    rows, columns = size
    maps = [np.zeros((count, rows, columns), np.float32) for count in (1, 2 * KEYPOINTS, 2, 2, KEYPOINTS)]
    y, x = center
    maps[0][0, y, x] = 0.8
    for number in range(KEYPOINTS):
        shift = number // 2 - 4
        maps[1][2 * number : 2 * number + 2, y, x] = shift, shift
        maps[4][number, y + shift, x + shift + 1] = 0.9
    maps[2][:, y, x] = 20, 12
    maps[3][:, y, x] = 0.5, 0.0
    return maps


def test_a_centre_a_box_and_keypoints_become_a_candidate():
    (found,) = decode(*made_up_maps((16, 24)))
    assert np.allclose(found.box, np.array([18, 6.5, 12, 20]) * STRIDE)
    shift = np.arange(KEYPOINTS) // 2 - 4
    expected = (np.stack([24 + shift + 1, 16 + shift], 1) + 0.5) * STRIDE - 0.5
    assert np.allclose(found.keypoints[:, :2], expected)
    # A cell beside what the centre expects costs e^(-1 / (.3 · 32)).
    assert found.keypoints[:, 2] == pytest.approx(np.full(KEYPOINTS, 0.9 * np.exp(-1 / 9.6)), abs=1e-5)
    assert found.score == pytest.approx(0.8 * 0.9 * np.exp(-1 / 9.6), abs=1e-5)


def test_a_photo_keeps_its_proportions_and_has_sides_that_the_network_takes():
    for size in ((640, 480), (37, 500), (4000, 3000), (20, 20)):
        seen, scale = reduced(np.full((size[1], size[0], 3), 200, np.uint8))
        assert seen.shape[0] % 32 == seen.shape[1] % 32 == 0 and max(seen.shape) == SIDE
        assert scale[0] * size[0] == pytest.approx(scale[1] * size[1] * size[0] / size[1], rel=0.06)
        assert not seen[round(scale[1] * size[1]) :].any()


def candidate(x: float, score: float, shift: float = 0.0) -> Candidate:
    points = np.column_stack(
        [np.linspace(x, x + 40, KEYPOINTS) + shift, np.linspace(0, 100, KEYPOINTS), np.ones(KEYPOINTS)]
    )
    return Candidate(np.array([x, 0.0, 40, 100]), points, score)


def test_one_person_seen_twice_is_one_and_somebody_in_front_of_them_is_another():
    sure, again, other = candidate(0, 0.6), candidate(3, 0.5), candidate(5, 0.4, shift=40)
    assert distinct([again, other, sure]) == [sure, other]


def test_who_is_cut_by_a_window_gives_way_to_who_is_whole():
    """A window that ends at somebody's knees may be surer of them than the whole photo is; half as sure is enough."""
    keypoints = np.column_stack([np.linspace(40, 60, 17), np.linspace(20, 100, 17), np.full(17, 0.9)])
    whole = Candidate(np.array([30.0, 10, 40, 180]), keypoints, 0.4)
    cut = Candidate(np.array([30.0, 10, 40, 90]), keypoints, 0.7, cut=True)
    assert distinct([cut, whole]) == [whole]
    assert distinct([cut, replace(whole, score=0.3)]) == [cut]
    assert ends_on(cut.box, (0, 0, 100, 100), (200, 200)) and not ends_on(whole.box, (0, 0, 200, 200), (200, 200))
    assert not ends_on(cut.box, (0, 0, 100, 100), (200, 100)), "it is the photo that ends there"
