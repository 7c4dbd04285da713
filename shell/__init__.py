"""The command line: `python -m body_from_image estimate …`."""
