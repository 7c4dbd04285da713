"""Human2D's answer as the engine reads it, in torch: the way that gradients take from the projection into Human2D."""

import torch
from torch import Tensor, nn

from ...inference.networks.heatmaps import WINDOW, body_peaks, calibrate
from ...inference.networks.runtime import Network
from ..human2d.export import Shipped
from ..human2d.network import human2d_network
from ..runs.onnx_export import load_weights


class Detector(nn.Module):
    """Human2D with its decoding. Places and silhouettes carry gradients; confidence is taken as given.

    It begins with the weights that ship for `size`.
    """

    def __init__(self, size: str = "fast"):
        super().__init__()
        self.network = human2d_network(size)
        shipped = Network(f"human2d_{size}")
        load_weights(self.network, shipped.path, prefix="network.")
        self.shipped = Shipped(self.network)
        self.calibration = shipped.metadata["calibration"]

    def forward(self, crops: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B, 25, 3; photo pixels and confidence) and silhouettes (B, 64, 64) of crops (B, 3, 256, 256) whose
        maps lie at `window` (B, 3) in their photos."""
        heatmaps, silhouettes, *_ = self.shipped(crops)
        cells, mass = decode(heatmaps)
        confidence = torch.from_numpy(calibrate(mass.detach().cpu().numpy(), self.calibration)).to(cells)
        pixels = window[:, None, :2] + cells * window[:, None, 2:]
        return torch.cat([pixels, confidence[..., None]], -1), silhouettes[:, 0]


def decode(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Keypoints in heatmaps (B, 25, H, W): cells (B, 25, 2) and mass (B, 25), as
    `inference.heatmaps.decode_heatmaps`."""
    height, width = heatmaps.shape[2:]
    peaks = torch.from_numpy(body_peaks(heatmaps.detach().cpu().numpy())).to(heatmaps.device)
    peak_x, peak_y = peaks.unbind(-1)
    rows, columns = (torch.arange(count, device=heatmaps.device) for count in (height, width))
    near_y = (rows - peak_y[..., None]).abs() <= WINDOW
    near_x = (columns - peak_x[..., None]).abs() <= WINDOW
    near = heatmaps * (near_y[..., :, None] & near_x[..., None, :])
    mass = near.sum((2, 3))
    safe = mass.clamp_min(1e-9)
    return torch.stack([(near.sum(2) * columns).sum(2) / safe, (near.sum(3) * rows).sum(2) / safe], -1), mass
