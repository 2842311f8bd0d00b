"""api_transcript*.json: recordings of a real API. They cannot be made again; what follows from the requests can.

Computed: lengths, addresses, and the whole answer to an action that was posted. Checked: every token and every signature.
"""

import json
import pathlib
import urllib.parse

from generators import go_json, openpgp
from generators.action import Action

VECTORS = pathlib.Path(__file__).parent.parent / "vectors"
# What an action shows that the scheduler has not taken up.
STORED = {
    "status": "pending",
    "starttime": "0009-01-11T11:11:11.000000011Z",
    "finishtime": "9998-01-11T11:11:11.000000011Z",
    "lastupdatetime": "0009-01-11T11:11:11.000000011Z",
}
AFTER_THE_CHECKS = "Failed to store signature: "  # the database's own faults do not follow from the request


def header(exchange, name):
    return next((value for key, value in exchange["request_headers"].items() if key.lower() == name), None)


def collection(exchange):
    return json.loads(exchange["response_body"])["collection"] if exchange["response_body"][:1] == "{" else None


def address_of(exchange):
    """http://HOST of the API that was recorded."""
    return "/".join(collection(exchange)["href"].split("/")[:3])


def check_token(key, exchange):
    token = header(exchange, "x-pgpauthorization")
    if token is None:
        return
    text, _, signature = token.rpartition(";")
    try:
        key.verify(text + "\n", signature)
        verified = True
    except openpgp.Refused:
        verified = False
    if verified == (exchange["status"] == 401):
        raise ValueError(f"status {exchange['status']}, but the token is {'right' if verified else 'wrong'}: {token}")


def stored_actions(value):
    """Every action with signatures, at any depth, as the text that Action reads."""
    if isinstance(value, dict) and value.get("pgpsignatures"):
        yield json.dumps(value)
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from stored_actions(child)


def check_stored(key, exchange):
    for text in stored_actions(collection(exchange)):
        action = Action(text)
        key.verify(action.signed_text(), action.signatures[0])


def refusal(key, action):
    """Why the API does not take an action; None if it does."""
    if not action.name:
        return "action name is empty"
    if not action.signatures:
        return "action pgpsignatures is empty"
    if action.expireafter < action.validfrom:
        return "action expireafter is set before action validfrom"
    try:
        if key.verify(action.signed_text(), action.signatures[0]) < key.size():
            return "VerifySignatures() -> openpgp: "  # a number that is shorter than the modulus
    except openpgp.Refused:
        return "VerifySignatures() -> openpgp: "
    return None


def answer_to_post(key, exchange):
    """The status and the body that follow from the posted form; the id is the recording's."""
    recorded = collection(exchange)
    form = urllib.parse.parse_qs(exchange["request_body"])
    try:
        action = Action(form.get("action", [""])[0])
        message = refusal(key, action)
    except go_json.Refused as refused:
        message = str(refused)
    error = recorded["error"]
    if message is None and error.get("message", "").startswith(AFTER_THE_CHECKS):
        message = error["message"]
    if message is not None:
        if message.startswith("VerifySignatures") and error.get("message", "").startswith(message):
            message = error["message"]  # its end is the API's OpenPGP's own
        error = f'{{"code":"{error.get("code")}","message":{go_json.string(message)}}}'
        return 500, f'{{"collection":{{"version":"1.0","href":"{recorded["href"]}","template":{{}},"error":{error}}}}}'
    number = recorded["items"][0]["data"][0]["value"]["id"]
    item = (
        f'{{"href":"{address_of(exchange)}/api/v1/action?actionid={number}",'
        f'"data":[{{"name":"action ID {number}","value":{action.document(id=number, **STORED)}}}]}}'
    )
    return 202, (
        f'{{"collection":{{"version":"1.0","href":"{recorded["href"]}","items":[{item}],"template":{{}},"error":{{}}}}}}'
    )


def check_addresses(exchange):
    """The collection names the request, each item with an id the thing that it shows."""
    shown = collection(exchange)
    if shown["href"] != address_of(exchange) + exchange["path"]:
        raise ValueError(f"{shown['href']} answers {exchange['path']}")
    for item in shown.get("items", []):
        for data in item["data"]:
            if data["name"] in ("action", "command", "agent") and not item["href"].endswith(f"id={data['value']['id']}"):
                raise ValueError(f"{item['href']} shows {data['value']['id']}")


def computed(key, exchange):
    check_token(key, exchange)
    if collection(exchange) is not None:
        check_stored(key, exchange)
        check_addresses(exchange)
    again = json.loads(json.dumps(exchange))
    if exchange["method"] == "POST":
        again["status"], again["response_body"] = answer_to_post(key, exchange)
    for part in ("request", "response"):
        if "Content-Length" in again[part + "_headers"]:
            again[part + "_headers"]["Content-Length"] = str(len(again[part + "_body"].encode()))
    return again


def generate_of(name):
    def generate(committed):
        key = openpgp.Key((VECTORS / f"{name}_investigator.asc").read_text())
        return [computed(key, exchange) for exchange in committed]

    return generate
