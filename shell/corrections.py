"""What a file of corrections says, person by person."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ..inference.body.body_estimate import BodyEstimate
from ..inference.body.correction import Correction, check_frames, corrections_from_json
from ..inference.correction.kept import shifted
from ..inference.engine import Engine
from ..inference.errors import UserError


@dataclass(frozen=True)
class SaidOfPeople:
    """Corrections of people who are numbered from 1, as overlays number them; `source` is the file's name."""

    source: str = ""
    by_person: tuple[tuple[int, tuple[Correction, ...]], ...] = ()

    @classmethod
    def read(cls, path: Path) -> "SaidOfPeople":
        """A JSON list of corrections, each with a `person` where it is not the first. Raises UserError."""
        try:
            listed = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error
        except ValueError as error:
            raise UserError(f"{path} is no JSON: {error}.") from error
        groups = defaultdict(list)
        for number, one in enumerate(listed if isinstance(listed, list) else (), 1):
            person = one.pop("person", 1) if isinstance(one, dict) else 1
            if not isinstance(person, int) or isinstance(person, bool) or person < 1:
                raise UserError(f"{path}, correction {number}: person must be a whole number from 1, not {person!r}.")
            groups[person].append(one)
        if set(groups) <= {1}:
            return cls(str(path), ((1, corrections_from_json(json.dumps(listed), str(path))),))
        said = [
            (person, corrections_from_json(json.dumps(group), f"{path}, person {person}"))
            for person, group in sorted(groups.items())
        ]
        return cls(str(path), tuple(said))

    @property
    def anything(self) -> bool:
        return any(said for _, said in self.by_person)

    def check(self, frames: int, most: int | None) -> None:
        """Raise UserError for a frame that is none of so many `frames`, or a person beyond the `most` that are wanted
        (None: everybody)."""
        for person, said in self.by_person:
            check_frames(said, frames)
            if most is not None and said and person > most:
                wanted = "one person is estimated: give --people" if most == 1 else f"--people wants {most}"
                raise UserError(f"{self.source} corrects person {person}, but {wanted}.")

    def of(self, person: int) -> tuple[Correction, ...]:
        """Those of one person."""
        return dict(self.by_person).get(person, ())

    def correct(
        self, engine: Engine, estimate: BodyEstimate, person: int = 1, first: int = 0
    ) -> tuple[BodyEstimate, tuple[str, ...]]:
        """The estimate of a person, who comes in in frame `first`, after what was said of them, and sentences for the
        user. Raises UserError for a place beyond the picture."""
        said = self.of(person)
        there = shifted(said, first, estimate.frame_count)
        estimate, remarks = engine.correct(estimate, there)
        if len(there) < len(said):
            last = first + estimate.frame_count - 1
            remarks += (f"Corrections of frames other than {first} to {last}, in which they are seen, were left out.",)
        return estimate, remarks

    def check_found(self, people: int) -> None:
        """Raise UserError where something was said of people who were not found: so many are. What was found is to be
        written before."""
        missing = [str(person) for person, said in self.by_person if said and person > people]
        if missing:
            who = f"Person {missing[0]} is" if len(missing) == 1 else f"People {', '.join(missing)} are"
            raise UserError(f"{who} corrected, but {people} {'was' if people == 1 else 'were'} found.")
