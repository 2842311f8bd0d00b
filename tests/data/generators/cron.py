"""The grammar of a cron expression, and whether it fits a wall clock time. Written apart from src/cron, and plainly."""

import calendar
import datetime

MONTHS = [name.lower() for name in calendar.month_name[1:]]
DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
# name, lowest, highest of * and a/n, highest that may be written, names
KINDS = {
    "second": (0, 59, 59, []),
    "minute": (0, 59, 59, []),
    "hour": (0, 23, 23, []),
    "day": (1, 31, 31, []),
    "month": (1, 12, 12, MONTHS),
    "week day": (0, 6, 7, DAYS),
    "year": (1970, 2099, 2099, []),
}
NICKNAMES = {
    "@annually": "0 0 1 1 *",
    "@yearly": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class Refused(Exception):
    pass


def number(kind, text):
    low, _, highest, names = KINDS[kind]
    if text.isascii() and text.isdigit() and low <= int(text) <= highest:
        return int(text)
    for i, name in enumerate(names):
        if text in (name, name[:3]):
            return low + i
    raise Refused(f"{kind}: {text}")


class Field:
    """One field: the numbers that it lists, and the days that depend on the month."""

    def __init__(self, kind, text):
        self.kind = kind
        self.numbers = set()
        self.special = set()  # ("L",), ("LW",), ("W", n), ("L", n), ("#", n, k)
        self.begins_with_wildcard = text[0] in "*?"
        self.restricted = True
        for item in text.split(","):
            self.read(item)

    def read(self, item):
        low, high, _, _ = KINDS[self.kind]
        if self.read_special(item):
            return
        text, slash, step = item.partition("/")
        if slash:
            if not (step.isascii() and step.isdigit() and 1 <= int(step) <= high - low + 1):
                raise Refused(f"{self.kind}: step {step}")
            step = int(step)
        if text in ("*", "?"):
            if not slash:
                self.restricted = False
            first, last = low, high
        elif "-" in text:
            first, last = (number(self.kind, end) for end in text.split("-", 1))
            if last < first:
                raise Refused(f"{self.kind}: {text} is reversed")
        else:
            first = last = number(self.kind, text)
            if slash:
                first, last = (low if first > high else first), high
        values = range(first, last + 1, step or 1)
        self.numbers.update(value % 7 for value in values) if self.kind == "week day" else self.numbers.update(values)

    def read_special(self, item):
        if self.kind == "day" and item in ("l", "lw"):
            self.special.add((item.upper(),))
        elif self.kind == "day" and item.endswith("w"):
            self.special.add(("W", number("day", item[:-1])))
        elif self.kind == "week day" and item.endswith("l"):
            self.special.add(("L", number("week day", item[:-1]) % 7))
        elif self.kind == "week day" and "#" in item:
            day, _, which = item.partition("#")
            if which not in ("1", "2", "3", "4", "5"):
                raise Refused(f"week day: {item}")
            self.special.add(("#", number("week day", day) % 7, int(which)))
        else:
            return False
        return True


def nearest_working_day(date):
    """The day from Monday to Friday that is nearest to the date, in the same month."""
    near = [date + datetime.timedelta(days=n) for n in (0, -1, 1, -2, 2)]
    return next(day for day in near if day.month == date.month and day.weekday() < 5)


class Expression:
    def __init__(self, text):
        pieces = text.lower().split()
        if len(pieces) == 1 and pieces[0].startswith("@"):
            if pieces[0] not in NICKNAMES:
                raise Refused(text)
            pieces = NICKNAMES[pieces[0]].split()
        if not 5 <= len(pieces) <= 7:
            raise Refused(f"{len(pieces)} fields")
        # Five begin with the minute; six end with the year; seven begin with the second.
        self.is_interval = any(piece[0] in "*?" for piece in pieces[: 3 if len(pieces) == 7 else 2])
        if len(pieces) < 7:
            pieces.insert(0, "0")
        if len(pieces) < 7:
            pieces.append("*")
        fields = [Field(kind, piece) for kind, piece in zip(KINDS, pieces)]
        self.second, self.minute, self.hour, self.day, self.month, self.week_day, self.year = fields

    def fits_month_day(self, date):
        length = calendar.monthrange(date.year, date.month)[1]
        if date.day in self.day.numbers:
            return True
        for special in self.day.special:
            if special == ("L",) and date.day == length:
                return True
            if special == ("LW",):
                working = [d for d in range(1, length + 1) if date.replace(day=d).weekday() < 5]
                if date.day == working[-1]:
                    return True
            if special[0] == "W" and special[1] <= length and date == nearest_working_day(date.replace(day=special[1])):
                return True
        return False

    def fits_week_day(self, date):
        length = calendar.monthrange(date.year, date.month)[1]
        day = date.isoweekday() % 7
        if day in self.week_day.numbers:
            return True
        return ("L", day) in self.week_day.special and date.day > length - 7 or (
            "#",
            day,
            (date.day + 6) // 7,
        ) in self.week_day.special

    def fits_date(self, date):
        if date.year not in self.year.numbers or date.month not in self.month.numbers:
            return False
        fits = self.fits_month_day(date), self.fits_week_day(date)
        return any(fits) if self.day.restricted and self.week_day.restricted else all(fits)

    def fits_time(self, hour, minute, second):
        return hour in self.hour.numbers and minute in self.minute.numbers and second in self.second.numbers
