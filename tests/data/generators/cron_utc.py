"""cron_utc.json: the next six times of each expression, found day by day and second by second; and expressions refused."""

import datetime

from generators import cron

HOW_MANY = 6
LAST_YEAR = 2099


def times_of_day(expression):
    return [
        datetime.time(hour, minute, second)
        for hour in range(24)
        if hour in expression.hour.numbers
        for minute in range(60)
        if minute in expression.minute.numbers
        for second in range(60)
        if expression.fits_time(hour, minute, second)
    ]


def next_times(text, after):
    expression = cron.Expression(text)
    times = times_of_day(expression)
    found = []
    date = after.date()
    while date.year <= LAST_YEAR and len(found) < HOW_MANY:
        if expression.fits_date(date):
            at = (datetime.datetime.combine(date, time) for time in times)
            found += [time for time in at if time > after]
        date += datetime.timedelta(days=1)
    return [time.isoformat() + "Z" for time in found[:HOW_MANY]]


def is_refused(text):
    try:
        cron.Expression(text)
        return False
    except cron.Refused:
        return True


def generate(committed):
    valid = []
    for case in committed["valid"]:
        after = datetime.datetime.fromisoformat(case["from"].removesuffix("Z"))
        valid.append({"expr": case["expr"], "from": case["from"], "next": next_times(case["expr"], after)})
    return {"invalid": [text for text in committed["invalid"] if is_refused(text)], "valid": valid}
