"""Batch normalisation over the batches of all processes, on processors, too: torch's own is for GPUs alone."""

import torch
from torch import distributed, nn

from .several_processes import Share


class SharedBatchNorm(nn.BatchNorm2d):
    """A `BatchNorm2d` whose statistics are of the crops of all processes (Ioffe and Szegedy 2015, algorithm 1, over the
    whole batch), so that several processes learn what one with the whole batch would."""

    @classmethod
    def like(cls, norm: nn.BatchNorm2d) -> "SharedBatchNorm":
        """The same normalisation, shared."""
        shared = cls(norm.num_features, norm.eps, norm.momentum).to(norm.weight.device)
        shared.load_state_dict(norm.state_dict())
        return shared

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) normalised, in the kind of number it came in."""
        if not self.training:
            return super().forward(features)
        mean, variance, count = _statistics(features.float())
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return (features * scale[:, None, None] + shift[:, None, None]).to(features.dtype)


def share_statistics(model: nn.Module, share: Share) -> None:
    """Let all batch normalisations in `model` be over all processes. Weights keep their names."""
    if share.count == 1:
        return
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                setattr(module, name, SharedBatchNorm.like(child))


def _statistics(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean (C,) and variance (C,) over the batches (B, C, H, W) of all processes, and how many values each is of."""
    values = features.new_full((1,), features.numel() / features.shape[1])
    sums = _Sum.apply(torch.cat([features.sum((0, 2, 3)), values]))
    count = sums[-1].detach()
    mean = sums[:-1] / count
    # In a second round: the mean of squares less the mean's square is inexact for means far from zero.
    return mean, _Sum.apply((features - mean[:, None, None]).square().sum((0, 2, 3))) / count, count


class _Sum(torch.autograd.Function):
    """The sum over all processes; each one's share acts on all processes' losses."""

    @staticmethod
    def forward(context, own: torch.Tensor) -> torch.Tensor:
        total = own.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total
