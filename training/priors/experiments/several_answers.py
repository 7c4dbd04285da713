"""A PosePrior that gives several answers and how likely each is, for what a picture leaves open (a mirrored limb).

Trained by the answer that is nearest (Guzman-Rivera et al. 2012), all but a little: a small share of the loss goes to
the others, so that none is left behind (Rupprecht et al. 2017).
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..networks import JOINTS, PosePrior

RELAXED = 0.05
"""Share of the loss that the answers beside the nearest have."""


class SeveralAnswers(nn.Module):
    """A PosePrior's stem and units with a head of M answers: features (B, 78) → numbers (B, M, 24, D) and logits (B, M)
    of which answer is the nearest."""

    def __init__(self, prior: PosePrior, answers: int):
        super().__init__()
        self.answers, self.to_matrix = answers, prior.to_matrix
        self.foreshortening, self.stem, self.units = prior.foreshortening, prior.stem, prior.units
        self.answer = prior.answer
        width = prior.head.in_features
        self.head = nn.Linear(width, answers * prior.head.out_features)
        nn.init.normal_(self.head.weight, std=0.01)
        self.head.bias.data = prior.head.bias.data.repeat(answers)
        self.likely = nn.Linear(width, answers)
        nn.init.normal_(self.likely.weight, std=0.001)

    def forward(self, features):
        hidden = self.units(self.stem(self.foreshortening(features)))
        # Which is likely is read off what the answers need, and does not change them.
        numbers = self.answer(self.head(hidden).reshape(len(hidden) * self.answers, JOINTS, -1))
        return numbers.unflatten(0, (-1, self.answers)), self.likely(hidden.detach())


def nearest_answer_loss(terms: torch.Tensor, logits: torch.Tensor, weigh) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of answers' errors `terms` (3, B, M: rotations, joints, vertices) and logits (B, M); and the mean terms
    (3,) of the nearest answers, by joints and vertices. `weigh` makes one number of three terms."""
    nearest = terms[1:].sum(0).argmin(1)
    chosen = F.one_hot(nearest, terms.shape[2])
    shares = torch.where(chosen > 0, 1 - RELAXED, RELAXED / max(terms.shape[2] - 1, 1))
    loss = weigh((terms * shares).sum(2).mean(1)) + F.cross_entropy(logits.float(), nearest)
    return loss, (terms * chosen).sum(2).mean(1).detach()
