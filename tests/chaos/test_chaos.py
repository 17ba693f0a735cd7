"""An accepted job ends, with its effects exactly once, whatever dies."""

from datetime import timedelta
from time import monotonic

import pytest

from tests.chaos.load import orders
from tests.chaos.monkey import Monkey
from tests.chaos.poison import suffer
from tests.chaos.reruns import lost_by_living, reruns
from tests.chaos.trial import endure, headgate
from tests.chaos.verdict import Record
from tests.fleet import Site

STEPS = 4
"""So many steps, which take their time on a busy machine, lead from the end of a lease to the next attempt."""


async def _try(site: Site, seed: int, jobs: int, rounds: int, measured: list[str]) -> None:
    began = monotonic()
    async with headgate(site, seed) as here:
        monkey = Monkey(here.fleet, here.database, seed)
        await endure(here, monkey, orders(seed, jobs), rounds)
        await suffer(here)
        record = await Record.read(here.database)
        faults = await here.faults(record)
    assert faults == []
    begun_again = list(reruns(record, monkey.blows, here.fleet.workers, site.slots))
    limit = timedelta(seconds=site.lease_s + site.tick_s)
    longest = max(each.delay for each in begun_again)
    database, _, _ = site.database_url.partition(":")
    measured.append(
        f"chaos, {database}, seed {seed}: {len(record.jobs)} jobs, {len(monkey.blows)} blows, "
        f"{len(begun_again)} attempts begun again after at most {longest.total_seconds():.1f} s (lease and tick are {limit.total_seconds():g} s), "
        f"{lost_by_living(record, monkey.blows)} leases lost unprovoked, "
        f"a write took at most {here.probe.longest.total_seconds():.2f} s, in {monotonic() - began:.0f} s"
    )
    late = [
        each for each in begun_again if each.delay > limit + STEPS * here.probe.lag(each.silenced, each.begun)
    ]
    assert late == [], monkey.blows


async def test_every_job_ends_with_its_effects_once_whatever_dies(site: Site, measured: list[str]) -> None:
    await _try(site, seed=0, jobs=100, rounds=2, measured=measured)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_job_ends_with_its_effects_once_for_a_long_time(
    site: Site, seed: int, measured: list[str]
) -> None:
    await _try(site, seed, jobs=400, rounds=8, measured=measured)
