#include "sandbox/demo/demo_jobs.h"

namespace mig_sandbox {

// Only what every Debian has: sh, grep and awk. grep cuts the JSON into one token a line, awk follows the nesting.
std::string demo_plugin() {
  return R"PLUGIN(#!/bin/sh
# Turns a result document (standard input) into one line for each finding. All lines go to
# findings/JOB.ACTION_ID.txt in the runner's directory, some of the first to the log.
set -eu
job=${MIG_RUNNER_JOB:-unknown}
directory=$(dirname "$0")/../findings
mkdir -p "$directory"
file=$directory/$job.${MIG_RUNNER_ACTION_ID:-0}.txt

LC_ALL=C grep -aoE '"([^"\\]|\\.)*"|[][{}:,]|[^][{}:,"[:space:]]+' | LC_ALL=C awk '
  function text(token) {                   # a scalar without its quotes
    if (token !~ /^"/) return token
    token = substr(token, 2, length(token) - 2)
    gsub(/\\u003c/, "<", token); gsub(/\\u003e/, ">", token); gsub(/\\u0026/, "\\&", token)
    gsub(/\\\//, "/", token); gsub(/\\"/, "\"", token); gsub(/\\\\/, "\\", token)
    return token
  }
  function path(from,    i, p) {           # names from that level down, "commands" being level 1
    p = ""
    for (i = from; i <= depth; i++) p = p "/" name[i]
    return p
  }
  function finding(line) { found[++count] = line }
  function forget(    k) { for (k in value) delete value[k] }
  function end_of_object(    where) {      # value[] has the scalars of the object that ends
    where = path(5)                        # below commands/N/results/N
    if (where ~ /^\/elements\/[^\/]*\/[0-9]+\/fileinfo$/) { keep_mode = value["mode"]; keep_sum = value["sha256"] }
    else if (where ~ /^\/elements\/packages\/[0-9]+$/)
      finding(value["name"] " " value["version"])
    else if (where ~ /^\/elements\/listeningport\/[0-9]+\/[0-9]+$/)
      finding("listens on " value["localaddr"] " port " value["localport"])
    forget()
  }
  function scalar(token) {
    value[name[depth]] = text(token)
    if (path(1) ~ /^\/commands\/[0-9]+\/agent\/name$/) agent = text(token)
    if (path(5) ~ /^\/elements\/[^\/]*\/[0-9]+\/file$/) keep_file = text(token)
  }
  function end_of_element() {
    if (keep_file != "") finding(keep_file " " keep_mode (keep_sum != "" ? " sha256 " substr(keep_sum, 1, 12) ".." : ""))
    keep_file = keep_mode = keep_sum = ""
  }
  function end_of_command(    i) {
    for (i = 1; i <= count; i++) print agent ": " found[i]
    count = 0; agent = ""
  }
  function step() { if (kind[depth] == "[") name[depth]++ }
  # depth is the number of open brackets; kind[d] and name[d] are the bracket and the place in it.
  $0 == "{" || $0 == "[" { kind[++depth] = $0; name[depth] = $0 == "[" ? 0 : ""; key = ($0 == "{"); forget(); next }
  $0 == "}" || $0 == "]" {
    depth--
    if ($0 == "}") {
      end_of_object()
      if (path(5) ~ /^\/elements\/[^\/]*\/[0-9]+$/) end_of_element()
      if (path(1) ~ /^\/commands\/[0-9]+$/) end_of_command()
    }
    next
  }
  $0 == "," { step(); key = (kind[depth] == "{"); next }
  $0 == ":" { key = 0; next }
  key { name[depth] = text($0); next }
  { scalar($0) }
' > "$file"

total=$(wc -l < "$file")
machines=$(cut -d: -f1 "$file" | sort -u | wc -l)
awk -F: '!seen[$1]++' "$file" | head -n 3
echo "$total findings on $machines machines"
)PLUGIN";
}

}  // namespace mig_sandbox
