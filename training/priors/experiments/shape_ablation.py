"""What each kind of silhouette corruption is worth to ShapePrior: the weights that ship go on learning, with everything
and without each kind, from the same bodies.

Of the people in photos nothing is known that was measured on themselves, neither girths nor weights. What remains is
whether the projected body covers the person, which depends on the pose far more than on the shape, and takes clothes
for the body. So PVE-T-SC on synthetic silhouettes stands beside it.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ....inference.body.body_model import BodyModel
from ....inference.drawing.overlay import body_mask
from ....inference.engine import Engine
from ....inference.errors import NoPersonError
from ....inference.files.images import Photo
from ....inference.models import MODELS
from ....inference.networks.runtime import Network
from ...data.photos2d import CCP, load_crops
from ...measure.keypoints2d import silhouette_iou
from ...measure.metrics import scale_corrected
from ...people.instances import People
from ..export import export_shape_prior
from ..shape_prior import Config, ShapeTask
from ..silhouettes import CORRUPTION, corrupt_silhouettes, framed_silhouettes, partly_corrupted, project_bodies
from .pose_ablation import SHIPPED, figure_of
from .together import train_together


@dataclass(frozen=True)
class Row:
    """What is left out; `shaken` is whether boxes are off as found ones are; `draws` seeds the corruption."""

    name: str
    corruption: dict = field(default_factory=dict)
    clean: float = Config.clean
    shaken: bool = True
    draws: int = 0


ROWS = {
    "everything": Row("with everything"),
    "again": Row("with everything, drawn otherwise", draws=1),
    "clothes": Row("no clothes (dilation)", {"dressed": 0.0}),
    "eroded": Row("none narrower", {"eroded": 0.0}),
    "erased": Row("no parts missing", {"erased": 0.0}),
    "added": Row("no boxes added", {"added": 0.0}),
    "ragged": Row("no ragged edges", {"ragged": 0.0}),
    "boxes": Row("boxes never off", shaken=False),
    "not-clean": Row("none clean", clean=0.0),
    "only-clean": Row("all clean", clean=1.0),
}
"""By the name of the run's folder."""
COLUMNS = ("clips, clean: PVE-T-SC", "clips, corrupted: PVE-T-SC", "photos2d fashion, IoU of the body")
DIGITS = (2, 2, 3)


class AblationTask(ShapeTask):
    """A ShapeTask whose batches are clean silhouettes, corrupted by each task in its own way."""

    def __init__(self, config: Config, people: People, row: Row):
        super().__init__(config, people=people)
        self.row, self.corruption = row, replace(CORRUPTION, **row.corruption)

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Clean silhouettes (B, 1, 64, 64) in boxes that are off and in true ones, betas, and a number that the
        corruption's draws depend on."""
        made = self.people.draw(self.config.batch, rng)
        points, faces = project_bodies(self.model, made), self.model.faces
        arrays = {
            "shaken": framed_silhouettes(points, faces, rng),
            "steady": framed_silhouettes(points, faces, rng, jitter=0.0),
            "betas": made.betas,
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | {
            "number": torch.tensor(rng.integers(2**31))
        }

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """That of ShapePrior."""
        rng = np.random.default_rng([self.row.draws, int(batch["number"])])
        silhouettes = batch["shaken" if self.row.shaken else "steady"].numpy()
        images = partly_corrupted(silhouettes, rng, self.config.clean, self.corruption)
        return super().loss({"silhouettes": torch.from_numpy(images), "betas": batch["betas"]})


def train_rows(config: Config, folder: Path, workers: int) -> None:
    """Go on from the weights that ship, once for each row."""
    people = People(BodyModel.load(), "train")
    tasks = {key: AblationTask(replace(config, clean=row.clean), people, row) for key, row in ROWS.items()}
    train_together(tasks, folder, workers, MODELS / "shape_prior.onnx")


def measure_rows(engine: Engine, folder: Path, people: int, photos: int) -> dict[str, list[float]]:
    """Name → the figures of `COLUMNS`, NaN where a pack is missing; first those of the weights that ship."""
    rng = np.random.default_rng(0)
    model, shape_prior = engine.body, engine.shape_prior
    made = People(model, "validation", widen=False).draw(people, rng)
    clean = framed_silhouettes(project_bodies(model, made), model.faces, rng)
    truth = model.rest_vertices(made.betas)
    lines = {}
    for name, network in networks_of(folder, shape_prior.network).items():
        shape_prior.network = network
        lines[name] = [
            float(scale_corrected(model.rest_vertices(shape_prior(images[:, 0])), truth).mean())
            for images in (clean, corrupt_silhouettes(clean, np.random.default_rng(1)))
        ]
        lines[name].append(figure_of(overlap_figures, "IoU", engine, photos))
        print(name, *(f"{value:.3f}" for value in lines[name]), flush=True)
    return lines


def networks_of(folder: Path, shipped: Network) -> dict[str, Network]:
    """The network of each row, by its name."""
    networks = {SHIPPED: shipped}
    for key, row in ROWS.items():
        file = folder / key / "shape_prior.onnx"
        export_shape_prior(folder / key / "weights.pt", file)
        networks[row.name] = Network(file, "cpu", 1)
    return networks


def overlap_figures(engine: Engine, most: int) -> dict[str, float]:
    """IoU of the projected body with human masks, on the fashion pictures that confidence is calibrated on; a person
    who is not found is left out. Raises PackMissing."""
    covered, kept = [], []
    for crop in load_crops("calibration", (CCP,), most):
        try:
            estimate = engine.estimate(Photo(crop.image, None, Path(f"{crop.id}.jpg")), crop.box).estimate
        except NoPersonError:
            continue
        covered.append(body_mask(estimate) / 255)
        kept.append(crop)
    return {"IoU": silhouette_iou(covered, kept)}
