"""gcfg.json: the values, or the error, that the original's reader of git-config syntax has for a text.

Written from docs/protocol.md, "Files", apart from src/config.
"""

import re


# A kind of file: its sections and variables, with the names and the order in which the answers show them.
KINDS = {
    "job": {"Configuration": {"Schedule": "", "Plugin": "", "Expiry": "", "SendOnly": False}},
    "runner": {
        "Runner": {"Directory": "", "CheckDirectory": 0},
        "Client": {"ClientConfPath": "", "Passphrase": "", "DelayResults": ""},
        "Logging": {
            **{name: "" for name in ("Mode", "Level", "File", "Host", "Protocol", "Facility")},
            **{"Port": 0, "MaxFileSize": 0},
        },
    },
    "client": {
        "API": {"URL": "", "SkipVerifyCert": False},
        "Homedir": "",
        "GPG": {"Home": "", "KeyID": "", "Keyserver": "", "UseAPIKeyAuth": ""},
        "Targets": {"Macro": None},
    },
}
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


class Refused(Exception):
    pass


class Reader:
    """Reads a text and tells `store(section, subsection, variable, value)` what it says."""

    def __init__(self, text, store):
        self.text = text.replace("\r", "")
        self.at = 0
        self.store = store

    def fail(self, what, at=None):
        before = self.text[: self.at if at is None else at].encode()
        line_begin = before.rfind(b"\n") + 1
        raise Refused(f"{before.count(10) + 1}:{len(before) - line_begin + 1}: {what}")

    def peek(self):
        return self.text[self.at : self.at + 1]

    def skip_blanks(self):
        while self.peek() in (" ", "\t"):
            self.at += 1

    def name(self):
        found = re.compile(r"[^\W\d_][\w-]*").match(self.text, self.at)
        if found:
            self.at = found.end()
        return found and found[0]

    def end_of_line(self):
        self.skip_blanks()
        return self.peek() in ("", "\n", ";", "#")

    def must_end_line(self):
        if not self.end_of_line():
            self.fail("expected EOL, EOF, or comment")

    def read(self):
        section, subsection = None, ""
        while self.at < len(self.text):
            if self.end_of_line():
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end + 1
            elif self.peek() == "[":
                section, subsection = self.header()
                self.store(section, subsection, None, None)
            else:
                self.assignment(section, subsection)

    def header(self):
        self.at += 1
        self.skip_blanks()
        section = self.name()
        if not section:
            self.fail("expected section name")
        self.skip_blanks()
        subsection = ""
        if self.peek() == '"':
            subsection = self.value(stop='"')
        if self.peek() != "]":
            self.fail("expected right bracket" if subsection else "expected subsection name or right bracket")
        self.at += 1
        self.must_end_line()
        return section, subsection

    def assignment(self, section, subsection):
        begin = self.at
        name = self.name()
        if not name:
            if self.peek() not in ("=", "]", '"'):
                self.fail(f"illegal character U+{ord(self.peek()):04X}" + self.shown())
            self.fail("expected section header or variable declaration" if section else "expected section header")
        if not section:
            self.fail("expected section header", begin)
        if self.end_of_line():
            self.store(section, subsection, name, None)
            return
        if self.peek() != "=":
            second_word = self.at
            if not self.name():
                self.fail(f"illegal character U+{ord(self.peek()):04X}" + self.shown())
            self.fail("expected '='", second_word)
        self.at += 1
        self.skip_blanks()
        self.store(section, subsection, name, self.value())

    def shown(self):
        return f" '{self.peek()}'" if self.peek().isprintable() and self.peek() != "\ufeff" else ""

    def value(self, stop=None):
        """To the end of the line, or of the quotes that `stop` names."""
        begin = self.at
        out, kept = "", 0  # `kept`: what trailing blanks must not be cut from
        quoted = False
        while True:
            char = self.peek()
            if char in ("", "\n") or (not quoted and char in (";", "#")):
                break
            self.at += 1
            if char == '"':
                quoted = not quoted
                kept = len(out)
                if stop and not quoted:
                    return out
            elif char == "\\":
                char = self.peek()
                if not quoted and char == "\n":
                    pass
                elif char in ESCAPES:
                    out += ESCAPES[char]
                    kept = len(out)
                else:
                    self.fail("unknown escape sequence")
                self.at += 1
            else:
                out += char
        if quoted:
            self.fail("string not terminated", begin)
        return out[:kept] + out[kept:].rstrip(" \t")


def as_integer(text, type_name):
    def fail(why):
        raise Refused(f'failed to parse "{text}" as {type_name}: {why}')

    if not text:
        fail("EOF")
    found = re.match(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)", text)
    if not found:
        fail("expected integer")
    if found.end() < len(text):
        fail(f'extra characters "{text[found.end() :]}"')
    number = int(found[0], 16 if "x" in found[0].lower() else 10)
    if not -(2**63) <= number < 2**63:
        fail(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def converted(variable, before, text):
    if isinstance(before, bool):
        if text is None:
            return True
        if text.lower() not in BOOLEANS:
            raise Refused(f"failed to parse bool `{text}`")
        return BOOLEANS[text.lower()]
    if variable == "Macro":
        return None if text is None else (before or []) + [text]
    if text is None:
        raise Refused("blank value not supported for type")
    if isinstance(before, int):
        return as_integer(text, "int64" if variable == "MaxFileSize" else "int")
    return text


def answer(kind, text):
    values = {name: dict(part) if isinstance(part, dict) else part for name, part in KINDS[kind].items()}
    unknown = []

    def named(names, wanted):
        return next((name for name in names if name.lower() == wanted.lower()), None)

    def store(section, subsection, variable, value):
        part = named(values, section)
        if not isinstance(values.get(part), dict):
            unknown.extend(2 * [f'can\'t store data at section "{section}"'])  # the original looks twice
        elif subsection:
            unknown.append(f'can\'t store data at section "{section}", subsection "{subsection}"')
        elif variable is not None:
            name = named(values[part], variable)
            if name is None:
                unknown.append(f'can\'t store data at section "{section}", variable "{variable}"')
            else:
                values[part][name] = converted(name, values[part][name], value)

    try:
        Reader(text, store).read()
        if unknown:
            raise Refused(("warning" if len(unknown) == 1 else "warnings") + ":\n" + "".join(f"{u}\n" for u in unknown))
        return {"value": values}
    except Refused as refusal:
        return {"error": str(refusal)}


def generate(committed):
    return [{"kind": case["kind"], "text": case["text"], **answer(case["kind"], case["text"])} for case in committed]
