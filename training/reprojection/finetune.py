"""End-to-end finetuning by reprojection: `python -m body_from_image.training finetune --out runs/finetune`.

The last step of the paper (Pavlakos et al. 2018, §4.3, §5.2): the priors' body is projected back into photos that have
2D labels alone, and equation 3 is minimised through it. Updates of that kind alternate with each network's own, on
synthetic people (and, for Human2D, on its own crops), so that none forgets what it is for.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from ...inference.body.body_model import BodyModel
from ...inference.models import MODELS
from ...inference.networks.crop import crop_of_box
from ...inference.networks.human2d import Human2D
from ..data.people2d import STANFORD40, YOGA, load_more2d
from ..data.photos2d import CCP, LSPET, LabelledCrop, load_crops
from ..human2d import train as human2d
from ..human2d.augmentation import Augmentation
from ..human2d.export import export_human2d
from ..human2d.losses import human2d_loss
from ..human2d.samples import Samples, Stage
from ..priors import pose_prior, shape_prior
from ..priors.export import export_pose_prior, export_shape_prior
from ..priors.networks import PosePrior
from ..runs.command_line import parse_run
from ..runs.onnx_export import load_weights
from ..runs.precision import mixed_precision
from ..runs.run import RunConfig, train
from .detection import Detector
from .reprojection import Projected, Reprojection
from .seen import SeenPhotos, look

SHARES = {LSPET: 0.5, CCP: 0.2, STANFORD40: 0.2, YOGA: 0.1}
"""Source and share of the photos: sports and yoga, whose poses no mocap has; fashion, whose masks people drew; everyday
actions."""
EACH = {LSPET: 2, STANFORD40: 6}
"""Of so many photos of a source one is looked at, for time; of the others every one."""

LOSS_SCALE = 1000.0
"""Brings equation 3 to the size of the priors' own losses, whose gradients are clipped together with it."""


@dataclass(frozen=True)
class Config(RunConfig):
    iterations: int = 6000
    """Half of them on photos; the paper's 2 000 are of its batches of 4."""
    batch: int = 16
    """Photos; batches of synthetic people are as large as those that the priors were trained with."""
    learning_rate: float = 2e-4
    keypoint_weight: float = 10.0
    """The paper's μ, with places in cells of the 64² map."""
    silhouette_weight: float = 1.0
    robust: float = 6.0
    """Cells from which an error of a keypoint hardly counts more (Geman-McClure): one label in eight is wrong. 0 is the
    paper's squared error."""
    shape: bool = False
    """Finetune ShapePrior too, which then learns to lie on people's clothes."""
    human2d: bool = False
    """Finetune Human2D too, through the keypoints and silhouettes that it finds."""
    side: int = 256
    """Of the crops that Human2D sees, in pixels."""
    begin: str = str(MODELS / "pose_prior_mocap.onnx")
    """PosePrior's weights to begin with."""
    fitted: str = ""
    """A file of `fit-poses`, for the synthetic people."""


