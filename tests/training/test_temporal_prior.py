"""The temporal prior: a film's windows and back, whatever the frame rate, the gaps and the camera; and its export."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.geometry.camera import Camera  # noqa: E402
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle  # noqa: E402
from body_from_image.inference.motion import lifting, windows  # noqa: E402
from body_from_image.inference.motion.camera_motion import CameraMotion  # noqa: E402
from body_from_image.inference.motion.lifting import SeenClip, frame_by_frame  # noqa: E402
from body_from_image.training.motion.temporal.export import export_temporal_prior  # noqa: E402
from body_from_image.training.motion.temporal.film_errors import lasting  # noqa: E402
from body_from_image.training.motion.temporal.film_noise import as_detected, between_knots, known_frames  # noqa: E402
from body_from_image.training.motion.temporal.network import TemporalPrior  # noqa: E402

SECONDS = 2.4


def film_at(rate: float, amount: float = 1.0) -> windows.Film:
    """Somebody who bends and turns slowly, and whose keypoints drift; `amount` 0: who stands still."""
    times = np.arange(round(SECONDS * rate) + 1) / rate
    swing = amount * np.sin(2.5 * times)[:, None, None]
    axes = np.random.default_rng(0).normal(size=(24, 3))
    rotations = axis_angle_to_matrix(0.15 * axes + 0.2 * swing * axes[::-1])
    points = np.random.default_rng(1).normal(size=(25, 3)) * [0.2, 0.4, 0.05] + [0.5, 0.1, 3.0]
    directions = points + 0.1 * swing * [1, 0.3, 0]
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    ones = np.ones((len(times), 25))
    return windows.Film(times, directions, ones * 0.9, rotations, ones[:, :24] * 9.0, ones[:, 0] > 0)


def unchanged(features: np.ndarray) -> np.ndarray:
    """A network that answers with what PosePrior said."""
    return features[..., windows.TURNS].reshape(*features.shape[:2], 24, 6)


@pytest.fixture(scope="module")
def network():
    """As it is before training, but for a head that says something."""
    torch.manual_seed(0)
    prior = TemporalPrior(32).eval()
    torch.nn.init.normal_(prior.head.weight, std=0.02)

    def answer(features: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return prior(torch.from_numpy(features)).numpy()

    return answer


def degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.rad2deg(np.linalg.norm(matrix_to_axis_angle(a.swapaxes(-1, -2) @ b), axis=-1))


def test_windows_have_the_shapes_that_the_network_takes(network):
    film = film_at(30)
    features, turns = windows.window_features(film, np.array([-20, 0, 40]))
    assert features.shape == (3, windows.FRAMES, windows.FEATURE_COUNT) and features.dtype == np.float32
    assert not features[0, :20].any() and features[0, 20:, -1].all()
    assert np.allclose(turns @ turns.swapaxes(1, 2), np.eye(3))
    assert network(features).shape == (3, windows.FRAMES, 24, 6)


@pytest.mark.parametrize("rate", [12, 25, 30, 50, 60])
def test_what_the_network_leaves_alone_comes_back_at_every_rate(rate):
    film = film_at(rate)
    assert degrees(windows.steadied(film, unchanged), film.rotations).max() < (0.2 if rate >= 25 else 1.5)


@pytest.mark.parametrize("rate", [25, 60])
def test_the_same_motion_at_another_rate_gives_the_same_answer(network, rate):
    film, other = film_at(30), film_at(rate)
    assert degrees(windows.steadied(film, network), film.rotations).max() > 3
    seconds = np.arange(13) / 5
    here, there = (
        windows.steadied(one, network)[np.round(seconds * at).astype(int)] for one, at in ((film, 30), (other, rate))
    )
    assert degrees(here, there).max() < 0.3


def test_somebody_who_stands_still_stays_still(network):
    still = windows.steadied(film_at(30, 0.0), network)
    steps = degrees(still[1:], still[:-1])
    # The ends know less than the middle, so the answer may drift there, but never jumps.
    assert steps.max() < 1 and steps[windows.FRAMES // 2 : -windows.FRAMES // 2].max() < 0.5


def test_short_gaps_are_filled_and_long_ones_bridged(network):
    film = film_at(30)
    known = film.known.copy()
    known[10:14] = known[30:60] = False
    spoilt = replace(film, rotations=np.where(known[:, None, None, None], film.rotations, np.eye(3)), known=known)
    found = windows.steadied(spoilt, unchanged)
    assert degrees(found, film.rotations)[known].max() < 0.1
    whole, holed = windows.steadied(film, network), windows.steadied(spoilt, network)
    assert np.isfinite(holed).all() and degrees(holed[10:14], whole[10:14]).max() < 8
    turn = degrees(holed[31:59], holed[30:58])
    assert turn.max() < 4


def test_one_known_frame_is_enough(network):
    film = replace(film_at(30), known=np.arange(73) == 40)
    found = windows.steadied(film, network)
    assert np.isfinite(found).all() and degrees(found[0], found[-1]).max() < 30


def test_keypoints_that_one_of_two_frames_lacks_are_taken_from_the_other():
    film = film_at(25)
    confidence = film.confidence.copy()
    confidence[::2, 3] = 0
    even = windows.resampled(replace(film, confidence=confidence))
    shown = even.confidence[:, 3] > 0
    assert 0.3 < shown.mean() < 0.7 and np.allclose(even.confidence[shown, 3], 0.9)


class TurnedPrior:
    """A PosePrior that says the same of somebody whatever the camera's turns (F, 3, 3)."""

    def __init__(self, turns: np.ndarray, rotations: np.ndarray):
        self.root, self.rest = turns @ rotations[0], np.tile(rotations[1:], (len(turns), 1, 1, 1))

    def with_uncertainty(self, keypoints, camera):
        return np.concatenate([self.root[:, None], self.rest], 1), np.full((len(self.root), 24), 9.0)


