"""duration.json: how many nanoseconds a text is as a Go duration, or null for an error."""

import re
from fractions import Fraction

UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
LARGEST = 2**63 - 1


def nanoseconds(text):
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":  # the one number that needs no unit
        return 0
    if not rest:
        return None
    total = 0
    while rest:
        part = PART.match(rest)
        if not part or not (part[1] or part[2]):
            return None
        number = Fraction(int(part[1] or 0)) + Fraction(int(part[2] or 0), 10 ** len(part[2] or ""))
        total += int(number * UNITS[part[3]])  # below a nanosecond it is cut off
        rest = rest[part.end() :]
    if total > LARGEST + negative:
        return None
    return -total if negative else total


def generate(committed):
    return [{"in": case["in"], "ns": nanoseconds(case["in"])} for case in committed]
