#!/bin/sh
# A plugin for mig-runner in shell: one line per agent that found something, appended to findings/JOB.tsv in the
# runner's directory. Needs jq. mig-runner-plugin(7) tells what a plugin gets and what its exit status means.
set -eu

# A result may be delivered again (after a crash, or completed later): what is there of this action is replaced.
mkdir -p findings
table=findings/$MIG_RUNNER_JOB.tsv
touch "$table"
new=$(mktemp "findings/.$MIG_RUNNER_JOB.XXXXXX")
trap 'rm -f "$new"' EXIT

awk -F '\t' -v action="$MIG_RUNNER_ACTION_ID" '$2 != action' "$table" > "$new"
jq -r --arg time "$MIG_RUNNER_NOMINAL_TIME" --arg action "$MIG_RUNNER_ACTION_ID" '
  .commands[]
  | select(any(.results[]?; .foundanything))
  | [$time, $action, .agent.name, .status] | @tsv' >> "$new"
mv "$new" "$table"

# Standard output goes to the runner's log.
echo "$(grep -c "	$MIG_RUNNER_ACTION_ID	" "$table" || true) agents found something (complete: $MIG_RUNNER_COMPLETE)"