class FinetuneTask(torch.nn.Module):
    """What `runs.run.Run` trains: the networks, through the projection, in turns with their own tasks."""

    def __init__(self, config: Config, photos: SeenPhotos, crops: list[LabelledCrop]):
        """`crops` are those that were looked at for `photos`."""
        super().__init__()
        torch.manual_seed(config.seed)
        self.config, self.photos, self.crops = config, photos, crops
        source = np.array([crops[number].source for number in photos.number])
        of_source = [(source == one, share) for one, share in SHARES.items() if (source == one).any()]
        share = sum(rows * share / rows.sum() for rows, share in of_source)
        self.probability = share / share.sum()
        self.pose = pose_prior.PoseTask(pose_prior.Config(vertices=200, fitted=config.fitted))
        self.pose.network = PosePrior.of(Path(config.begin))
        self.shape = shape_prior.ShapeTask(shape_prior.Config())
        load_weights(self.shape.network, MODELS / "shape_prior.onnx")
        self.extra = torch.nn.Module()
        detector = Detector() if config.human2d else None
        self.shape.network.requires_grad_(config.shape).eval()
        self.reprojection = Reprojection(self.pose.network, self.shape.network, BodyModel.load(), detector)
        self.network = torch.nn.ModuleDict({"pose": self.pose.network})
        if config.shape:
            self.network["shape"] = self.shape.network
        if detector:
            self.network["human2d"] = detector.network
        own = ["poses", *["shapes"] * config.shape, *["crops"] * config.human2d]
        # Every other batch is of photos; those between are of each network's own samples in turn.
        self.kinds = itertools.cycle([kind for one in own for kind in ("photos", one)])
        self.own_crops = iter(Samples(crops, Stage(config.side, 0), Augmentation(), human2d.Config.nobody, config.seed))

    def make_batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """A batch of photos, of poses, of shapes or of Human2D's own crops, in turn."""
        kind = next(self.kinds)
        if kind == "crops":
            return default_collate([next(self.own_crops) for _ in range(self.config.batch)])
        if kind == "poses":
            return self.pose.make_batch(rng)
        if kind == "shapes":
            return self.shape.make_batch(rng)
        rows = rng.choice(len(self.photos), self.config.batch, p=self.probability)
        mirror = rng.random(len(rows)) < 0.5
        batch = self.photos.take(rows, mirror)
        if self.config.human2d:
            batch["crop"] = self._windows(self.photos.number[rows], mirror)
        return {name: torch.from_numpy(values) for name, values in batch.items()}

    def _windows(self, numbers: np.ndarray, mirror: np.ndarray) -> np.ndarray:
        """What Human2D sees of these photos, (B, 3, 256, 256) in 0–1."""
        pixels = np.stack([crop_of_box(self.crops[number].box).cut(self.crops[number].image) for number in numbers])
        pixels = np.where(mirror[:, None, None, None], pixels[:, :, ::-1], pixels)
        return pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Equation 3 on photos, else a network's own loss; and the parts, NaN for those of other kinds."""
        if "labels" in batch:
            # A few photos at a time would spoil the batch norms' averages, which belong to the people at large.
            self.network.eval()
            projected = self.reprojection(batch)
            self.network.train()
            total, terms = reprojection_loss(projected, batch, self.config)
        elif "points" in batch:
            with mixed_precision(batch["crop"].device.type):
                outputs = self.network["human2d"](batch["crop"].float() / 255)
            total = human2d_loss(outputs, batch, "cross-entropy")
            terms = {"human2d": float(total.detach())}
        else:
            own = self.pose if "features" in batch else self.shape
            total, terms = own.loss(batch)
        names = ["keypoints", "silhouette", "mpjpe"]
        names += ["vertices"] * self.config.shape + ["human2d"] * self.config.human2d
        return total, {name: terms.get(name, float("nan")) for name in names}


def reprojection_loss(
    projected: Projected, batch: dict[str, Tensor], config: Config
) -> tuple[Tensor, dict[str, float]]:
    """Equation 3, the mean over the photos: μ Σ |Ŵ − W|² + |Ŝ − S|², with W in cells, over what is labelled."""
    squared = ((projected.cells - batch["labels"][..., :2]) ** 2).sum(-1)
    if config.robust:
        squared = squared / (1 + squared / config.robust**2)
    usable = projected.in_front.float()
    weight = batch["labels"][..., 2] * usable[:, None]
    keypoints = (weight * squared).sum(1)
    different = ((projected.silhouette - batch["mask"]) ** 2).sum((1, 2)) * batch["has_mask"] * usable
    total = config.keypoint_weight * keypoints.mean() + config.silhouette_weight * different.mean()
    share = (weight * squared.detach()).sum() / weight.sum().clamp_min(1e-6)
    masked = (batch["has_mask"] * usable).sum().clamp_min(1e-6)
    terms = {"keypoints": float(share.sqrt()), "silhouette": float(different.detach().sum() / masked)}
    return total / LOSS_SCALE, terms


def looked_at(folder: Path) -> tuple[SeenPhotos, list[LabelledCrop]]:
    """The training photos as Human2D sees them; it looks once, and the answer is kept in `folder`."""
    photos2d, people2d = load_crops("train", (LSPET, CCP), taught=True), load_more2d("train")
    of_source = {one: [crop for crop in photos2d + people2d if crop.source == one] for one in SHARES}
    crops = [crop for one, own in of_source.items() for crop in own[:: EACH.get(one, 1)]]
    path = folder / "seen.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        look(crops, Human2D("fast", "cpu", torch.get_num_threads())).save(path)
    return SeenPhotos.load(path), crops


def main(arguments: list[str]) -> None:
    config, rest = parse_run(arguments, Config, "finetune", "Finetune the priors by reprojection (equation 3).")
    photos, crops = looked_at(rest.out)
    task = FinetuneTask(config, photos, crops)
    if rest.warm_start:
        load_weights(task.network, rest.warm_start)
    train(task, rest.out, 0, device=rest.device)
    for name, network in task.network.items():
        torch.save(network.state_dict(), rest.out / f"{name}.pt")
    export_pose_prior(rest.out / "pose.pt", rest.out / "pose_prior.onnx")
    if config.shape:
        export_shape_prior(rest.out / "shape.pt", rest.out / "shape_prior.onnx")
    if config.human2d:
        export_human2d(rest.out / "human2d.pt", "fast", rest.out / "human2d_fast.onnx")
    print(f"wrote the networks to {rest.out}")
