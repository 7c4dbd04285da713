"""What each kind of corruption is worth to PosePrior: the weights that ship go on learning, with everything and without
each kind, from the same people."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ....inference.body.body_model import BodyModel
from ....inference.engine import Engine
from ....inference.geometry.joints import MPII_COUNT
from ....inference.models import MODELS
from ....inference.networks.priors import PosePrior
from ...data.packs import PackMissing
from ...data.photos2d import LSPET
from ...people.instances import People, true_keypoints
from ..corruption import CORRUPTION, Corruption, corrupt, detections
from ..evaluation.command import noisy_keypoints, photo_figures, pose_figures, reprojection_figures
from ..export import export_pose_prior
from ..pose_prior import Config, PoseTask, as_seen
from .together import train_together


@dataclass(frozen=True)
class Row:
    """What is left out of the corruption, and the share of people who are seen plainly. `draws` seeds the corruption;
    people are the same whatever it is."""

    name: str
    corruption: dict = field(default_factory=dict)
    clean: float = Config.clean
    draws: int = 0


ROWS = {
    "everything": Row("with everything"),
    "again": Row("with everything, drawn otherwise", draws=1),
    "gaussian": Row("Gaussian errors of the same size, confidences unrelated", {"measured": False}),
    "swaps": Row("no sides exchanged", {"swaps": False}),
    "sport": Row("no errors as in sports pictures", {"sport": 0.0}),
    "mixed": Row("upper and lower halves always of one row", {"mixed": 0.0}),
    "limbs": Row("no limbs missing", {"drop_limb": 0.0}),
    "halves": Row("no half bodies", {"half_body": 0.0}),
    "missing": Row("no MPII keypoints missing singly", {"missing": 0.0}),
    "extras": Row("the nine further keypoints never missing", {"only_mpii": 0.0, "missing_extra": 0.0}),
    "not-plain": Row("nobody in plain sight", clean=0.0),
    "only-plain": Row("everybody in plain sight", clean=1.0),
}
"""By the name of the run's folder."""
SHIPPED = "as shipped"
COLUMNS = (
    "photos2d sports, PCK@0.2", "photos3d, PA-MPJPE limbs", "clips, corrupted: PA-MPJPE", "clips, 2 % noise: PA-MPJPE",
    "the same, MPII's 16",
)  # fmt: skip
DIGITS = (3, 1, 1, 1, 1)


class AblationTask(PoseTask):
    """A PoseTask whose batches are true keypoints, corrupted by each task in its own way."""

    def __init__(self, config: Config, people: People, corruption: Corruption, draws: int):
        super().__init__(config, people)
        self.corruption, self.draws = corruption, draws

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """True keypoints (B, 25, 2), rotations, betas, and a number that the corruption's draws depend on."""
        made = self.people.draw(self.config.batch, rng)
        arrays = {"points": true_keypoints(made), "rotations": made.rotations, "betas": made.betas}
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | {
            "number": torch.tensor(rng.integers(2**31))
        }

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """That of PosePrior."""
        rng = np.random.default_rng([self.draws, int(batch["number"])])
        keypoints = detections(batch["points"].numpy(), rng, self.config.clean, self.corruption)
        return super().loss(as_seen(keypoints, batch["rotations"].numpy(), batch["betas"].numpy()))


def train_rows(config: Config, folder: Path, workers: int) -> None:
    """Go on from the weights that ship, once for each row."""
    people = People(BodyModel.load(), "train")
    tasks = {
        key: AblationTask(replace(config, clean=row.clean), people, replace(CORRUPTION, **row.corruption), row.draws)
        for key, row in ROWS.items()
    }
    train_together(tasks, folder, workers, MODELS / "pose_prior.onnx")


def measure_rows(engine: Engine, folder: Path, people: int, photos: int) -> dict[str, list[float]]:
    """Name → the figures of `COLUMNS`, NaN where a pack is missing; first those of the weights that ship."""
    rng = np.random.default_rng(0)
    made = People(engine.body, "validation", widen=False).draw(people, rng)
    points = true_keypoints(made)
    noisy = noisy_keypoints(points, rng)
    mpii = noisy * (np.arange(noisy.shape[1]) < MPII_COUNT)[:, None]
    conditions = corrupt(points, rng, CORRUPTION), noisy, mpii
    lines = {}
    files = {SHIPPED: None} | {row.name: exported(folder / key) for key, row in ROWS.items()}
    for name, file in files.items():
        engine.pose_prior = PosePrior("cpu", 1, file)
        lines[name] = [
            figure_of(reprojection_figures, "PCK@0.2 of the body", engine, LSPET, photos),
            figure_of(photo_figures, "PA-MPJPE limbs", engine),
            *(pose_figures(engine, made, keypoints)["PA-MPJPE"] for keypoints in conditions),
        ]
        print(name, *(f"{value:.3f}" for value in lines[name]), flush=True)
    return lines


def exported(run: Path) -> Path:
    """The ONNX file of a run, as it would ship: also half precision is part of the figure."""
    export_pose_prior(run / "weights.pt", run / "pose_prior.onnx")
    return run / "pose_prior.onnx"


def figure_of(figures: Callable, name: str, *arguments) -> float:
    """One of the `figures(*arguments)`, or NaN where their data pack is missing, or everybody in it."""
    try:
        return figures(*arguments).get(name, float("nan"))
    except PackMissing as missing:
        print(missing)
        return float("nan")
