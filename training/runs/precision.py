"""Which numbers networks are trained in: bfloat16 where the machine computes with it, else float32.

A processor with AMX or AVX-512's bfloat16 instructions trains dense convolutions three times faster with it. One
without them imitates it: nine times slower than float32 (1.3 and 12 crops/s of Human2D on a Zen 3 core).
"""

from functools import cache

import torch

_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16")
"""Any of these, as torch names what a processor has."""


@cache
def has_bfloat16(device: str) -> bool:
    """Whether a `cpu` or `cuda` device computes with bfloat16, rather than imitating it."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in _INSTRUCTIONS)


def mixed_precision(device: str = "cpu") -> torch.autocast:
    """The context that forward passes of a training run stand in."""
    return torch.autocast(device, torch.bfloat16, enabled=has_bfloat16(device))
