"""The package before numpy: it says how many threads numpy's linear algebra takes."""

import body_from_image  # noqa: F401
