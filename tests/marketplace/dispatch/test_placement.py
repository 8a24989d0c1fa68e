"""Where a run goes."""

from datetime import timedelta

from marketplace.dispatch.actions import spread
from marketplace.dispatch.placement import Room, hours_needed, place
from portal.core.clock import hour_of


def room(site, hour, free, weight=600_000, own=None, slot=None, house=False):
    return Room(
        slot_id=slot or site * 100 + hour.hour,
        site_id=site,
        hour=hour,
        free_cms=free,
        weight_ppm=weight,
        own_limit_cms=free if own is None else own,
        house=house,
    )


def test_a_run_reserves_every_hour_it_may_touch(now):
    first = hour_of(now)
    assert hours_needed(now, now + timedelta(minutes=15), 60) == [first]
    assert hours_needed(now, now + timedelta(minutes=15), 40 * 60) == [first, first + timedelta(hours=1)]


def test_it_chooses_the_lightest_hour_that_has_room(now):
    hour = hour_of(now)
    rooms = [room(1, hour, 10**6), room(2, hour, 10**6, weight=400_000), room(3, hour, 10, weight=1)]
    found = place(rooms, start=now, latest_start=now, cores=1, wall_s=60)
    assert (found.site_id, found.quantity_cms, found.weight_ppm) == (2, 60_000, 400_000)


def test_a_preferred_site_comes_first(now):
    hour = hour_of(now)
    rooms = [room(1, hour, 10**6), room(2, hour, 10**6, weight=400_000)]
    assert place(rooms, start=now, latest_start=now, cores=1, wall_s=60, prefer=(1,)).site_id == 1


def test_nothing_is_placed_where_one_of_its_hours_is_missing(now):
    rooms = [room(1, hour_of(now), 10**9)]
    assert place(rooms, start=now, latest_start=now + timedelta(minutes=50), cores=1, wall_s=60) is None


def test_a_company_may_not_block_an_hour_with_open_quotes(now):
    rooms = [room(1, hour_of(now), 10**9, own=1)]
    assert place(rooms, start=now, latest_start=now, cores=1, wall_s=60) is None


def test_a_run_over_two_hours_is_laid_over_both(now):
    hour = hour_of(now)
    second = hour + timedelta(hours=1)
    used = spread(
        [(1, hour, 3_000_000), (2, second, 3_000_000)],
        started_at=hour + timedelta(minutes=50),
        ended_at=hour + timedelta(minutes=70),
        total_cms=1_200_000,
    )
    assert used == {1: 600_000, 2: 600_000}


def test_time_beyond_what_is_reserved_is_nobodys(now):
    used = spread(
        [(1, hour_of(now), 1000)], started_at=now, ended_at=now + timedelta(seconds=9), total_cms=9000
    )
    assert used == {1: 1000}


def test_deposited_hours_come_before_the_platforms_own(now):
    hour = hour_of(now)
    rooms = [room(1, hour, 10**9, weight=400_000, house=True), room(2, hour, 10**6)]
    assert place(rooms, start=now, latest_start=now, cores=1, wall_s=60).site_id == 2
