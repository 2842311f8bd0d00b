# bash completion for mig-runner
# shellcheck shell=bash

# Names of the jobs in the tree of the configuration that the command line names.
_mig_runner_jobs() {
  local config=/etc/mig/runner.cfg directory entry i
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    [[ ${words[i]} == -c ]] && config=${words[i + 1]}
  done
  directory=$(sed -n 's/^[[:space:]]*directory[[:space:]]*=[[:space:]]*"\{0,1\}\([^";#]*\)"\{0,1\}.*/\1/p' "$config" 2>/dev/null | tail -n 1)
  for entry in "${directory%%*([[:space:]])}"/runners/*/entity.cfg; do
    [[ -e $entry ]] || continue
    entry=${entry%/entity.cfg}
    printf '%s\n' "${entry##*/}"
  done
}

# Names of the newest runs.
_mig_runner_runs() {
  local config=/etc/mig/runner.cfg i
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    [[ ${words[i]} == -c ]] && config=${words[i + 1]}
  done
  mig-runner history --plain -n 50 -c "$config" 2>/dev/null
}

_mig_runner() {
  local cur prev words cword
  _init_completion -n : || return
  local commands='run check list next render launch status history show results redeliver collect pause resume store init'
  local command='' i
  for ((i = 1; i < cword; i++)); do
    case ${words[i]} in
      -c) ((i++)) ;;
      -*) ;;
      *) command=${words[i]}; break ;;
    esac
  done

  case $prev in
    -c | --action) _filedir; return ;;
    --zone)
      mapfile -t COMPREPLY < <(compgen -W "$(awk '!/^#/ { print $3 }' /usr/share/zoneinfo/zone1970.tab 2>/dev/null)" -- "$cur")
      return ;;
    --state)
      local IFS=$'\n'
      mapfile -t COMPREPLY < <(compgen -W "$(printf '%s\n' due signed unknown posted stored delivered sent refused missed skipped invalid collect-failed undeliverable)" -- "$cur")
      return ;;
    --expr | -n | --from | --name | --validfrom | --expireafter | --last) return ;;
  esac

  local options='-c -h --help' jobs='' runs=''
  case $command in
    '') mapfile -t COMPREPLY < <(compgen -W "$commands -c -h --help -V --version" -- "$cur"); return ;;
    check) options+=' --online --strict --json' jobs=1 ;;
    list | status) options+=' --json --utc' ;;
    next) options+=' -n --expr --from --zone --utc --plain --json' jobs=1 ;;
    render) options+=' --action --text --name --validfrom --expireafter --json' jobs=1 ;;
    launch) options+=' --wait --json' jobs=1 ;;
    history) options+=' -n --state --plain --json --utc' jobs=1 ;;
    show) options+=' --json --utc' runs=1 ;;
    results) options+=' --last --changed --json --utc' jobs=1 ;;
    redeliver | collect) options+=' --json' runs=1 ;;
    pause | resume) options+=' --json' jobs=1 ;;
    store) options+=' --json'
      [[ $cur == -* ]] || { mapfile -t COMPREPLY < <(compgen -W 'init status migrate copy sqlite postgresql://' -- "$cur"); return; } ;;
    init) options+=' --json'; [[ $cur == -* ]] || { _filedir -d; return; } ;;
  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  elif [[ $jobs ]]; then
    local IFS=$'\n'
    mapfile -t COMPREPLY < <(compgen -W "$(_mig_runner_jobs)" -- "$cur")
  elif [[ $runs ]]; then
    local IFS=$'\n'
    mapfile -t COMPREPLY < <(compgen -W "$(_mig_runner_runs)" -- "$cur")
    declare -F __ltrim_colon_completions > /dev/null && __ltrim_colon_completions "$cur"
  fi
}

complete -F _mig_runner mig-runner
