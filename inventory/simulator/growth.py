"""How the size of a Droplet's backups develops."""

import math
from random import Random
from typing import Literal

Growth = Literal["flat", "growing", "stepping", "shrinking"]

GROWTH_PER_DAY = 0.004
SHRINKAGE_PER_DAY = 0.003
DAYS_PER_STEP = 30
SMALLEST_SHARE = 0.2
NOISE = 0.01


def size_after(days: float, *, growth: Growth, start_gigabytes: float, random: Random) -> float:
    """Return the size in gigabytes, of two decimals, `days` after it was `start_gigabytes`.

    Flat sizes are exact; the others carry a little noise, as disks do.
    """
    if growth == "flat":
        return round(start_gigabytes, 2)
    shares: dict[Growth, float] = {
        "growing": 1 + GROWTH_PER_DAY * days,
        "stepping": math.pow(1.5, days // DAYS_PER_STEP),
        "shrinking": 1 - SHRINKAGE_PER_DAY * days,
    }
    noise = random.uniform(1 - NOISE, 1 + NOISE)
    return round(start_gigabytes * max(SMALLEST_SHARE, shares[growth]) * noise, 2)
