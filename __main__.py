"""The engine from a shell: `python -m body_from_image estimate IMAGE|DIR|VIDEO … --out DIR`."""

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from .inference.errors import UserError
from .shell.arguments import joined_numbers, parser
from .shell.batch import Batch
from .shell.job import Job
from .shell.table import table

ALL_DONE, WRONG_USAGE, SOME_FAILED, INTERRUPTED = 0, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(joined_numbers(sys.argv[1:] if arguments is None else arguments))
    stopped = False
    try:
        batch = Batch(Job(options))
        try:
            with redirect_stdout(sys.stderr):  # Libraries print, too, and the results may be read by a program.
                batch.run()
        except KeyboardInterrupt:
            print(f"\nStopped. What was finished is in {options.out}; --resume goes on.", file=sys.stderr)
            stopped = True
    except UserError as error:
        print(f"body_from_image: {error}", file=sys.stderr)
        return WRONG_USAGE
    outcomes, asked = batch.in_order, len(batch.job.names)
    print(json.dumps([vars(outcome) for outcome in outcomes], indent=2) if options.json else table(outcomes, asked))
    if stopped:
        return INTERRUPTED
    return SOME_FAILED if any(outcome.error for outcome in outcomes) else ALL_DONE


if __name__ == "__main__":
    sys.exit(main())
