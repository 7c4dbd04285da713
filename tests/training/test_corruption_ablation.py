"""Each kind of corruption can be left out, alone, and its worth is measured from the same people and detections."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.body.body_model import BodyModel  # noqa: E402
from body_from_image.inference.engine import Engine, Settings  # noqa: E402
from body_from_image.inference.errors import NoPersonError  # noqa: E402
from body_from_image.inference.files.images import Photo  # noqa: E402
from body_from_image.inference.geometry.joints import KEYPOINT_MIRROR  # noqa: E402
from body_from_image.training.people import instances  # noqa: E402
from body_from_image.training.priors import pose_prior, shape_prior  # noqa: E402
from body_from_image.training.priors.corruption import CORRUPTION, corrupt  # noqa: E402
from body_from_image.training.priors.detector_errors import torso_length  # noqa: E402
from body_from_image.training.priors.experiments import corruption_ablation, pose_ablation, shape_ablation  # noqa: E402
from body_from_image.training.priors.experiments.detected_once import DetectsOnce  # noqa: E402
from body_from_image.training.priors.silhouettes import SilhouetteCorruption, corrupt_silhouettes  # noqa: E402

MODEL = BodyModel.load()
ALL_FOUND = replace(CORRUPTION, drop_limb=0.0, half_body=0.0, missing=0.0)
POINTS = np.random.default_rng(0).uniform(0, 400, (3000, 25, 2))
TORSO = torso_length(POINTS)[:, None]


def found(**options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Error (B, 25), distance to the mirror image (B, 25), and confidence (B, 25) of corrupted random points."""
    keypoints = corrupt(POINTS, np.random.default_rng(0), replace(ALL_FOUND, **options))
    distance = [np.linalg.norm(keypoints[..., :2] - truth, axis=-1) for truth in (POINTS, POINTS[:, KEYPOINT_MIRROR])]
    return *distance, keypoints[..., 2]


def test_gaussian_errors_have_the_measured_size_and_nothing_to_do_with_confidence():
    measured, _, confidence = found(swaps=False)
    gaussian, _, alone = found(swaps=False, measured=False)
    ankles = [0, 5]
    assert gaussian[:, ankles].mean() == pytest.approx(measured[:, ankles].mean(), rel=0.1)
    assert alone[:, ankles].mean() == pytest.approx(confidence[:, ankles].mean(), abs=0.02)
    related, unrelated = (
        np.corrcoef(e[:, ankles].ravel(), c[:, ankles].ravel())[0, 1]
        for e, c in ((measured, confidence), (gaussian, alone))
    )
    assert related < -0.15 and abs(unrelated) < 0.05
    # Of Gaussian errors, few are much larger than the mean; of a detector's, many.
    measured, gaussian = ((e / TORSO)[:, ankles] for e in (measured, gaussian))
    assert (measured > 4 * measured.mean()).mean() > 5 * (gaussian > 4 * gaussian.mean()).mean()


def test_without_swaps_nothing_is_found_at_its_mirror_image():
    shares = {}
    for swaps in (True, False):
        own, mirror, _ = found(swaps=swaps)
        shares[swaps] = ((mirror < 15) & (own > 60))[:, [0, 5]].mean()
    assert shares[True] > 0.02 and shares[False] < 0.2 * shares[True]


@pytest.mark.parametrize("kind", ["drop_limb", "half_body", "missing"])
def test_a_kind_of_hiding_hides_and_without_it_nothing_is_hidden(kind):
    assert (found(**{kind: 0.3})[2] == 0).mean() > 0.02
    assert (found()[2] > 0).all()


def test_each_silhouette_corruption_does_its_own_thing_and_nothing_else():
    image = np.zeros((200, 1, 64, 64), np.float32)
    image[:, :, 10:55, 24:40] = 1
    nothing = SilhouetteCorruption(0, 0, 0, 0, 0)

    def change(**options) -> np.ndarray:
        return corrupt_silhouettes(image, np.random.default_rng(0), replace(nothing, **options)) - image

    assert not change().any()
    assert (change(dressed=1.0) >= 0).all() and (change(dressed=1.0).sum((1, 2, 3)) > 0).mean() > 0.9
    assert (change(eroded=1.0) <= 0).all() and change(eroded=1.0).any((1, 2, 3)).all()
    assert (change(erased=1.0) <= 0).all() and change(erased=1.0).any()
    assert (change(added=1.0) >= 0).all() and change(added=1.0).any()
    ragged = change(ragged=1.0)
    assert ragged.min() < -0.2 and ragged.max() > 0.2 and np.abs(ragged[..., :5, :5]).max() > 0


