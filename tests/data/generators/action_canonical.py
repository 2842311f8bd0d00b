"""action_canonical.json: the signed text and the posted document of an action file, or the error that it is."""

from generators.action import Action
from generators.go_json import Refused



def answer(case):
    try:
        action = Action(case["input"])
    except Refused as refusal:
        return {"signed": "", "posted": "", "error": str(refusal)}
    action.name, action.validfrom, action.expireafter = case["name"], case["validfrom"], case["expireafter"]
    action.syntaxversion = 2
    return {"signed": action.signed_text(), "posted": action.document()}


def generate(committed):
    inputs = ("input", "name", "validfrom", "expireafter")
    return [{**{name: case[name] for name in inputs}, **answer(case)} for case in committed]
