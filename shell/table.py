"""What became of each input, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """One line of the table: an input, and what became of it."""

    name: str
    score: float | None = None
    seconds: float = 0.0
    files: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    error: str | None = None
    people: list[dict] | None = None
    """Of each person, where several were asked for: number, score, box and files of their own."""


def table(outcomes: Sequence[Outcome]) -> str:
    """Name, score, seconds and files of each input, with its remarks or its error below it."""
    width = max(len("input"), *(len(outcome.name) for outcome in outcomes))
    lines = [f"{'input':<{width}}  score  seconds  written"]
    for outcome in outcomes:
        score = "  –  " if outcome.score is None else f"{outcome.score:5.2f}"
        lines.append(
            f"{outcome.name:<{width}}  {score}  {outcome.seconds:7.2f}  {', '.join(outcome.files) or 'nothing'}"
        )
        lines += [f"{'':<{width}}  {remark}" for remark in outcome.remarks]
        if outcome.error:
            lines.append(f"{'':<{width}}  FAILED: {outcome.error}")
    failed = sum(1 for outcome in outcomes if outcome.error)
    lines.append(f"{len(outcomes) - failed} of {len(outcomes)} gave a body.")
    return "\n".join(lines)
