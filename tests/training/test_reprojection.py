"""Finetuning by reprojection: the torch twins of the engine's steps, the mirrored photos, equation 3, and a run."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.body.assembly import Observed  # noqa: E402
from body_from_image.inference.body.body_model import BodyModel  # noqa: E402
from body_from_image.inference.engine import Engine, Settings  # noqa: E402
from body_from_image.inference.files.images import read_image  # noqa: E402
from body_from_image.inference.geometry.camera import Camera, solve_translation  # noqa: E402
from body_from_image.inference.geometry.joints import KEYPOINT_MIRROR, keypoints_from_joints  # noqa: E402
from body_from_image.inference.models import MODELS  # noqa: E402
from body_from_image.inference.networks import pose_features as numpy_features  # noqa: E402
from body_from_image.inference.networks.crop import crop_of_box  # noqa: E402
from body_from_image.training.data.photos2d import LSPET, LabelledCrop  # noqa: E402
from body_from_image.training.priors.networks import PosePrior, ShapePrior  # noqa: E402
from body_from_image.training.reprojection import finetune, lifting, seen  # noqa: E402
from body_from_image.training.reprojection.detection import Detector  # noqa: E402
from body_from_image.training.reprojection.reprojection import Projected, Reprojection  # noqa: E402
from body_from_image.training.runs.onnx_export import load_weights  # noqa: E402

from ..conftest import EXAMPLE  # noqa: E402

MODEL = BodyModel.load()


def some_keypoints(count: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    keypoints = np.concatenate([rng.uniform(100, 500, (count, 25, 2)), rng.uniform(0, 1, (count, 25, 1))], -1)
    keypoints[1, [2, 3, 6], 2] = 0  # no hips
    keypoints[2, 4, 2] = 0.01  # not seen
    return keypoints


def test_features_are_the_engines():
    keypoints, camera = some_keypoints(), Camera(700.0, np.array([310.0, 250.0]), (620, 500))
    expected, turn = numpy_features.pose_features(keypoints, camera)
    focal, center = torch.full((6,), 700.0).double(), torch.tensor([[310.0, 250.0]]).double().expand(6, 2)
    found, own = lifting.pose_features(torch.from_numpy(keypoints), focal, center)
    assert np.abs(found.numpy() - expected).max() < 1e-5
    assert np.abs(own.numpy() - turn).max() < 1e-9


def test_places_are_the_engines():
    rng = np.random.default_rng(3)
    points = rng.normal(0, 0.5, (6, 25, 3))
    camera = Camera(700.0, np.array([310.0, 250.0]), (620, 500))
    keypoints = np.concatenate([camera.project(points + [0.3, -0.2, 4.0]), rng.uniform(0.2, 1, (6, 25, 1))], -1)
    keypoints[:, :4, :2] += rng.normal(0, 60, (6, 4, 2))  # some are misplaced
    expected = [solve_translation(p, k[:, :2], k[:, 2] ** 2, camera) for p, k in zip(points, keypoints, strict=True)]
    focal, center = torch.full((6,), 700.0).double(), torch.tensor([[310.0, 250.0]]).double().expand(6, 2)
    found, in_front = lifting.solve_translation(torch.from_numpy(points), torch.from_numpy(keypoints), focal, center)
    assert in_front.all()
    assert np.abs(found.numpy() - np.array(expected)).max() < 1e-3


def shipped() -> Reprojection:
    pose, shape = PosePrior.of(MODELS / "pose_prior.onnx"), ShapePrior()
    load_weights(shape, MODELS / "shape_prior.onnx")
    return Reprojection(pose, shape, MODEL).eval()


def photo_with_labels() -> LabelledCrop:
    """The example picture, with Human2D's own answer for labels."""
    image = read_image(EXAMPLE).pixels
    result = Engine(Settings(device="cpu", refine=False)).estimate(read_image(EXAMPLE))
    mask = np.zeros(image.shape[:2], np.uint8)
    x, y, width, height = result.estimate.bbox[0].astype(int)
    mask[max(y, 0) : y + height, max(x, 0) : x + width] = 255
    return LabelledCrop(0, LSPET, image, result.detection.keypoints, mask, False)


@pytest.fixture(scope="module")
def photos() -> seen.SeenPhotos:
    return seen.look([photo_with_labels()], Engine(Settings(device="cpu")).human2d)


def tensors(photos: seen.SeenPhotos, mirror: bool = False) -> dict:
    batch = photos.take(np.array([0]), np.array([mirror]))
    return {name: torch.from_numpy(values) for name, values in batch.items()}


def test_the_projected_body_is_the_engines(photos):
    """From the same keypoints and silhouette, the body lies where the engine puts it, to a tenth of a cell."""
    engine = Engine(Settings(device="cpu", refine=False))
    batch = tensors(photos)
    camera = Camera(float(batch["focal"][0]), batch["center"][0].double().numpy(), (1, 1))
    lifted = engine.lift(photos.keypoints[0], camera)
    betas = engine.shape_prior(batch["silhouette"].numpy())[0]
    placed = engine.place([lifted], betas, Observed(lifted.keypoints[None], np.zeros((1, 4)), np.ones(1), EXAMPLE))
    landmarks = placed.vertices[0, MODEL.keypoint_vertices]
    pixels = camera.project(np.stack(keypoints_from_joints(placed.joints_3d[0], landmarks)))
    with torch.no_grad():
        projected = shipped()(batch)
    window = photos.window[0]
    assert np.abs(projected.cells[0].numpy() - (pixels - window[:2]) / window[2]).max() < 0.1
    assert projected.in_front.all()
    inside = projected.silhouette[0].numpy() > 0.5
    assert 0.05 < inside.mean() < 0.6


