"""JSON as Go's encoding/json reads and writes it: what it refuses in its words, and the bytes that it writes."""

import re
from decimal import Decimal

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Refused(Exception):
    pass


class Number(str):
    """A number as it is written; Go decides what it is when it knows the type to read it into."""


class Reader:
    """Gives dict, list, str, Number, bool and None. Of two equal keys the later counts."""

    def __init__(self, text):
        self.text = text
        self.at = 0

    def document(self):
        self.blanks()
        value = self.value()
        self.blanks()
        if self.at < len(self.text):
            self.unexpected("after top-level value")
        return value

    def unexpected(self, where):
        if self.at >= len(self.text):
            raise Refused("unexpected end of JSON input")
        first = chr(self.text[self.at :].encode("utf-8", "surrogatepass")[0])  # Go names a byte
        raise Refused(f"invalid character '{first}' {where}")

    def peek(self):
        return self.text[self.at : self.at + 1]

    def blanks(self):
        while self.peek() and self.peek() in " \t\r\n":
            self.at += 1

    def value(self):
        char = self.peek()
        if char == "{":
            return self.object()
        if char == "[":
            return self.array()
        if char == '"':
            return self.string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        number = NUMBER.match(self.text, self.at)
        if not number:
            self.unexpected("looking for beginning of value")
        self.at = number.end()
        return Number(number[0])

    def object(self):
        out = {}
        self.at += 1
        self.blanks()
        if self.peek() == "}":
            self.at += 1
            return out
        while True:
            if self.peek() != '"':
                self.unexpected("looking for beginning of object key string")
            key = self.string()
            self.blanks()
            if self.peek() != ":":
                self.unexpected("after object key")
            self.at += 1
            self.blanks()
            out.pop(key, None)
            out[key] = self.value()
            self.blanks()
            if self.peek() == "}":
                self.at += 1
                return out
            if self.peek() != ",":
                self.unexpected("after object key:value pair")
            self.at += 1
            self.blanks()

    def array(self):
        out = []
        self.at += 1
        self.blanks()
        if self.peek() == "]":
            self.at += 1
            return out
        while True:
            out.append(self.value())
            self.blanks()
            if self.peek() == "]":
                self.at += 1
                return out
            if self.peek() != ",":
                self.unexpected("after array element")
            self.at += 1
            self.blanks()

    def string(self):
        self.at += 1
        out = ""
        while self.peek() != '"':
            char = self.peek()
            if char < " ":
                self.unexpected("in string literal")
            self.at += 1
            if char == "\\":
                char = self.escape()
            out += char
        self.at += 1
        # Two halves of a pair become one character, a half by itself U+FFFD.
        return out.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def escape(self):
        char = self.peek()
        self.at += 1
        if char in SHORT:
            return SHORT[char]
        digits = self.text[self.at : self.at + 4]
        if char != "u" or not re.fullmatch("[0-9a-fA-F]{4}", digits):
            self.at -= 1
            self.unexpected("in string escape code")
        self.at += 4
        return chr(int(digits, 16))


def string(text):
    def escaped(char):
        if char in '"\\':
            return "\\" + char
        if char in "\n\r\t":
            return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
        if char < " " or char in "<>&\u2028\u2029":
            return f"\\u{ord(char):04x}"
        return char

    return '"' + "".join(map(escaped, text)) + '"'


def number(value):
    """A float with the fewest digits that give it back; without an exponent from 1e-6 to below 1e21."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, digits))
    stripped = digits.rstrip("0") or "0"
    point = len(digits) + exponent if stripped != "0" else 1  # how many digits stand before the point
    minus = "-" if sign else ""
    if value != 0 and not 1e-6 <= abs(value) < 1e21:
        fraction = "." + stripped[1:] if len(stripped) > 1 else ""
        return f"{minus}{stripped[0]}{fraction}e{point - 1:+d}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{stripped}"
    whole = stripped[:point].ljust(point, "0")
    fraction = "." + stripped[point:] if len(stripped) > point else ""
    return minus + whole + fraction


def text_of(value):
    """The compact form of what Reader gives, each number passed through a float and keys sorted."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Number):
        return number(float(value))
    if isinstance(value, str):
        return string(value)
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return "{" + ",".join(string(key) + ":" + text_of(value[key]) for key in sorted(value)) + "}"
