"""What the body's card says: how well ten betas describe people that the shape space has not seen, and sane ranges."""

import numpy as np

from ...inference.geometry.joints import JOINT_NAMES
from .population import Population, stature_and_mass
from .shape_space import BETA_COUNT, ShapeSpace


def measure(
    space: ShapeSpace, regressor: np.ndarray, faces: np.ndarray, vertices: np.ndarray, joints: np.ndarray,
    people: Population, training: int, rng: np.random.Generator,
) -> list[str]:  # fmt: skip
    """Lines of figures on the people after the first `training`, who were held out."""
    held_out = vertices[training:]
    with_betas = space.v_template + np.einsum("vcs,bs->bvc", space.shapedirs, space.betas[training:], optimize=True)
    lines = [
        f"T-pose error on {len(held_out)} held-out people, mean over vertices: "
        f"{millimetres(held_out - with_betas):.1f} mm with 10 betas, "
        f"{millimetres(held_out - space.v_template):.1f} mm with the mean body",
        f"variance explained by 10 betas: {100 * space.explained[-1]:.1f} %",
    ]
    measures = {"stature": people.stature, "BMI": people.body_mass_index, "female": people.is_female.astype(float)}
    for beta in range(BETA_COUNT):
        values = space.betas[:, beta]
        correlations = (f"{name} {np.corrcoef(values, measured)[0, 1]:+.2f}" for name, measured in measures.items())
        lines.append(
            f"beta {beta}: correlation with {', '.join(correlations)}; held-out std {values[training:].std():.2f}"
        )
    for beta, name in ((0, "stature"), (1, "BMI")):
        betas = np.zeros((2, BETA_COUNT))
        betas[:, beta] = -2.5, 2.5
        low, high = stature_and_bmi(space, faces, betas)[beta]
        lines.append(f"beta {beta} from -2.5 to +2.5: {name} {low:.2f} to {high:.2f}")
    stature, bmi = stature_and_bmi(space, faces, rng.normal(size=(400, BETA_COUNT)))
    lines.append(f"normally drawn betas: stature {stature.mean():.2f} ± {stature.std():.2f} m, "
                 f"BMI {bmi.mean():.1f} ± {bmi.std():.1f}, below 16 in {100 * (bmi < 16).mean():.1f} %")  # fmt: skip
    regressed = np.einsum("jv,bvc->bjc", regressor, held_out, optimize=True)
    for joint, error in enumerate(np.linalg.norm(regressed - joints[training:], axis=-1).mean(0)):
        if not JOINT_NAMES[joint].startswith("right"):
            lines.append(f"J_regressor, held out: {JOINT_NAMES[joint]} {1000 * error:.2f} mm")
    return lines


def millimetres(offsets: np.ndarray) -> float:
    return 1000 * float(np.linalg.norm(offsets, axis=-1).mean())


def stature_and_bmi(space: ShapeSpace, faces: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vertices = space.v_template + np.einsum("vcs,bs->bvc", space.shapedirs, betas, optimize=True)
    stature, mass = stature_and_mass(vertices, faces)
    return stature, mass / stature**2
