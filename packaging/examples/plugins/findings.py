#!/usr/bin/python3
"""A plugin for mig-runner in Python: posts what agents found to a collector, as JSON.

FINDINGS_URL in the service's environment names the collector. mig-runner-plugin(7) tells what a plugin gets and what its
exit status means.
"""

import json
import os
import sys
import urllib.error
import urllib.request

TRY_LATER = 75  # does not count as a failure of the plugin
TIMEOUT = 30  # seconds; well below plugintimeout


def findings(document):
    """One record for each agent that found something."""
    for command in document["commands"] or []:
        results = command.get("results") or []
        if any(result.get("foundanything") for result in results):
            yield {"agent": command["agent"]["name"], "status": command["status"], "results": results}


def main():
    url = os.environ.get("FINDINGS_URL")
    if not url:
        sys.exit("FINDINGS_URL is not set")  # exit status 1: a failure
    document = json.load(sys.stdin)
    body = {
        # The same for every delivery of this result: the collector can replace what it has of it.
        "id": os.environ["MIG_RUNNER_ACTION_ID"],
        "job": os.environ["MIG_RUNNER_JOB"],
        "time": os.environ["MIG_RUNNER_NOMINAL_TIME"],
        "complete": os.environ["MIG_RUNNER_COMPLETE"] == "true",
        "findings": list(findings(document)),
    }
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    try:
        urllib.request.urlopen(request, timeout=TIMEOUT).close()
    except urllib.error.HTTPError as error:
        print(f"the collector says {error.code} {error.reason}", file=sys.stderr)
        sys.exit(TRY_LATER if error.code >= 500 else 1)
    except OSError as error:  # no connection, or it hangs
        print(f"the collector cannot be reached: {error}", file=sys.stderr)
        sys.exit(TRY_LATER)
    print(f"{len(body['findings'])} agents found something")


if __name__ == "__main__":
    main()
