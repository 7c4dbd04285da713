"""The package before numpy: it says how many threads numpy's linear algebra takes. And what many tests begin with."""

from pathlib import Path

import body_from_image  # noqa: F401
import pytest
from body_from_image.inference.body.body_model import BodyModel

EXAMPLE = Path(__file__).parents[1] / "examples" / "person.jpg"


@pytest.fixture(scope="session")
def body() -> BodyModel:
    """The bundled one."""
    return BodyModel.load()
