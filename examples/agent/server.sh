#!/bin/sh
# A server of old, which runs on every member and cannot be changed: ./server.sh PORT
# serves the files of a folder that follows the lead. Here it is played by a loop that asks the sidecar once a second and says what it would do.
# An answer counts from before it was asked, for as long as it says.
url=http://127.0.0.1:${1:-4040}/leader
uptime_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

until=0
role=follower
while :; do
	asked=$(uptime_ms)
	answer=$(curl --silent --max-time 1 "$url") || answer=
	case $answer in
	*'"role":"leader"'*)
		valid=${answer##*\"validForMs\":}
		until=$((asked + ${valid%%[!0-9]*}))
		;;
	*) until=0 ;;
	esac
	was=$role
	if [ "$(uptime_ms)" -lt "$until" ]; then role=leader; else role=follower; fi
	[ "$role" = "$was" ] || echo "now $role: $answer"
	sleep 0.5
done
