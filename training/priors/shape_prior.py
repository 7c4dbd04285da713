"""Train ShapePrior: `python -m body_from_image.training shape-prior --out runs/shape-prior [--body-model SMPL.pkl]`.

The loss is the squared error of the betas plus the per-vertex distance of the T-posed bodies (equation 1), on
silhouettes drawn anew for every batch. Vertices are linear in the betas, so the per-vertex error is a quadratic form
of the betas' error, computed once from the body model instead of from 6890 vertices each time. It is the error that is
left at the same size: a silhouette does not show stature, whose error would drown all that it does show.

For a licensed SMPL file, training begins with the network that ships, whose eyes are good already, and the result is
written next to the file, where the engine looks for it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...inference.body.body_model import BodyModel
from ...inference.models import MODELS
from ...inference.networks.priors import shape_prior_file
from ..people.instances import People
from ..runs.command_line import parse_run
from ..runs.precision import mixed_precision
from ..runs.run import train
from .export import export_shape_prior
from .networks import ShapePrior
from .silhouettes import framed_silhouettes, partly_corrupted, project_bodies
from .supervision import AfterParameters, SupervisionConfig


@dataclass(frozen=True)
class Config(SupervisionConfig):
    batch: int = 64
    vertex_weight: float = 20.0
    scale_corrected: bool = True
    """Take a difference of size out of the per-vertex distance; the paper does not."""
    clean: float = 0.3
    """Share of silhouettes left uncorrupted."""


class ShapeTask(torch.nn.Module):
    """What `run.Run` trains: silhouettes of synthetic people to their betas. `body_file` is a licensed SMPL file.
    Several tasks may share their people."""

    def __init__(self, config: Config, body_file: Path | None = None, people: People | None = None):
        super().__init__()
        torch.manual_seed(config.seed)
        self.config = config
        self.network = ShapePrior().to(memory_format=torch.channels_last)
        self.extra = AfterParameters(config.parameters_first)
        self.model = BodyModel.load(body_file)
        self.register_buffer("metric", vertex_metric(self.model, config.scale_corrected), persistent=False)
        self.people = people or People(self.model, "train")

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Silhouettes (B, 1, 64, 64) and the betas (B, 10) behind them."""
        instances = self.people.draw(self.config.batch, rng)
        silhouettes = framed_silhouettes(project_bodies(self.model, instances), self.model.faces, rng)
        images = partly_corrupted(silhouettes, rng, self.config.clean)
        return {"silhouettes": torch.from_numpy(images), "betas": torch.from_numpy(instances.betas)}

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """The weighted sum; and its parts, the vertices' in millimetres."""
        with mixed_precision(batch["silhouettes"].device.type):
            found = self.network(batch["silhouettes"])
        difference = found.float() - batch["betas"]
        squared = (difference**2).mean()
        square = ((difference @ self.metric) * difference).sum(1).clamp_min(1e-12)
        distance = square.sqrt().mean()
        terms = {"betas": squared.item(), "vertices": 1e3 * distance.item()}
        vertices = len(self.model.v_template) * square.mean() if self.config.point_loss == "squared" else distance
        return squared + self.extra() * self.config.vertex_weight * vertices, terms


def vertex_metric(model: BodyModel, scale_corrected: bool) -> torch.Tensor:
    """(10, 10) matrix M such that the root mean square T-pose vertex distance of two betas is √(dᵀ M d), in metres;
    `scale_corrected`, of bodies moved and scaled to lie on each other, near the mean body."""
    directions = model.shapedirs.astype(np.float64)
    if scale_corrected:
        directions = directions - directions.mean(0)
        growth = model.v_template - model.v_template.mean(0, dtype=np.float64)
        along = np.einsum("vc,vcs->s", growth, directions) / (growth**2).sum()
        directions = directions - growth[..., None] * along
    directions = directions.reshape(-1, directions.shape[2])
    return torch.from_numpy(directions.T @ directions / len(model.v_template)).float()


def main(arguments: list[str]) -> None:
    config, rest = parse_run(
        arguments, Config, "shape-prior", "Train ShapePrior on silhouettes of posed bodies.",
        body_model="a licensed SMPL file to train for, instead of the open body",
    )  # fmt: skip
    warm_start = rest.warm_start or (MODELS / "shape_prior.onnx" if rest.body_model else None)
    task = ShapeTask(config, rest.body_model)
    train(task, rest.out, rest.workers, log_every=50, warm_start=warm_start, device=rest.device)
    if rest.body_model:
        path = shape_prior_file(rest.body_model)
        export_shape_prior(rest.out / "weights.pt", path, rest.body_model)
        print(f"wrote {path}; it is used from now on with {rest.body_model.name}")
