"""A made-up file of sales: the same bytes each time, with a few rows that are broken on purpose."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

HEADER = b"order_id,ordered_at,customer,country,product,quantity,unit_price,paid\n"
CUSTOMERS = ("Ann Lee", '"Silva, João"', "Zoë Müller", "Omar Haddad", "Kenji Sato", "", '""', "Olga Nowak")
COUNTRIES = ("BR", "DE", "EG", "GB", "JP", "PL", "US")
PRODUCTS = (("Desk", 24900), ("Lamp", 3950), ("Chair", 12905), ("Shelf", 8000), ("Rug", 6410))
FIRST_ORDER = datetime(2026, 1, 1)
SECONDS_APART = 40
BREAKS = 10
"""So many rows are broken, evenly spread over the file."""


def write_sales(path: Path, rows: int) -> int:
    """Write this many rows and answer how many of them are broken."""
    step = max(rows // BREAKS, 1)
    broken = 0
    with path.open("wb") as file:
        file.write(HEADER)
        for number, line in enumerate(_lines(rows)):
            is_broken = number % step == step // 2
            file.write(FAULTS[broken % len(FAULTS)](line) if is_broken else line)
            broken += is_broken
    return broken


def _lines(rows: int) -> Iterator[bytes]:
    random = Random(2026)  # the same sales each time
    for number in range(rows):
        ordered_at = FIRST_ORDER + timedelta(seconds=SECONDS_APART * number)
        customer, country = random.choice(CUSTOMERS), random.choice(COUNTRIES)
        product, cents = random.choice(PRODUCTS)
        paid = "true" if random.random() < 0.9 else "false"
        price = f"{cents // 100}.{cents % 100:02}"
        cells = (f"{number + 1:08}", str(ordered_at), customer, country, product, str(number % 7 + 1), price)
        yield ",".join((*cells, paid)).encode() + b"\n"


def _too_long(line: bytes) -> bytes:
    return line.replace(b".", b",", 1)


def _too_short(line: bytes) -> bytes:
    return line.rpartition(b",")[0] + b"\n"


def _stray_quote(line: bytes) -> bytes:
    order_id, _, rest = line.partition(b",")
    return b'"' + order_id[:4] + b'"' + order_id[4:] + b"," + rest


def _not_utf8(line: bytes) -> bytes:
    order_id, _, rest = line.partition(b",")
    return order_id + "é,".encode("latin-1") + rest


FAULTS: tuple[Callable[[bytes], bytes], ...] = (_too_long, _too_short, _stray_quote, _not_utf8)