def test_a_mirrored_photo_is_the_same_person_mirrored(photos):
    straight, mirrored = tensors(photos), tensors(photos, True)
    assert np.allclose(mirrored["labels"][0, KEYPOINT_MIRROR, 0], 63 - straight["labels"][0, :, 0], atol=1e-4)
    assert torch.equal(mirrored["mask"], straight["mask"].flip(2))
    # The window moved along: keypoints, in pixels, are as far from the labels, in cells, as before.
    apart = [
        (batch["keypoints"][0, :, :2] - batch["window"][0, :2]) / batch["window"][0, 2] - batch["labels"][0, :, :2]
        for batch in (straight, mirrored)
    ]
    assert (apart[0].abs().max(0).values > 0.05).all()
    assert np.allclose(apart[1][KEYPOINT_MIRROR] * torch.tensor([-1.0, 1.0]), apart[0], atol=1e-3)


def test_equation_3_by_hand():
    cells, labels = torch.zeros(1, 25, 2), torch.zeros(1, 25, 3)
    labels[0, 0] = torch.tensor([3.0, 4.0, 1.0])  # off by 5 cells, labelled
    labels[0, 1] = torch.tensor([30.0, 40.0, 0.0])  # not labelled
    silhouette, mask = torch.zeros(1, 64, 64), torch.zeros(1, 64, 64)
    mask[0, 0, :7] = 1
    batch = {"labels": labels, "mask": mask, "has_mask": torch.ones(1)}
    projected = Projected(cells, silhouette, torch.tensor([True]))
    squared, terms = finetune.reprojection_loss(projected, batch, finetune.Config(robust=0))
    assert float(squared) * finetune.LOSS_SCALE == pytest.approx(10 * 25 + 7)
    assert terms == {"keypoints": pytest.approx(5), "silhouette": pytest.approx(7)}
    robust, _ = finetune.reprojection_loss(projected, batch, finetune.Config(robust=5))
    assert float(robust) * finetune.LOSS_SCALE == pytest.approx(10 * 12.5 + 7)
    behind = finetune.reprojection_loss(projected._replace(in_front=torch.tensor([False])), batch, finetune.Config())
    assert float(behind[0]) == 0


def test_a_photo_teaches_the_priors_where_its_person_is(photos, packs):
    """Labels that show the person tilted by 20°: a few steps on them alone tilt the projection."""
    task = finetune.FinetuneTask(finetune.Config(batch=2, robust=0), photos, [photo_with_labels()])
    batch = tensors(photos)
    cosine, sine = np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))
    turn = torch.tensor([[cosine, -sine], [sine, cosine]], dtype=torch.float32)
    batch["labels"][..., :2] = (batch["labels"][..., :2] - 31.5) @ turn + 31.5
    batch["has_mask"][:] = 0
    optimizer = torch.optim.Adam(task.network.parameters(), 3e-4)
    losses = []
    for _ in range(12):
        loss, _ = task.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert all(parameter.grad.isfinite().all() for parameter in task.network.parameters() if parameter.grad is not None)
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("shape", [False, True])
def test_a_run_finetunes_and_exports(shape, packs, tmp_path, monkeypatch):
    crops = [photo_with_labels()] * 2
    monkeypatch.setattr(finetune, "load_crops", lambda *args, **options: crops)
    options = ["--out", str(tmp_path), "--iterations", "4", "--batch", "2", "--threads", "1"]
    finetune.main(options + ["--shape"] * shape)
    assert (tmp_path / "seen.npz").exists() and (tmp_path / "config.json").exists()
    before, after = (
        PosePrior.of(folder / name)
        for folder, name in ((MODELS, "pose_prior_mocap.onnx"), (tmp_path, "pose_prior.onnx"))
    )
    assert not torch.equal(before.head.weight, after.head.weight)
    assert (tmp_path / "shape_prior.onnx").exists() == shape


def test_the_detector_reads_heatmaps_as_the_engine_does(photos):
    crop = photo_with_labels()
    window = crop_of_box(crop.box)
    expected = Engine(Settings(device="cpu")).human2d(crop.image, [window])[0]
    pixels = torch.from_numpy(window.cut(crop.image).transpose(2, 0, 1)[None].astype(np.float32) / 255)
    with torch.no_grad():
        keypoints, silhouette = Detector().eval()(pixels, torch.from_numpy(photos.window))
    apart = np.linalg.norm(keypoints[0, :, :2].numpy() - expected.keypoints[:, :2], axis=1)
    assert np.median(apart) < 0.1 and apart.max() < 2
    assert np.abs(keypoints[0, :, 2].numpy() - expected.keypoints[:, 2]).max() < 0.02
    assert np.abs(silhouette[0].numpy() - expected.silhouette).max() < 0.02


def test_human2d_learns_through_the_projection(photos, packs):
    """All of it is end to end: the loss in the photo has a gradient at Human2D's first layer."""
    task = finetune.FinetuneTask(finetune.Config(batch=1, human2d=True), photos, [photo_with_labels()])
    kinds = [task.make_batch(np.random.default_rng(0)) for _ in range(4)]
    assert ["labels" in batch for batch in kinds] == [True, False] * 2
    loss, _ = task.loss(kinds[0])
    loss.backward()
    assert task.network["human2d"].movenet.backbone.stem.weight.grad.abs().sum() > 0
    own, terms = task.loss(kinds[3])
    assert torch.isfinite(own) and terms["human2d"] > 0
