#!/bin/sh
# A cron for which one machine is enough, and two are too many: zen-lead run nightly -- ./cron.sh SECONDS COMMAND [ARGUMENT...]
# starts the command at each multiple of so many seconds, on the leader alone, never twice at once. A run that is under way when the
# lead ends is ended with it; the next leader does not make it up. Give the command $SLOT as the key of what it does: a store
# that knows the slot need not do it twice.
set -eu
every=$1
shift
while :; do
	now=$(date +%s)
	SLOT=$((now - now % every + every))
	export SLOT
	sleep $((SLOT - now))
	"$@" || echo "the run of $SLOT failed with $?" >&2
done
