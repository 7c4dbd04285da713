"""Who stands where before which camera."""

from dataclasses import dataclass

import numpy as np

from ...inference.geometry.camera import Camera
from .parts import Figure
from .people import People
from .props import sample_prop


@dataclass(frozen=True)
class Options:
    """What pictures are like. Shares are of pictures."""

    size: int = 256
    """Side of the square picture, pixels."""
    fine: int = 2
    """Samples to a pixel's side; more than one softens edges."""
    extent: tuple[float, float] = (0.4, 0.92)
    """The person's longer side over the picture's."""
    cut_off: float = 0.1
    """Share in which the person is larger than the picture."""
    distance: tuple[float, float] = (1.8, 14.0)
    """Metres from the camera, log-uniform; with the person's extent it gives the focal length."""
    others: float = 0.25
    """Share with a second person, who is not labelled."""
    props: float = 0.25
    """Share with a thing at the person's hands or feet."""
    occluders: float = 0.3
    """Share with something flat before everything."""
    shadows: float = 0.7
    """Share in which the sun casts them."""
    soft: float = 0.5
    """Share of pictures that are not quite sharp."""
    hidden_weight: float = 0.5
    """Weight of a keypoint that something else than the own body hides."""
    dressed: bool = True


@dataclass(frozen=True, eq=False)
class Scene:
    """Figures in the camera's frame, of which the first is the labelled person and the last may be a thing."""

    figures: list[Figure]
    camera: Camera
    camera_from_world: np.ndarray
    """(3, 3): the world is y up."""


def stage(people: People, options: Options, rng: np.random.Generator) -> Scene:
    """Draw a person, a camera that frames it, and perhaps another person and a thing near it."""
    figure = people.sample(rng, options.dressed)
    span = np.ptp(figure.parts[0].vertices[:, 2])
    distance = np.exp(rng.uniform(*np.log(options.distance))) + span / 2
    figure = figure.moved(np.array([0, 0, distance]))
    camera = framing(figure, options, rng)
    figures = [figure]
    if rng.random() < options.others:
        away = np.array([rng.choice([-1, 1]) * rng.uniform(0.25, 1.3), rng.normal(0, 0.2), rng.uniform(-0.7, 2.5)])
        other = people.sample(rng).moved(away + [0, 0, distance])
        if other.parts[0].vertices[:, 2].min() > 0.5:
            figures.append(other)
    if rng.random() < options.props:
        figures.append(sample_prop(figure, people.wardrobe.tiles, rng))
    return Scene(figures, camera, _camera_from_world(figure.up))


def framing(figure: Figure, options: Options, rng: np.random.Generator) -> Camera:
    """A camera whose focal length gives the person its share of the picture, and which does not quite center it."""
    vertices = figure.parts[0].vertices
    rays = vertices[:, :2] / vertices[:, 2:]
    low, high = rays.min(0), rays.max(0)
    share = rng.uniform(1.0, 1.5) if rng.random() < options.cut_off else rng.uniform(*options.extent)
    focal = share * options.size / (high - low).max()
    slack = np.maximum(options.size - focal * (high - low), 0.25 * options.size) / 2
    middle = (options.size - 1) / 2 + rng.uniform(-0.9, 0.9, 2) * slack
    return Camera(float(focal), middle - focal * (low + high) / 2, (options.size, options.size))


def _camera_from_world(up: np.ndarray) -> np.ndarray:
    """A frame (3, 3) whose second column is `up` and whose third points away from the camera as far as that goes."""
    away = np.array([0, 0, 1.0]) - up * up[2]
    if np.linalg.norm(away) < 0.1:
        away = np.array([0, 1.0, 0]) - up * up[1]
    away /= np.linalg.norm(away)
    return np.stack([np.cross(up, away), up, away], 1)
