"""HMR: what the crops show of bodies that are known, feedback, discriminators, a run from samples to the table."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.body.body_estimate import CAMERA_FROM_SMPL  # noqa: E402
from body_from_image.inference.body.body_model import BodyModel  # noqa: E402
from body_from_image.inference.engine import Engine, Settings  # noqa: E402
from body_from_image.inference.files.images import Photo, read_image  # noqa: E402
from body_from_image.inference.geometry.camera import Camera  # noqa: E402
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, keypoints_from_joints  # noqa: E402
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix  # noqa: E402
from body_from_image.inference.networks.crop import Crop  # noqa: E402
from body_from_image.training.data.photos2d import LabelledCrop  # noqa: E402
from body_from_image.training.hmr import encoder, evaluate, predict, regressor, samples, train  # noqa: E402
from body_from_image.training.people.instances import random_rotations  # noqa: E402
from body_from_image.training.runs import run  # noqa: E402

from ..conftest import EXAMPLE  # noqa: E402

MODEL = BodyModel.load()
SMALL = {"channels": 2, "width": 16, "batch": 8, "dropout": 0.0}


def some_rotations(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    local = axis_angle_to_matrix(rng.normal(0, 0.4, (count, 24, 3)).astype(np.float32))
    local[:, 0] = random_rotations(count, rng)
    return local


def keypoints_of(rotations: np.ndarray, betas: np.ndarray) -> np.ndarray:
    posed = MODEL.pose(betas[None].astype(np.float32), rotations[None].astype(np.float32))
    return np.stack(keypoints_from_joints(posed.joints, posed.vertices[:, MODEL.keypoint_vertices]), -2)[0]


def some_samples(count: int) -> list[samples.Sample]:
    """People whose bodies are known, all seen from the middle of their crops; pictures are a colour each."""
    made = []
    for number, rotations in enumerate(some_rotations(count)):
        space = keypoints_of(rotations, np.zeros(10))
        space -= space[samples.PELVIS]
        picture = np.full((256, 256, 3), 20 * number, np.uint8)
        points = 0.8 * space[:, :2] * [1, -1]
        known = {"known": np.array(number % 2), "space": space, "rotations": rotations, "betas": np.zeros(10)}
        made.append({"crop": picture, "points": points, "weight": np.ones(25), **known})
    return made


def fake_encoder(crops: np.ndarray) -> list[np.ndarray]:
    """Features that only tell which colour it was."""
    features = np.zeros((len(crops), 1280, 8, 8), np.float32)
    for row, crop in enumerate(crops):
        features[row, round(crop.mean() * 255 / 20)] = encoder.MOST
    return [features]


def some_task(folder: Path, count: int = 8, **options) -> train.HMRTask:
    samples.write_shard(samples.shard_files(folder, 1)[0], some_samples(count), fake_encoder)
    return train.HMRTask(train.Config(**SMALL, **options), samples.load_samples(folder, 1), train.RealBodies(MODEL, 40))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5])
def test_a_known_body_is_turned_and_mirrored_as_its_crop_is(flip, angle):
    """Seen from so far that perspective is gone, the turned body lies on the crop's points."""
    rotations, betas = some_rotations(1, seed=3)[0], np.random.default_rng(1).normal(size=10)
    points = keypoints_of(rotations, betas) @ CAMERA_FROM_SMPL
    pixels = Camera(1e6, np.array([300.0, 200.0]), (600, 400)).project(points + [0.1, -0.2, 1e4])
    crop = Crop(np.array([310.0, 170.0]), 330.0, 256, angle, flip)
    seen = samples.in_crop(crop, pixels)
    space, turned = samples.turned(crop, points, rotations)
    projected = space[:, :2] * [1, -1] * 1e6 / 1e4 / (330 / 2)
    assert np.abs((projected - projected[samples.PELVIS]) - (seen - seen[samples.PELVIS])).max() < 2e-3
    # The open body is the same on both sides but for a millimetre or two.
    again = keypoints_of(turned, betas)
    assert np.abs(again - again[samples.PELVIS] - space).max() < 5e-3