def test_rows_learn_from_the_same_people_corrupted_in_their_own_way(packs):
    people = instances.People(MODEL, "train")
    config = pose_prior.Config(batch=64, width=16, vertices=20)
    tasks = [
        pose_ablation.AblationTask(config, people, replace(CORRUPTION, **options), draws)
        for options, draws in (({}, 0), ({}, 0), ({}, 1), ({"only_mpii": 0.0, "missing_extra": 0.0}, 0))
    ]
    batch = tasks[0].make_batch(np.random.default_rng(0))
    seen = []
    for task in tasks:
        task.network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        task.loss(batch)
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2])
    extras = [features[:, 48:75].unflatten(1, (9, 3))[..., 2] for features in seen]
    assert (extras[0] == 0).float().mean() > 0.3 and (extras[3] == 0).float().mean() < 0.15


def test_a_photo_is_looked_at_once_whoever_lifts_it(monkeypatch, tmp_path):
    looks = []

    def look(self, photo, box=None):
        looks.append(photo.path)
        if photo.path.name == "nobody.jpg":
            raise NoPersonError("nobody")
        return "somebody"

    monkeypatch.setattr(Engine, "detect", look)
    engine = DetectsOnce(Settings(device="cpu", threads=1))
    photo, nobody = (Photo(np.zeros((8, 8, 3), np.uint8), None, tmp_path / name) for name in ("a.jpg", "nobody.jpg"))
    box = np.array([0.0, 0, 4, 4])
    for _ in range(2):
        assert engine.detect(photo) == engine.detect(photo, box) == "somebody"
        with pytest.raises(NoPersonError):
            engine.detect(nobody)
    assert [path.name for path in looks] == ["a.jpg", "a.jpg", "nobody.jpg"]


def test_the_command_goes_on_from_what_ships_prints_every_row_and_resumes(packs, tmp_path, capsys, monkeypatch):
    for part in (pose_ablation, shape_ablation):
        monkeypatch.setattr(part, "ROWS", {key: part.ROWS[key] for key in list(part.ROWS)[:3]})
    options = ["--out", str(tmp_path / "c"), "--workers", "0", "--iterations", "2", "--batch", "4"]
    options += ["--shape-iterations", "2", "--shape-batch", "4", "--people", "6", "--photos", "2"]
    corruption_ablation.main([*options, "--learning-rate", "1e-9"])
    tables = {name: (tmp_path / "c" / f"{name}.md").read_text() for name in ("pose", "shape")}
    printed = capsys.readouterr().out
    assert tables["pose"] in printed and tables["shape"] in printed
    for name, part, column in (("pose", pose_ablation, 3), ("shape", shape_ablation, 1)):
        lines = [line.strip("| ").split(" | ") for line in tables[name].splitlines()[2:]]
        assert [line[0] for line in lines] == [pose_ablation.SHIPPED, *(row.name for row in part.ROWS.values())]
        shipped, again = float(lines[0][column]), float(lines[1][column])
        # Two iterations of no learning leave the weights, and only the averages of batch norms move.
        assert again == pytest.approx(shipped, rel=0.35)
    corruption_ablation.main([*options, "--prior", "shape"])
    assert (tmp_path / "c" / "shape.md").read_text() == tables["shape"]


def test_both_ablations_leave_out_what_the_priors_are_trained_with():
    for part, options in ((pose_ablation, CORRUPTION), (shape_ablation, shape_ablation.CORRUPTION)):
        assert part.ROWS["everything"].corruption == {} and len(part.COLUMNS) == len(part.DIGITS)
        for row in part.ROWS.values():
            assert all(getattr(options, name) != value for name, value in row.corruption.items())
    assert pose_ablation.ROWS["everything"].clean == pose_prior.Config.clean
    assert shape_ablation.ROWS["everything"].clean == shape_prior.Config.clean
