"""Things before the person: bars, boxes and round things, patterned or torn from a photograph."""

import cv2
import numpy as np

from .backgrounds import Backgrounds


def put_in_front(image: np.ndarray, mask: np.ndarray, backgrounds: Backgrounds, rng: np.random.Generator) -> np.ndarray:
    """Draw one or two things over a picture (S, S, 3) and out of its mask (S, S), both in place; returns where (S, S)
    they are, uint8."""
    size = len(image)
    front = np.zeros((size, size), np.uint8)
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return front
    reach = max(np.ptp(rows), np.ptp(columns))
    for _ in range(rng.integers(1, 3)):
        number = rng.integers(len(rows))
        center = (float(columns[number]), float(rows[number]))
        draw_thing(front, center, reach, rng)
    surface = backgrounds.surface(rng)
    share = front[..., None].astype(np.float32) / 255
    image[:] = np.rint(image * (1 - share) + surface * share).astype(np.uint8)
    mask[front > 127] = 0
    return front


def draw_thing(front: np.ndarray, center: tuple[float, float], reach: float, rng: np.random.Generator) -> None:
    """Add a bar, a box, an ellipse or a jagged shape to `front`, of up to a third of `reach` pixels."""
    kind, angle = rng.integers(4), float(rng.uniform(0, 180))
    sides = reach * rng.uniform(0.08, 0.35, 2)
    if kind == 0:
        sides = np.array([rng.uniform(0.015, 0.07) * reach, 3 * reach])
    if kind < 2:
        corners = cv2.boxPoints((center, (float(sides[0]), float(sides[1])), angle))
    elif kind == 2:
        corners = cv2.ellipse2Poly(
            tuple(map(int, center)), (int(sides[0]) + 1, int(sides[1]) + 1), int(angle), 0, 360, 10
        )
    else:
        turn = np.sort(rng.uniform(0, 2 * np.pi, 9))
        corners = center + sides * rng.uniform(0.4, 1.2, (9, 1)) * np.stack([np.cos(turn), np.sin(turn)], 1)
    cv2.fillPoly(front, [np.asarray(corners).astype(np.int32)], 255, cv2.LINE_AA)
