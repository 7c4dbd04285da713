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
    passed_over: bool = False
    """Whether an earlier run made it, and `--resume` found it whole."""


def table(outcomes: Sequence[Outcome], asked: int) -> str:
    """Name, score, seconds and files of each input, with its remarks or its error below it. `asked` is how many inputs
    there are: more than outcomes, when the run was stopped."""
    width = max(len("input"), *(len(outcome.name) for outcome in outcomes), 0)
    lines = [f"{'input':<{width}}  score  seconds  written"]
    for outcome in outcomes:
        score = "  –  " if outcome.score is None else f"{outcome.score:5.2f}"
        seconds = "before" if outcome.passed_over else f"{outcome.seconds:.2f}"
        lines.append(f"{outcome.name:<{width}}  {score}  {seconds:>7}  {', '.join(outcome.files) or 'nothing'}")
        lines += [f"{'':<{width}}  {remark}" for remark in outcome.remarks]
        if outcome.error:
            lines.append(f"{'':<{width}}  FAILED: {outcome.error}")
    return "\n".join([*lines, summary(outcomes, asked)])


def summary(outcomes: Sequence[Outcome], asked: int) -> str:
    """One line: how many inputs gave a body, of which how many were there before; and how many were not come to."""
    # Who could not be corrected as asked has files nevertheless.
    good = sum(1 for outcome in outcomes if not outcome.error or outcome.files)
    before = sum(1 for outcome in outcomes if outcome.passed_over)
    line = f"{good} of {asked} gave a body"
    if before:
        line += f", {before} of them in an earlier run (passed over)"
    if len(outcomes) < asked:
        line += f"; stopped before {asked - len(outcomes)}"
    return f"{line}."
