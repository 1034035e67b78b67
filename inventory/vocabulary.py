"""The words that are stored, counted and shown, each written once.

The members are strings: the database, JSON, logs and metrics hold their values, which must not change.
"""

from enum import StrEnum


class GoneReason(StrEnum):
    """Why a backup ended: the first that holds at the look that ends it."""

    DROPLET_DESTROYED = "droplet_destroyed"
    CONVERTED = "converted"
    EXPIRED = "expired"
    BACKUPS_DISABLED = "backups_disabled"
    UNKNOWN = "unknown"
    UNEXPLAINED = "unexplained"


class BackupChange(StrEnum):
    """What happened to one backup in a sync."""

    APPEARED = "appeared"
    CHANGED = "changed"
    RETURNED = "returned"
    ENDED = "ended"
    EXPLAINED = "explained"  # an end before this sync got its reason
    HELD = "held"  # it is missing, and its end waits (R7)


class Outcome(StrEnum):
    """What an attempt to look at a Droplet came to; of a Droplet, what the last attempt came to."""

    COMPLETE = "complete"  # a look
    INCOMPLETE = "incomplete"  # listed, but not all of it (R1)
    HELD = "held"  # a listing or a second 404 whose ends the brake held back (R7)
    NOT_FOUND = "not_found"  # 404 for the first time
    UNPROVEN = "unproven"  # 404, but nothing shows that the token still reads this account (R2)
    GONE = "gone"  # 404, as before
    # Any other error of the API, by its class in `errors`.
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    MALFORMED = "malformed"
    REFUSED = "refused"
    STOPPED = "stopped"


class RunStatus(StrEnum):
    """Whether a sync run is going on, or how it ended."""

    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"
    HELD = "held"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BUSY = "busy"  # never stored: another process holds the account, so that there is no run


class RunMode(StrEnum):
    """How a sync run looks at Droplets."""

    DETECTION = "detection"  # all that the configuration means; unchanged ones may be proven so
    LISTING = "listing"  # all that the configuration means, each listed
    SUBSET = "subset"  # some of them, named by the user


class Trigger(StrEnum):
    """What started a sync run."""

    COMMAND = "command"
    DAEMON = "daemon"
    WORKER = "worker"
