"""An action as the original reads, signs and posts it (docs/protocol.md, "The action"). Written apart from src/mig."""

import datetime
import math

from generators import go_json
from generators.go_json import Number, Refused

NO_TIME = "0001-01-01T00:00:00Z"
TEXT, FLOAT, UINT16, TIME, BOOL = "string", "float64", "uint16", "time", "bool"
DESCRIPTION = {"author": TEXT, "email": TEXT, "url": TEXT, "revision": FLOAT}
THREAT = {"ref": TEXT, "level": TEXT, "family": TEXT, "type": TEXT}


def kind_of(value):
    if isinstance(value, bool):
        return "bool"
    return {Number: "number", str: "string", list: "array", dict: "object"}[type(value)]


def mismatch(value, where, type_name, shown=""):
    place = f"Go struct field {where}" if where else "Go value"
    return Refused(f"json: cannot unmarshal {kind_of(value)}{shown} into {place} of type {type_name}")


def field(document, name, where, type_name, default):
    """The last value of that name in any case; null leaves the default."""
    found = [value for key, value in document.items() if key.casefold() == name]
    value = found[-1] if found else None
    if value is None:
        return default
    if type_name == TIME:
        return time_text(value)
    wanted = {TEXT: str, FLOAT: Number, UINT16: Number, BOOL: bool}[type_name]
    if type(value) is not wanted:
        raise mismatch(value, where, type_name)
    if type_name == UINT16 and not (value.isdigit() and int(value) < 2**16):
        raise mismatch(value, where, type_name, " " + value)
    if wanted is Number:
        return to_float(value, where)
    return value


def to_float(value, where):
    if math.isinf(float(value)):
        raise mismatch(value, where, "float64", " " + value)
    return float(value)


def time_text(value):
    try:
        datetime.datetime.fromisoformat(value)
        return value
    except ValueError:
        layout = '\\"2006-01-02T15:04:05Z07:00\\"'
        raise Refused(f'parsing time "\\"{value}\\"" as "{layout}": cannot parse "{value}\\"" as "2006"') from None


def check_numbers(value, where):
    if isinstance(value, Number):
        to_float(value, where)
    for child in value if isinstance(value, list) else value.values() if isinstance(value, dict) else []:
        check_numbers(child, where)


def nested(document, name, type_name):
    found = [value for key, value in document.items() if key.casefold() == name and value is not None]
    value = found[-1] if found else {}
    if not isinstance(value, dict):
        raise mismatch(value, f"Action.{name}", type_name)
    return value


class Action:
    def __init__(self, text):
        document = go_json.Reader(text).document()
        if document is None:
            document = {}
        if not isinstance(document, dict):
            raise mismatch(document, "", "mig.Action")
        self.id = field(document, "id", "Action.id", FLOAT, 0.0)
        self.name = field(document, "name", "Action.name", TEXT, "")
        self.target = field(document, "target", "Action.target", TEXT, "")
        description = nested(document, "description", "mig.Description")
        self.description = {
            name: field(description, name, f"Description.description.{name}", kind, None)
            for name, kind in DESCRIPTION.items()
        }
        threat = nested(document, "threat", "mig.Threat")
        self.threat = {name: field(threat, name, f"Threat.threat.{name}", kind, None) for name, kind in THREAT.items()}
        self.validfrom = field(document, "validfrom", "", TIME, NO_TIME)
        self.expireafter = field(document, "expireafter", "", TIME, NO_TIME)
        self.operations = self.read_operations(document)
        self.signatures = next((v for k, v in document.items() if k.casefold() == "pgpsignatures"), None)
        self.syntaxversion = int(field(document, "syntaxversion", "Action.syntaxversion", UINT16, 0))

    def read_operations(self, document):
        found = [value for key, value in document.items() if key.casefold() == "operations"]
        operations = found[-1] if found else None
        if operations is None:
            return None
        if not isinstance(operations, list):
            raise mismatch(operations, "Action.operations", "[]mig.Operation")
        return [self.read_operation(operation or {}) for operation in operations]

    def read_operation(self, operation):
        parameters = [value for key, value in operation.items() if key.casefold() == "parameters"]
        parameters = parameters[-1] if parameters else None
        check_numbers(parameters, "Operation.operations.parameters")
        where = "Operation.operations."
        return {
            "module": field(operation, "module", where + "module", TEXT, ""),
            "parameters": parameters,
            "is_compressed": field(operation, "is_compressed", where + "is_compressed", BOOL, False),
            "want_compressed": field(operation, "want_compressed", where + "want_compressed", BOOL, False),
        }

    def operations_text(self):
        if self.operations is None:
            return "null"
        texts = []
        for operation in self.operations:
            text = f'{{"module":{go_json.string(operation["module"])},"parameters":{go_json.text_of(operation["parameters"])}'
            for name in ("is_compressed", "want_compressed"):
                text += f',"{name}":true' if operation[name] else ""
            texts.append(text + "}")
        return "[" + ",".join(texts) + "]"

    def signed_text(self):
        return (
            f"name={self.name};target={self.target};validfrom={seconds(self.validfrom)};"
            f"expireafter=%!s(int64={seconds(self.expireafter)});operations={self.operations_text()};"
        )

    def document(self, **server):
        """What is posted, or with `server` (id, status and times) what the API stores and shows at once."""
        at = {name: server.get(name, NO_TIME) for name in ("starttime", "finishtime", "lastupdatetime")}
        status = f'"status":{go_json.string(server["status"])},' if "status" in server else ""
        return (
            f'{{"id":{server.get("id", 0)},"name":{go_json.string(self.name)},"target":{go_json.string(self.target)},'
            f'"description":{sparse(self.description)},"threat":{sparse(self.threat)},'
            f'"validfrom":"{self.validfrom}","expireafter":"{self.expireafter}",'
            f'"operations":{self.operations_text()},"pgpsignatures":{go_json.text_of(self.signatures)},{status}'
            + "".join(f'"{name}":"{time}",' for name, time in at.items())
            + f'"counters":{{}},"syntaxversion":{self.syntaxversion}}}'
        )


def sparse(fields):
    """An object without the fields that are empty."""
    parts = [
        f'"{name}":{go_json.string(value) if isinstance(value, str) else go_json.number(value)}'
        for name, value in fields.items()
        if value
    ]
    return "{" + ",".join(parts) + "}"


def seconds(text):
    whole = datetime.datetime.fromisoformat(text[:19]).replace(tzinfo=datetime.timezone.utc)
    return int(whole.timestamp())
