"""Hours by a clock on the wall somewhere: when nobody wants to be disturbed. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, tzinfo


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of each day, from `begins` until just before `ends`, which may be on the next day."""

    begins: time
    ends: time
    zone: tzinfo

    def holds(self, now: datetime) -> bool:
        """Tell whether it is one of these hours; one that comes twice, as clocks go back, is both times."""
        at = now.astimezone(self.zone).time()
        if self.begins < self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends
