"""An accepted job ends, with its effects exactly once, whatever dies."""

from datetime import timedelta
from time import monotonic

import pytest

from tests.chaos.conftest import MakeSite, Tell
from tests.chaos.load import orders
from tests.chaos.monkey import Blow, Monkey
from tests.chaos.poison import suffer
from tests.chaos.reruns import Rerun, lost_by_living, reruns
from tests.chaos.trial import Headgate, endure, headgate
from tests.chaos.verdict import Record
from tests.fleet import Site

pytestmark = pytest.mark.thorough

STEPS = 4
"""So many steps, which take their time on a busy machine, lead from the end of a lease to the next attempt."""


async def test_every_job_ends_with_its_effects_once_whatever_dies(make_site: MakeSite, tell: Tell) -> None:
    began = monotonic()
    async with headgate(make_site(1), seed=0) as here:
        monkey = Monkey(here.fleet, here.database, seed=0)
        await endure(here, monkey, orders(seed=0, count=50), rounds=1)
        await suffer(here)
        record = await Record.read(here.database)
        faults = await here.faults(record)
    assert faults == []
    assert _late(here, record, monkey.blows, tell, began) == [], monkey.blows


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_job_ends_with_its_effects_once_for_a_long_time(
    make_site: MakeSite, seed: int, tell: Tell
) -> None:
    began = monotonic()
    async with headgate(make_site(2), seed) as here:
        monkey = Monkey(here.fleet, here.database, seed)
        await endure(here, monkey, orders(seed, count=400), rounds=8)
        record = await Record.read(here.database)
        faults = await here.faults(record)
    assert faults == []
    assert _late(here, record, monkey.blows, tell, began) == [], monkey.blows


def _late(here: Headgate, record: Record, blows: list[Blow], tell: Tell, began: float) -> list[Rerun]:
    """Tell what was measured; answers the attempts that began too late."""
    site = here.fleet.site
    begun_again = list(reruns(record, blows, here.fleet.workers, site.slots))
    tell(
        f"{len(record.jobs)} jobs, {len(blows)} blows, "
        f"{_in_words(begun_again, site)}, {lost_by_living(record, blows)} leases lost unprovoked, "
        f"a write took {here.probe.longest.total_seconds():.2f} s at most; in {monotonic() - began:.0f} s"
    )
    return [each for each in begun_again if each.delay > _limit(site, here, each)]


def _in_words(begun_again: list[Rerun], site: Site) -> str:
    longest_s = max((each.delay.total_seconds() for each in begun_again), default=0.0)
    limit = f"lease and tick are {site.lease_s + site.tick_s:g} s"
    return f"{len(begun_again)} attempts begun again after {longest_s:.1f} s at most ({limit})"


def _limit(site: Site, here: Headgate, rerun: Rerun) -> timedelta:
    """A lease, a tick, and what a machine takes that is too busy for anything to be done at once."""
    return timedelta(seconds=site.lease_s + site.tick_s) + STEPS * here.probe.lag(rerun.silenced, rerun.begun)
