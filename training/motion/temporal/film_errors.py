"""How long Human2D's errors last in films: `python -m body_from_image.training film-errors`.

Films with a known truth are rendered: one dressed person before one background, moving as in mocap clips, and followed
by the tracker that follows people in films. What is printed is how errors, exchanged sides and lost keypoints of a
frame are related to those some frames later; `film_noise` draws errors that last as long. No picture is kept.
"""

import argparse

import numpy as np

from ....inference.geometry.joints import LIMB_KEYPOINTS
from ....inference.geometry.rotations import axis_angle_to_matrix
from ....inference.networks.finder import Finder
from ....inference.networks.human2d import Human2D
from ....inference.networks.tracking import Tracker
from ...people.poses import load_poses
from ...priors.detector_errors import compare

FRAMES = 24
LAGS = (1, 2, 4, 8, 16)
MIN_SEEN = 0.3
"""Confidence below which a keypoint counts as lost."""
WILD = 0.5
"""Torso lengths beyond which an error is not one of place any more, and left out of the correlations."""


def films(count: int, seed: int):
    """Confidence (F, 25), swapped (F, 25) and errors (F, 25, 2; torso lengths) of each film in which the person is
    found in every frame. Raises PackMissing."""
    # Compiles for seconds, so only where it is wanted.
    from ...synthetic.renderer import Renderer
    from ...synthetic.scene import Options, stage

    poses, rng = load_poses("validation"), np.random.default_rng(seed)
    renderer, human2d, finder = Renderer(Options(occluders=0, cut_off=0)), Human2D("fast", "cpu", 1), Finder("cpu", 1)
    for film in range(count):
        first = int(rng.integers(len(poses.clip) - FRAMES))
        if poses.clip[first] != poses.clip[first + FRAMES - 1]:
            continue
        tracker, rows = Tracker(human2d, finder, 1, None), []
        for pose in axis_angle_to_matrix(poses.axis_angle[first : first + FRAMES]).astype(np.float32):
            # The same draws give the same person, clothes, light and background in every frame.
            renderer.people.poses, again = pose[None], np.random.default_rng([seed, film])
            picture = renderer.render(stage(renderer.people, renderer.options, again), again)
            seen = next(iter(tracker(picture.image).values()), None)
            if seen is not None:
                rows.append(compare(seen.keypoints, picture.keypoints, picture.sight > 0))
        if len(rows) == FRAMES:
            yield tuple(np.array(column) for column in zip(*rows, strict=True))


def lasting(found: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> list[str]:
    """Lines for films, on the twelve limb keypoints: the correlation of errors, and how often what is exchanged or lost
    is so some frames later, too."""
    confidence, swapped, error = (np.stack(part)[:, :, LIMB_KEYPOINTS] for part in zip(*found, strict=True))
    lost, length = confidence < MIN_SEEN, np.linalg.norm(error, axis=-1)
    right = ~swapped & ~lost & (length < WILD)
    lines = [
        f"{len(found)} films of {FRAMES} frames; exchanged {swapped.mean():.3f}, lost {lost.mean():.3f}, "
        f"error of the others {length[right].mean():.3f} torso"
    ]
    for lag in LAGS:
        pairs = right[:, lag:] & right[:, :-lag]
        together = (error[:, lag:] * error[:, :-lag]).sum(-1)[pairs].mean()
        alone = (length[:, lag:] ** 2 + length[:, :-lag] ** 2)[pairs].mean() / 2
        stay = [part[:, lag:][part[:, :-lag]].mean() for part in (swapped, lost)]
        lines.append(
            f"after {lag:2} frames: correlation of errors {together / alone:.2f}, still exchanged {stay[0]:.2f}, "
            f"still lost {stay[1]:.2f}"
        )
    return lines


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training film-errors", description="Measure how long Human2D's errors last.")
    parser.add_argument("--count", type=int, default=20, help="films to render")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    print(*lasting(list(films(options.count, options.seed))), sep="\n")