def test_what_the_mirror_image_calls_left_was_right():
    keypoints = np.zeros((25, 2))
    keypoints[KEYPOINT_INDEX["right_wrist"]] = 40, 10
    crop = Crop(np.array([50.0, 50.0]), 100.0, 100, 0.0, True)
    found = samples.in_crop(crop, keypoints)[KEYPOINT_INDEX["left_wrist"]]
    assert np.allclose(found, [(50 - 40) / 50, (10 - 50) / 50])


def test_bytes_hold_what_the_encoder_sees(tmp_path):
    crops = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3), np.uint8)
    found = encoder.encode(encoder.open_encoder(tmp_path), crops).astype(float) * encoder.MOST / 255
    with torch.no_grad():
        true = encoder.Encoder().eval()(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255).numpy()
    assert found.shape == (1, 1280, encoder.CELLS, encoder.CELLS)
    # Half a byte's step, and weights of half precision.
    assert np.abs(found - true).max() < 0.1 and np.abs(found - true).mean() < 0.01


def test_feedback_begins_at_the_mean_body_and_goes_on_from_each_answer():
    mean = regressor.mean_parameters(torch.from_numpy(some_rotations(20)))
    network = regressor.Regressor(mean, 2, 16, 0.0).eval()
    answers = network(torch.randint(0, 255, (3, 1280, 8, 8), dtype=torch.uint8))
    assert answers.shape == (regressor.STEPS, 3, regressor.PARAMETERS)
    first = regressor.read_parameters(mean[None])
    assert torch.allclose(first.rotations[0, 0], torch.eye(3), atol=1e-6)
    assert torch.allclose(first.scale, torch.tensor([regressor.FIRST_SCALE]))
    assert (answers - mean).abs().max() < 0.1
    steps = torch.cat([mean.expand(1, 3, -1), answers]).diff(dim=0)
    assert (steps[1] - steps[0]).abs().max() > 0


def test_each_discriminator_judges_its_own():
    judges = regressor.Discriminators(8, 16)
    rotations, betas = torch.from_numpy(some_rotations(4)), torch.randn(4, 10)
    before = judges(rotations, betas)
    assert before.shape == (4, 25)
    changed = rotations.clone()
    changed[:, 5] = torch.eye(3)
    apart = (judges(changed, betas) - before).abs().amax(0) > 0
    assert apart.nonzero().flatten().tolist() == [4, 23]
    apart = (judges(rotations, betas + 1) - before).abs().amax(0) > 0
    assert apart.nonzero().flatten().tolist() == [24]
    turned = rotations.clone()
    turned[:, 0] = torch.eye(3)
    assert torch.equal(judges(turned, betas), before), "how somebody is turned to the camera is no matter of likelihood"


def test_maker_and_judges_learn_from_their_own_losses_only():
    judges = regressor.Discriminators(8, 16)
    made = torch.from_numpy(some_rotations(3)).requires_grad_(), torch.randn(3, 10, requires_grad=True)
    real = torch.from_numpy(some_rotations(5, seed=1)), torch.randn(5, 10)
    maker, judging = regressor.adversarial_losses(judges, made, real)
    with torch.no_grad():
        fake, true = judges(*made), judges(*real)
        assert torch.isclose(maker, ((fake - 1) ** 2).sum(1).mean())
        assert torch.isclose(judging, ((true - 1) ** 2).sum(1).mean() + (fake**2).sum(1).mean())
    maker.backward(retain_graph=True)
    assert made[0].grad.abs().max() > 0 and all(value.grad is None for value in judges.parameters())
    made[0].grad = None
    judging.backward()
    assert made[0].grad is None and all(value.grad is not None for value in judges.parameters())


def test_photos_teach_by_reprojection_and_known_bodies_in_space(packs, tmp_path):
    task = some_task(tmp_path, iterations=80, learning_rate=5e-3)
    run.train(task, tmp_path / "run", 0, 10)
    with open(tmp_path / "run" / "log.csv") as file:
        rows = list(csv.DictReader(file))
    first, last = ({name: float(value) for name, value in rows[at].items()} for at in (0, -1))
    assert last["keypoints"] < 0.7 * first["keypoints"] and last["mpjpe"] < 0.7 * first["mpjpe"]
    assert last["judging"] < first["judging"]


