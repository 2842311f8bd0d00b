# fish completion for mig-runner

# Names of the jobs in the tree of the configuration that the command line names.
function __mig_runner_jobs
    set -l config /etc/mig/runner.cfg
    set -l words (commandline -opc)
    set -l at (contains -i -- -c $words); and set -q words[(math $at + 1)]; and set config $words[(math $at + 1)]
    set -l directory (sed -n 's/^[[:space:]]*directory[[:space:]]*=[[:space:]]*"\{0,1\}\([^";#]*\)"\{0,1\}.*/\1/p' $config 2>/dev/null | tail -n 1 | string trim)
    for entry in $directory/runners/*/entity.cfg
        basename (dirname $entry)
    end
end

# Names of the newest runs.
function __mig_runner_runs
    set -l config /etc/mig/runner.cfg
    set -l words (commandline -opc)
    set -l at (contains -i -- -c $words); and set -q words[(math $at + 1)]; and set config $words[(math $at + 1)]
    mig-runner history --plain -n 50 -c $config 2>/dev/null
end

set -l commands run check list next render launch status history show results redeliver collect pause resume store init
set -l none "not __fish_seen_subcommand_from $commands"
set -l each "__fish_seen_subcommand_from"

complete -c mig-runner -f
complete -c mig-runner -s c -r -F -d configuration
complete -c mig-runner -s h -l help -d 'print help'
complete -c mig-runner -n $none -s V -l version -d 'print the version'

complete -c mig-runner -n $none -a run -d 'run the jobs at their times'
complete -c mig-runner -n $none -a check -d 'look for everything that is wrong'
complete -c mig-runner -n $none -a list -d 'list the jobs'
complete -c mig-runner -n $none -a next -d 'show when jobs are launched next'
complete -c mig-runner -n $none -a render -d 'print an action as it would be posted'
complete -c mig-runner -n $none -a launch -d 'launch a job now'
complete -c mig-runner -n $none -a status -d 'show the daemon and what is in flight'
complete -c mig-runner -n $none -a history -d 'show past runs'
complete -c mig-runner -n $none -a show -d 'show one run'
complete -c mig-runner -n $none -a results -d 'show findings'
complete -c mig-runner -n $none -a redeliver -d 'hand results to their plugin again'
complete -c mig-runner -n $none -a collect -d 'fetch results again'
complete -c mig-runner -n $none -a pause -d 'launch a job no more'
complete -c mig-runner -n $none -a resume -d 'launch a paused job again'
complete -c mig-runner -n $none -a store -d 'make, show, upgrade or copy the record of runs'
complete -c mig-runner -n $none -a init -d 'make a commented tree to start from'

complete -c mig-runner -n "$each check next render launch history results pause resume" -a '(__mig_runner_jobs)'
complete -c mig-runner -n "$each show redeliver collect" -a '(__mig_runner_runs)'
set -l what "$each store; and not $each init status migrate copy"
complete -c mig-runner -n $what -a init -d 'make the schema'
complete -c mig-runner -n $what -a status -d 'show its version'
complete -c mig-runner -n $what -a migrate -d 'bring an older one up to date'
complete -c mig-runner -n $what -a copy -d 'copy all history into a store that has none'
complete -c mig-runner -n "$each init" -a '(__fish_complete_directories)'
complete -c mig-runner -n "$each check list next render launch status history show results redeliver collect pause resume store init" -l json -d 'print JSON'
complete -c mig-runner -n "$each list next status history show results" -l utc -d 'show times in UTC'
complete -c mig-runner -n "$each check" -l online -d 'ask the API and the database too'
complete -c mig-runner -n "$each check" -l strict -d 'exit 1 for warnings too'
complete -c mig-runner -n "$each next history" -s n -x -d 'how many'
complete -c mig-runner -n "$each next" -l expr -x -d 'a cron expression'
complete -c mig-runner -n "$each next" -l from -x -d 'times later than this'
complete -c mig-runner -n "$each next" -l zone -x -d 'time zone' -a '(awk \'!/^#/ { print $3 }\' /usr/share/zoneinfo/zone1970.tab 2>/dev/null)'
complete -c mig-runner -n "$each next history" -l plain -d 'only times or runs, one a line'
complete -c mig-runner -n "$each history" -l state -x -d 'only runs in this state' -a 'due signed unknown posted stored delivered sent refused missed skipped invalid collect-failed undeliverable'
complete -c mig-runner -n "$each render" -l action -r -F -d 'a file instead of a job'
complete -c mig-runner -n "$each render" -l text -d 'the bytes that would be signed'
complete -c mig-runner -n "$each render" -l name -x -d 'name of the action'
complete -c mig-runner -n "$each render" -l validfrom -x -d 'instead of a minute ago'
complete -c mig-runner -n "$each render" -l expireafter -x -d 'instead of the expiry from now'
complete -c mig-runner -n "$each launch" -l wait -d 'follow it to its delivery'
complete -c mig-runner -n "$each results" -l last -x -d 'how many runs'
complete -c mig-runner -n "$each results" -l changed -d 'what differs from the run before'
