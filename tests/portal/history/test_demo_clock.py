from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from portal.core import clock
from portal.history import actions
from portal.history.management.commands.demo_clock import parse, stops
from portal.history.models import ClockJump, ClockOffset, Step
from portal.history.ticks import ticks

ZONE = ZoneInfo("Asia/Shanghai")
NINE = datetime(2026, 11, 23, 1, 12, tzinfo=UTC)  # 09:12 in Shanghai


@pytest.mark.parametrize(("text", "expected"), [
    ("22:00", datetime(2026, 11, 23, 14, 0, tzinfo=UTC)),
    ("8:00", datetime(2026, 11, 24, 0, 0, tzinfo=UTC)),  # has passed today
    ("+8h", NINE + timedelta(hours=8)),
    ("+2d", NINE + timedelta(days=2)),
    ("+30m", NINE + timedelta(minutes=30)),
    ("2026-11-24T06:00", datetime(2026, 11, 23, 22, 0, tzinfo=UTC)),
    ("2026-11-24T06:00Z", datetime(2026, 11, 24, 6, 0, tzinfo=UTC)),
])
def test_it_understands_times_as_people_write_them(text, expected):
    assert parse(text, now=NINE, zone=ZONE) == expected


@pytest.mark.parametrize("text", ["tomorrow", "25:00", "+8", "-8h", "22", ""])
def test_it_says_how_to_write_a_time(text):
    with pytest.raises(ValueError, match="is no time: write 22:00"):
        parse(text, now=NINE, zone=ZONE)


def test_it_stops_at_every_full_hour_and_at_the_end():
    end = NINE + timedelta(hours=2)
    hours = [datetime(2026, 11, 23, 2, tzinfo=UTC), datetime(2026, 11, 23, 3, tzinfo=UTC)]
    assert list(stops(NINE, end)) == [*hours, end]
    assert list(stops(NINE, NINE + timedelta(minutes=5))) == [NINE + timedelta(minutes=5)]


@pytest.fixture
def demo(db, settings, monkeypatch):
    """A demonstration without rooms: only what a test adds becomes due."""
    settings.DEMO = True
    monkeypatch.setattr("portal.history.ticks.ticks", [])
    monkeypatch.setattr("portal.history.management.commands.demo_clock.ticks", kept := [])
    clock.use_offset(actions.stored_offset)
    yield kept
    clock.use_offset(None)


def run(to: str) -> list[str]:
    out = StringIO()
    call_command("demo_clock", to=to, stdout=out)
    return out.getvalue().splitlines()


def test_every_hour_the_rooms_do_what_has_become_due(demo):
    seen = []
    demo.append(seen.append)
    before = clock.now()
    lines = run("+3h")
    assert len(seen) == len(lines) == 4
    assert seen == sorted(seen)
    assert [at.minute for at in seen[:-1]] == [0, 0, 0]  # the hour is over when its work is done
    assert timedelta(hours=3) <= clock.now() - before < timedelta(hours=3, minutes=1)
    assert ClockJump.objects.count() == len(lines)


def test_it_tells_what_happened_in_each_hour(demo):
    def tick(now):
        Step.objects.create(subject="slot:slt_1", before="open", after="closed", at=now, actor="system:test")

    demo.append(tick)
    assert all(line.endswith("1 slot closed") for line in run("+2h"))


def test_without_demo_the_clock_stays(demo, settings):
    settings.DEMO = False
    with pytest.raises(CommandError):
        run("+1h")
    assert not ClockOffset.objects.filter(offset_s__gt=0).exists()


def test_it_never_goes_back(demo):
    with pytest.raises(CommandError):
        run("2020-01-01T00:00")
    assert not ClockJump.objects.exists()


def test_a_year_at_once_is_refused(demo):
    with pytest.raises(CommandError, match="At most"):
        run("+365d")
    assert not ClockJump.objects.exists()


def test_rooms_have_registered_their_work():
    assert ticks
