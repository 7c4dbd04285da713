"""What every training run leaves in its folder: config.json, checkpoint.pt to resume from, weights.pt, log.csv, and
metrics.json with where the log ends."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

import torch


class RunFolder:
    """The folder of a run with a dataclass as config. Of several processes only the one that `leads` writes."""

    def __init__(self, path: Path, config: object, leads: bool = True):
        self.path, self.leads = path, leads
        path.mkdir(parents=True, exist_ok=True)
        if leads:
            (path / "config.json").write_text(json.dumps(asdict(config), indent=2))

    def checkpoint(self, device: torch.device) -> dict | None:
        """What was saved last, on a device; None of a new run."""
        file = self.path / "checkpoint.pt"
        return torch.load(file, map_location=device, weights_only=True) if file.exists() else None

    def save(self, state: dict, weights: dict[str, torch.Tensor]) -> None:
        """Write `checkpoint.pt`, never leaving half of one, and `weights.pt`."""
        if not self.leads:
            return
        torch.save(state, self.path / "checkpoint.tmp")
        (self.path / "checkpoint.tmp").replace(self.path / "checkpoint.pt")
        torch.save(weights, self.path / "weights.pt")

    def log(self, row: dict[str, str | int]) -> None:
        """Append a row to log.csv, let metrics.json tell it, and print it."""
        if not self.leads:
            return
        path = self.path / "log.csv"
        new = not path.exists()
        with open(path, "a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
        numbers = {name: float(value) for name, value in row.items()}
        (self.path / "metrics.json").write_text(json.dumps(numbers, indent=2) + "\n")
        print(" ".join(f"{name} {value}" for name, value in row.items()), flush=True)
