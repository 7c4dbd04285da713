"""Saving and resuming a prior's run: weights, optimiser and schedule in one file, weights alone in another."""

from pathlib import Path

import torch


def save(folder: Path, parts: dict, iteration: int) -> None:
    """Write `checkpoint.pt` (everything) and `weights.pt` (the network), never leaving a half-written checkpoint."""
    state = {name: part.state_dict() for name, part in parts.items()} | {"iteration": iteration}
    torch.save(state, folder / "checkpoint.tmp")
    (folder / "checkpoint.tmp").replace(folder / "checkpoint.pt")
    torch.save(parts["network"].state_dict(), folder / "weights.pt")


def resume(folder: Path, parts: dict) -> int:
    """Load `checkpoint.pt` into the parts, if it is there; returns the iteration to go on from."""
    if not (folder / "checkpoint.pt").exists():
        return 0
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return state["iteration"]
