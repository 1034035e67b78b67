"""Everything a fleet leaves to chance, drawn from its seed.

Each draw has its own generator, seeded by what is drawn and for whom, so that no draw depends on another, on the order
of calls, or on how often somebody looks.
"""

from datetime import datetime, timedelta
from itertools import count
from random import Random

from inventory.simulator.values import (
    WEEKDAYS,
    WINDOW_HOURS,
    WINDOW_LENGTH,
    SimulatedPolicy,
    rhythm,
)

_WINDOW_SECONDS = int(WINDOW_LENGTH.total_seconds())


class Chance:
    """The draws of one fleet."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._droplet_seeds: set[str] = set()

    def random(self, *parts: object) -> Random:
        """Return the generator that belongs to `parts`, always in the same state."""
        # Writing out a time of day would take longer than all else here.
        written = (part.timestamp() if isinstance(part, datetime) else part for part in parts)
        return Random("/".join(map(str, (self._seed, *written))))

    def droplet_seed(self, name: str) -> str:
        """Return what a new Droplet's draws are seeded with: its name, numbered if others had it before."""
        candidates = (name if number == 1 else f"{name}#{number}" for number in count(1))
        seed = next(candidate for candidate in candidates if candidate not in self._droplet_seeds)
        self._droplet_seeds.add(seed)
        return seed

    def policy(
        self,
        droplet_seed: str,
        plan: str,
        *,
        weekday: str | None = None,
        hour: int | None = None,
        retention_days: int | None = None,
    ) -> SimulatedPolicy:
        """Return a policy; what is None is drawn, the retention as the plan has it."""
        random = self.random(droplet_seed, "window")
        drawn_weekday, drawn_hour = random.choice(WEEKDAYS), random.choice(WINDOW_HOURS)
        return SimulatedPolicy(
            plan=plan,
            weekday=(weekday or drawn_weekday) if plan == "weekly" else None,
            hour=drawn_hour if hour is None else hour,
            retention_days=retention_days or rhythm(plan)[1],
        )

    def instant_in(self, window: datetime, droplet_seed: str) -> datetime:
        """Return when, in the window that opens at `window`, a Droplet's backup is made."""
        return window + timedelta(seconds=self.random(droplet_seed, window).randrange(_WINDOW_SECONDS))

    def is_missed(self, window: datetime, droplet_seed: str, *, share: float) -> bool:
        """Return whether the backup of a window is not made, which is so for `share` of all windows."""
        return share > 0 and self.random(droplet_seed, "missed", window).random() < share
