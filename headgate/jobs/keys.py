"""What Headgate's entries in Redis are called; ARQ adds its own prefixes to the names of entries in line."""

from hashlib import sha256

from arq.constants import in_progress_key_prefix, job_key_prefix

QUEUE = "headgate:queue"
HEALTH_CHECK = "headgate:queue:health"
CHANNEL = "headgate:signals"
FUNCTION = "headgate:run"
RATES = "headgate:rates"


def entry_name(job_id: str, dispatch: int, again: int = 0) -> str:
    """Name a job in line; `again` tells it from earlier entries of this dispatch that died with their worker."""
    name = f"{job_id}:{dispatch}"
    return f"{name}.{again}" if again else name


def entry_key(name: str) -> str:
    """Where ARQ keeps what an entry calls."""
    return f"{job_key_prefix}{name}"


def in_progress_key(name: str) -> str:
    """What exists while a worker takes an entry out of the line, and for a while after it died with it."""
    return f"{in_progress_key_prefix}{name}"


def channel(database: int) -> str:
    """Name the channel of one Headgate: Redis' channels, unlike its keys, don't tell databases apart."""
    return f"{CHANNEL}:{database}"


def rate_key(name: str) -> str:
    """Where the rate of something is counted; its name may be long, and may be that of a person."""
    return f"{RATES}:{sha256(name.encode(errors='surrogatepass')).hexdigest()[:32]}"