def test_a_run_goes_on_with_its_discriminators(packs, tmp_path):
    folder = tmp_path / "run"
    first = some_task(tmp_path, iterations=2)
    run.train(first, folder, 0, 1)
    again = some_task(tmp_path, iterations=2, seed=5)
    run.train(again, folder, 0, 1)
    for mine, theirs in zip(again.extra.state_dict().values(), first.extra.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    assert (folder / "config.json").exists() and (folder / "metrics.json").exists()
    assert len((folder / "log.csv").read_text().splitlines()) == 3


def test_the_answer_stands_in_the_crop_and_is_turned_to_the_photos_camera(packs, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "open_encoder", lambda folder, threads: fake_encoder)
    run.train(some_task(tmp_path, iterations=1, learning_rate=1e-9), tmp_path / "run", 0, 1)
    hmr = predict.HMR(tmp_path / "run", MODEL)
    camera = Camera(500.0, np.array([320.0, 240.0]), (640, 480))
    photo, side = np.zeros((480, 640, 3), np.uint8), 200.0
    straight = hmr(photo, Crop(camera.center, side), camera)
    aside = hmr(photo, Crop(camera.center + [200, 0], side), camera)
    assert np.abs(aside.keypoints[:, :2] - straight.keypoints[:, :2] - [200, 0]).max() < 1e-6
    # Facing the camera: upright y is up, in OpenCV's frame y is down.
    assert np.abs(straight.rotations[0] - CAMERA_FROM_SMPL).max() < 0.05
    angle = np.arctan2(200, 500)
    facing = aside.rotations[0] @ [0, 0, 1]
    assert np.allclose(facing, [-np.sin(angle), 0, -np.cos(angle)], atol=0.05)


def test_both_commands_from_samples_to_the_table(packs, tmp_path, capsys, monkeypatch):
    """On the example picture, labelled with what Human2D sees in it."""
    monkeypatch.setattr(train, "REAL_POSES", 40)
    monkeypatch.setattr(evaluate, "REPEATS", 1)
    monkeypatch.setattr(predict, "open_encoder", lambda folder, threads: fake_encoder)
    samples.write_shard(samples.shard_files(tmp_path, 1)[0], some_samples(8), fake_encoder)
    small = [word for name, value in SMALL.items() for word in (f"--{name}", str(value))]
    out = ["--out", str(tmp_path / "run"), "--samples", str(tmp_path), "--shards", "1", "--iterations", "2"]
    train.main([*small, *out, "--workers", "0", "--device", "cpu"])
    engine = Engine(Settings(device="cpu", threads=1, refine=False))
    photo = read_image(EXAMPLE).pixels
    found = engine.detect(Photo(photo, None, None)).detection.keypoints
    labels = np.column_stack([found[:, :2], found[:, 2] > 0]).astype(np.float32)
    monkeypatch.setattr(
        evaluate, "load_crops", lambda split, sources, limit: [LabelledCrop(0, sources[0], photo, labels, None, False)]
    )
    capsys.readouterr()
    evaluate.main(["--run", str(tmp_path / "run"), "--split", "calibration", "--json", str(tmp_path / "table.json")])
    assert capsys.readouterr().out.count("\n| ") == 8
    table = json.loads((tmp_path / "table.json").read_text())["figures"]
    assert list(table) == ["PosePrior", "PosePrior, refined", "HMR", "HMR, refined"]
    # Nothing has been learnt yet; refinement brings even the mean body nearer to the photo.
    assert table["PosePrior"]["PCK@0.2 lspet"] > 0.9
    assert table["HMR, refined"]["near Human2D"] > table["HMR"]["near Human2D"]
    assert 0 < table["HMR"]["ms"] < table["PosePrior, refined"]["ms"]
