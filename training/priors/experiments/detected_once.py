"""An engine whose priors are exchanged again and again, and which looks at each photo once."""

import numpy as np

from ....inference.engine import Engine, Settings
from ....inference.errors import NoPersonError
from ....inference.files.images import Photo
from ....inference.networks.person import Found


class DetectsOnce(Engine):
    """Remembers what Human2D saw in a photo, by the photo's path and size and the box."""

    def __init__(self, settings: Settings):
        super().__init__(settings)
        self._seen: dict[tuple, Found | NoPersonError] = {}

    def detect(self, photo: Photo, box: np.ndarray | None = None) -> Found:
        """As `Engine.detect`, but only the first time. Raises NoPersonError."""
        key = (photo.path, photo.size, None if box is None else tuple(box))
        if key not in self._seen:
            try:
                self._seen[key] = super().detect(photo, box)
            except NoPersonError as nobody:
                self._seen[key] = nobody
        found = self._seen[key]
        if isinstance(found, NoPersonError):
            raise found.with_traceback(None)
        return found
