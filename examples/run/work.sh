#!/bin/sh
# Runs on the leader alone: zen-lead run worker -- ./work.sh
# It ends in good order on SIGTERM and Ctrl-C: what was begun is finished, nothing new begins.
ending=
trap 'ending=yes' TERM INT

step() {
	# Send the term with every write: a store that refuses a smaller one is safe also where this script stands still.
	echo "step $1 in term $ZEN_LEAD_TERM"
}

n=0
while [ -z "$ending" ]; do
	n=$((n + 1))
	step "$n"
	sleep 1
done
echo "ended in good order after $n steps"