def test_where_a_camera_turns_is_taken_out_before_and_put_back_after(network):
    rng, frames = np.random.default_rng(0), 40
    camera, rotations = Camera(900.0, np.array([639.5, 359.5]), (1280, 720)), film_at(30).rotations[0]
    body = rng.normal(size=(25, 3)) * [0.25, 0.5, 0.1] + [0, 0, 4.0]
    found = []
    for most in (0.0, 0.4):
        turns = axis_angle_to_matrix(np.linspace(0, most, frames)[:, None] * [0, 1.0, 0])
        keypoints = np.concatenate([camera.project(body @ turns.swapaxes(1, 2)), np.full((frames, 25, 1), 0.9)], -1)
        motion = CameraMotion(turns) if most else None
        clip, prior = SeenClip(keypoints, np.ones(frames, bool), camera, motion, 30.0), TurnedPrior(turns, rotations)
        answer, uncertainty = lifting.TemporalPrior(network)(prior, clip)
        assert np.array_equal(uncertainty, frame_by_frame(prior, clip)[1])
        found.append(np.concatenate([turns.swapaxes(1, 2)[:, None] @ answer[:, :1], answer[:, 1:]], 1))
    assert degrees(*found).max() < 1e-2


def test_an_exported_prior_answers_as_torch_does(tmp_path):
    torch.manual_seed(0)
    torch.save(TemporalPrior().state_dict(), tmp_path / "weights.pt")
    assert export_temporal_prior(tmp_path / "weights.pt", tmp_path / "temporal.onnx") < 1e-2
    assert (tmp_path / "temporal.onnx").stat().st_size < 0.9e6
    assert windows.steadied(film_at(30), lambda features: _run(tmp_path / "temporal.onnx", features)).shape[0] == 73
    again = export_temporal_prior(tmp_path / "temporal.onnx", tmp_path / "again.onnx")
    assert again < 1e-2


def _run(path, features):
    import onnxruntime

    return onnxruntime.InferenceSession(str(path)).run(None, {"features": features})[0]


def test_errors_of_a_detector_last_and_those_of_the_measurement_are_told():
    rng = np.random.default_rng(0)
    points = np.tile(rng.normal(0, 100, (25, 2)), (24, 1, 1))
    found = [as_detected(points, rng) for _ in range(60)]
    swapped = np.zeros((24, 25), bool)
    lines = lasting([(one[..., 2], swapped, (one[..., :2] - points) / 200) for one in found])
    told = [float(line.split("errors ")[1].split(",")[0]) for line in lines[1:]]
    assert told[0] > 0.7 and told[0] > told[2] > told[4]


def test_between_knots_all_is_on_straight_lines():
    values = np.arange(10.0)[:, None] ** 2
    assert np.allclose(between_knots(values, np.array([0, 4, 6]))[:, 0], [0, 4, 8, 12, 16, 26, 36, 36, 36, 36])
    rng = np.random.default_rng(0)
    assert 0.7 < np.mean([known_frames(48, rng).mean() for _ in range(300)]) < 0.97
