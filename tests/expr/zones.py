#!/usr/bin/env python3
"""Writes zones.tsv: what Python's zoneinfo says of local times, for zone_test.c.

    tests/expr/zones.py > tests/expr/zones.tsv

Rows: zone, what, argument, expected. Times that came (and rules that hold) long since are used, so
that a newer tzdata gives the same; the far years check the rule behind the last transition.
"""
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

YEARS = {
    'Europe/London': [1971, 2024, 2045],
    'America/New_York': [1987, 2007, 2024, 2060],
    'America/Los_Angeles': [2024],
    'Asia/Kathmandu': [1985, 1986, 2024],
    'Asia/Tokyo': [2024],
    'Asia/Kolkata': [2024],
    'Asia/Beirut': [2021],            # begins and ends at midnight
    'Asia/Gaza': [2015],
    'Australia/Lord_Howe': [2024, 2050],
    'Australia/Sydney': [2023, 2050],
    'Africa/Casablanca': [2019, 2024],
    'Africa/Cairo': [2014, 2024],
    'America/Sao_Paulo': [1990, 2017, 2018, 2030],   # skips midnight
    'America/Havana': [2024],         # skips midnight
    'America/Santiago': [2024],
    'America/St_Johns': [2005, 2024],  # 2005: goes back over midnight
    'America/Caracas': [2007, 2016],
    'Atlantic/Azores': [2024, 2047],
    'Europe/Dublin': [2024, 2047],    # negative daylight saving
    'Europe/Istanbul': [2016],
    'Pacific/Apia': [2011, 2012, 2024],  # skips a day
    'Pacific/Kwajalein': [1993],
    'Pacific/Chatham': [2024, 2051],
    'America/Nuuk': [2040],
    'Antarctica/Troll': [2024, 2046],  # two hours
    'UTC': [2024],
}
EPOCH = datetime(1970, 1, 1)
HOUR = 3600


def local(zone, second):
    at = (EPOCH + timedelta(seconds=second)).replace(tzinfo=timezone.utc)
    return at.astimezone(zone).replace(tzinfo=None)


def seconds(naive):
    return int((naive - EPOCH).total_seconds())


def offset(zone, second):
    return seconds(local(zone, second)) - second


def change(zone, low, high):
    """The first second in (low, high] whose offset is not that at low."""
    while high - low > 1:
        middle = (low + high) // 2
        if offset(zone, middle) == offset(zone, low):
            low = middle
        else:
            high = middle
    return high


def transitions(zone, year):
    found, step = [], 6 * HOUR
    at, end = seconds(datetime(year, 1, 1)), seconds(datetime(year + 1, 1, 1))
    while at < end:
        if offset(zone, at) != offset(zone, at + step):
            found.append(change(zone, at, at + step))
        at += step
    return found


def instant(zone, wall):
    """The first second that shows `wall`, or else the first after the gap that it lies in."""
    want = seconds(wall)
    offsets = {offset(zone, want + h * HOUR // 2) for h in range(-80, 81)}
    hits = sorted(want - o for o in offsets if seconds(local(zone, want - o)) == want)
    if hits:
        return hits[0]
    low, high = want - 40 * HOUR, want + 40 * HOUR
    while high - low > 1:
        middle = (low + high) // 2
        if seconds(local(zone, middle)) < want:
            low = middle
        else:
            high = middle
    return high


def start(what, wall, ahead):
    day = datetime(wall.year, wall.month, wall.day)
    if what == 'day':
        return day + timedelta(days=ahead)
    if what == 'week':
        return day + timedelta(days=7 * ahead - day.weekday())
    return datetime(day.year + (day.month + ahead > 12), (day.month + ahead - 1) % 12 + 1, 1)


def rows(name, years):
    zone, dice = ZoneInfo(name), random.Random(name)
    points, walls = [], []
    for year in years:
        points.append(seconds(datetime(year, 1, 1)) + dice.randrange(365 * 24 * HOUR))
        for t in transitions(zone, year):
            points += [t - 1, t]
            before, after = local(zone, t - 1), local(zone, t)
            walls += [before + timedelta(seconds=1), before + (after - before) / 2, after - timedelta(seconds=1)]
            walls.append(datetime(after.year, after.month, after.day))
        walls.append(datetime(year, 7, 9, 12, 30))
    for number, t in enumerate(points):
        wall = local(zone, t)
        yield name, 'local', t * 1000 + 7, wall.strftime('%Y-%m-%d %H:%M:%S.007 ') + str(wall.weekday())
        for what in ('day', 'week', 'month') if number % 3 == 0 else ('day',):
            yield name, what, t * 1000 + 7, instant(zone, start(what, wall, 0)) * 1000
            following = instant(zone, start(what, wall, 1)) * 1000
            if following > t * 1000 + 7:   # a day may begin twice: tested by itself
                yield name, 'next ' + what, t * 1000 + 7, following
    for wall in sorted({w.replace(microsecond=0) for w in walls}):
        yield name, 'instant', wall.strftime('%Y-%m-%d %H:%M:%S'), instant(zone, wall) * 1000


for name, years in YEARS.items():
    for row in rows(name, years):
        print(*row, sep='\t')
