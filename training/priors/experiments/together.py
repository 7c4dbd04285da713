"""Several tasks trained on the same batches, so that what differs between them is the only difference."""

from pathlib import Path

from ...runs.run import Run, Task

SAVE_EVERY = 250


def train_together(tasks: dict[str, Task], folder: Path, workers: int, warm_start: Path | None = None) -> None:
    """Train tasks of one kind, each in the folder of its name, on the batches that the first of them makes.

    Runs that have ended are left as they are, the others go on from their checkpoints; since people depend on the seed
    alone, a task that is added later sees those that the earlier ones saw. Raises ValueError when those that have not
    ended stand at different iterations. `warm_start` is as of `run.train`.
    """
    runs = [Run(task, folder / name, warm_start) for name, task in tasks.items()]
    runs = [run for run in runs if run.iteration < run.task.config.iterations]
    if not runs:
        return
    if len({run.iteration for run in runs}) > 1:
        raise ValueError(f"the runs in {folder} stand at different iterations; remove those that have not ended")
    first, last = runs[0], runs[0].task.config.iterations
    batches = first.batches(workers)
    while first.iteration < last:
        batch = next(batches)
        for run in runs:
            run.step(batch)
        if first.iteration % 100 == 0:
            print(f"{folder.name}: {first.iteration} of {last}", flush=True)
        if first.iteration % SAVE_EVERY == 0 or first.iteration == last:
            for run in runs:
                run.save()
