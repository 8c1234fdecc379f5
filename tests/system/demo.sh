#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# `make demo` ends in recording cameras, shows its address, and leaves nothing behind when it is interrupted.
set -u
n=0 failed=0
check() { # NAME COMMAND…
    local name=$1
    shift
    n=$((n + 1))
    if "$@"; then echo "ok $n - $name"; else echo "not ok $n - $name" && failed=1; fi
}
log=$TMPDIR/demo.log
PORT=18080 env --default-signal=INT setsid "$LETHE_SRC/scripts/demo" >"$log" 2>&1 &
demo=$!
for ((i = 0; i < 900; i++)); do
    grep -q 'Ctrl-C stops' "$log" && break
    kill -0 $demo 2>/dev/null || break
    sleep 0.1
done
address=$(sed -n 's,.*for later *\(http.*\),\1,p' "$log")
check 'an address is printed' test -n "$address"
page() { curl -fsSL "${address/localhost/127.0.0.1}" | grep -qi '<html\|<!doctype'; }
check 'the page answers' page
folder=$(sed -n 's,.*removes \(.*\)\.$,\1,p' "$log")
check 'four cameras have files' test "$(find "$folder/data/recordings" -name '*.mp4' 2>/dev/null | wc -l)" -ge 4
kill -INT $demo
wait $demo
check 'the folder is gone' test ! -e "${folder:-/nonexistent}"
none_left() { ! pgrep -f -- "$1" >/dev/null; } # not by bash -c: its own words would be found
check 'no process is left' none_left "${folder:-none}/data"
[ $failed = 0 ] || sed 's/^/# /' "$log"
echo "1..$n"
exit $failed
