"""The networks, the body and the density of poses that ship, with their model cards."""

from importlib.resources import files
from pathlib import Path

MODELS = Path(str(files(__name__)))
