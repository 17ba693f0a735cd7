"""An accepted job ends, with its effects exactly once, whatever dies."""

from time import monotonic

import pytest

from tests.chaos import verdict
from tests.chaos.fleet import Site
from tests.chaos.load import orders
from tests.chaos.monkey import Monkey
from tests.chaos.poison import suffer
from tests.chaos.trial import endure, headgate
from tests.chaos.verdict import Record


async def _try(site: Site, seed: int, jobs: int, rounds: int, measured: list[str]) -> None:
    began = monotonic()
    async with headgate(site, seed) as here:
        monkey = Monkey(here.fleet, here.database, seed)
        await endure(here, monkey, orders(seed, jobs), rounds)
        await suffer(here)
        record = await Record.read(here.database)
        faults = await here.faults(record)
    assert faults == []
    reruns = list(verdict.reruns(record, monkey.blows, here.fleet.workers, site.slots))
    longest_s = max(rerun.delay for rerun in reruns).total_seconds()
    limit_s = site.lease_s + site.tick_s
    database, _, _ = site.database_url.partition(":")
    unprovoked = verdict.lost_by_living(record, monkey.blows)
    measured.append(
        f"chaos, {database}, seed {seed}: {len(record.jobs)} jobs, {len(monkey.blows)} blows, "
        f"{len(reruns)} attempts begun again after at most {longest_s:.1f} s (lease and tick are {limit_s:g} s), "
        f"{unprovoked} leases lost unprovoked, in {monotonic() - began:.0f} s"
    )
    assert longest_s <= limit_s


async def test_every_job_ends_with_its_effects_once_whatever_dies(site: Site, measured: list[str]) -> None:
    await _try(site, seed=0, jobs=100, rounds=2, measured=measured)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_job_ends_with_its_effects_once_for_a_long_time(
    site: Site, seed: int, measured: list[str]
) -> None:
    await _try(site, seed, jobs=400, rounds=8, measured=measured)
