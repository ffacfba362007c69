#!/bin/sh
# Runs a part so that it cannot outlive the process that started it, not even when that one is killed with -9.
#   watchdog.sh <folder> <command> [args...]      file descriptor 3: a pipe that only the starter holds open
# The command replaces this shell, so its pid is the pid that was spawned, which also leads the process group.
# The subshell below waits for the end of the pipe and then ends what is left of the group.
# Every process of the group holds a shared lock on <folder>: a process that gets it exclusively knows that nothing is left.
exec 9<"$1"
flock --shared 9
shift
(
  trap '' TERM INT HUP
  exec 9<&-
  read -r _ <&3
  kill -TERM -$$ 2>/dev/null
  tenths=0
  while kill -0 $$ 2>/dev/null && [ "$tenths" -lt 150 ]; do
    sleep 0.1
    tenths=$((tenths + 1))
  done
  kill -KILL -$$ 2>/dev/null
) >/dev/null 2>&1 </dev/null &
exec "$@" 3<&-
