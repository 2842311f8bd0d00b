# fish completion for mig-sandbox

set -l none 'not __fish_seen_subcommand_from serve demo'
set -l serve '__fish_seen_subcommand_from serve'
set -l demo '__fish_seen_subcommand_from demo'

complete -c mig-sandbox -f
complete -c mig-sandbox -s h -l help -d 'print help'
complete -c mig-sandbox -n $none -s V -l version -d 'print the version'
complete -c mig-sandbox -n $none -a serve -d 'serve a MIG API on loopback'
complete -c mig-sandbox -n $none -a demo -d 'show the main job of mig-runner'

complete -c mig-sandbox -n $serve -l listen -x -d 'where, on loopback'
complete -c mig-sandbox -n $serve -l port-file -r -F -d 'file that gets the port'
complete -c mig-sandbox -n $serve -l public-key -r -F -d 'public key of an investigator'
complete -c mig-sandbox -n $serve -l api-key -x -d 'key that is let in'
complete -c mig-sandbox -n $serve -l limited-api-key -x -d 'key that may only search'
complete -c mig-sandbox -n $serve -l token-duration -x -d 'how far a time may be off'
complete -c mig-sandbox -n $serve -l scheduler-delay -x -d 'from the expiry until commands are ended'
complete -c mig-sandbox -n $serve -l tls-cert -r -F -d 'PEM file: serve HTTPS'
complete -c mig-sandbox -n $serve -l tls-key -r -F -d 'PEM file'
complete -c mig-sandbox -n $serve -l state -r -F -d 'SQLite file that keeps actions'
complete -c mig-sandbox -n $serve -l fault -x -d 'a fault from the start' -a '500 401 html html-after latency hang reset-before reset-inside reset-after answer-lost cut-json broken-json unstable-pages exponent-ids stored-500 orphan other-action preparing late-answers deep-answer huge-answer'
complete -c mig-sandbox -n $serve -l no-local-agent -d 'no agent on this machine'
complete -c mig-sandbox -n $serve -l agents -x -d 'simulated agents'
complete -c mig-sandbox -n $serve -l seed -x -d 'what all follows from'
complete -c mig-sandbox -n $serve -l away -x -d 'part that is away'
complete -c mig-sandbox -n $serve -l late -x -d 'part that answers late'
complete -c mig-sandbox -n $serve -l failed -x -d 'part that fails'
complete -c mig-sandbox -n $serve -l silent -x -d 'part that never comes'
complete -c mig-sandbox -n $serve -l speed -x -d 'divides the time to answer'

complete -c mig-sandbox -n $demo -l runner -r -F -d 'the mig-runner program'
complete -c mig-sandbox -n $demo -a '(__fish_complete_directories)'
