"""cron_dst.json: the times of an expression around a change of a zone's offset, found by looking at every minute."""

import datetime
import functools
import io
import struct
import zoneinfo

from generators import cron

MINUTE = datetime.timedelta(minutes=1)


def zone_of_rule(rule):
    """A zone that follows one POSIX rule for ever: a TZif file without any change in it, but with that footer."""
    types = struct.pack(">lBB", 0, 0, 0) + b"UTC\0"
    counts = struct.pack(">6L", 0, 0, 0, 0, 1, 4)
    block = b"TZif2" + bytes(15) + counts + types
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(block + block + b"\n" + rule.encode() + b"\n"))


@functools.cache
def zone_named(name):
    # Cuba changed its rule from November 2026 on; the answers follow the one before.
    return zone_of_rule("CST5CDT,M3.2.0/0,M11.1.0/1") if name == "America/Havana" else zoneinfo.ZoneInfo(name)


@functools.cache
def minutes_of(zone, day):
    """Each minute of a day in UTC, with what the clocks in the zone show then."""
    begin = datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc)
    instants = [begin + n * MINUTE for n in range(24 * 60)]
    return [(instant, instant.astimezone(zone_named(zone)).replace(tzinfo=None, fold=0)) for instant in instants]


def minutes_from(zone, day):
    while True:
        yield from minutes_of(zone, day)
        day += datetime.timedelta(days=1)


def fires(expression, zone, day):
    """Each instant from that day on at which the expression fires, by the two rules of docs/protocol.md, "Cron"."""
    fits_date = functools.cache(expression.fits_date)

    def fits(local):
        return expression.fits_time(local.hour, local.minute, 0) and fits_date(local.date())

    reached = None  # the furthest that the clocks have been
    for instant, local in minutes_from(zone, day):
        if expression.is_interval:
            if fits(local):
                yield instant
        elif reached is None or local > reached:
            # More than one minute is new at the end of a gap; none is in the second pass of an hour.
            new = int((local - reached) / MINUTE) if reached else 1
            if any(fits(local - n * MINUTE) for n in range(new)) if new > 1 else fits(local):
                yield instant
            reached = local


def next_times(case):
    expression = cron.Expression(case["expr"])
    after = datetime.datetime.fromisoformat(case["from"].removesuffix("Z")).replace(tzinfo=datetime.timezone.utc)
    found = []
    # Begins on the day before, so that it knows how far the clocks have been.
    for instant in fires(expression, case["zone"], after.date() - datetime.timedelta(days=1)):
        if instant > after:
            found.append(instant.strftime("%Y-%m-%dT%H:%M:%SZ"))
        if len(found) == len(case["next"]):
            return found


def generate(committed):
    return {"rule": committed["rule"], "cases": [dict(case, next=next_times(case)) for case in committed["cases"]]}
