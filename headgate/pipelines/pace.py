"""How fast something goes, from how far it is after how long."""


def rows_per_second(rows: int, elapsed_s: float) -> float | None:
    """Tell the pace; None where no time has passed, or a clock has gone back meanwhile."""
    return rows / elapsed_s if elapsed_s > 0 else None


def seconds_left(fraction: float | None, elapsed_s: float) -> float | None:
    """Tell how long the rest takes at the same pace; None while nothing is done or it is not known how much."""
    return elapsed_s * (1 - fraction) / fraction if fraction else None
