# bash completion for mig-sandbox
# shellcheck shell=bash

_mig_sandbox() {
  local cur prev words cword
  _init_completion -n : || return
  local command='' i
  for ((i = 1; i < cword; i++)); do
    [[ ${words[i]} == -* ]] || { command=${words[i]}; break; }
  done

  case $prev in
    --port-file | --public-key | --tls-cert | --tls-key | --state | --runner) _filedir; return ;;
    --listen | --api-key | --limited-api-key | --token-duration | --scheduler-delay | --agents | --seed | --away | --late | --failed | --silent | --speed) return ;;
    --fault)
      mapfile -t COMPREPLY < <(compgen -W '500 401 html html-after latency hang reset-before reset-inside reset-after answer-lost cut-json broken-json unstable-pages exponent-ids stored-500 orphan other-action preparing late-answers deep-answer huge-answer' -- "$cur")
      return ;;
  esac

  case $command in
    '') mapfile -t COMPREPLY < <(compgen -W 'serve demo -h --help -V --version' -- "$cur") ;;
    serve)
      mapfile -t COMPREPLY < <(compgen -W '-h --help --listen --port-file --public-key --api-key --limited-api-key --token-duration --scheduler-delay --tls-cert --tls-key
        --state --fault --no-local-agent --agents --seed --away --late --failed --silent --speed' -- "$cur") ;;
    demo)
      if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-h --help --runner' -- "$cur")
      else
        _filedir -d
      fi ;;
  esac
}

complete -F _mig_sandbox mig-sandbox
