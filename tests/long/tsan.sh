#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# The recorder under ThreadSanitizer, with cameras that drop, cut, change their parameters and flood, epochs of a minute
# (keys, files and index change often), status and metrics read all the time. Seconds of load: $1 (120).
# Symbols are not looked up: that would start a process, which the recorder may not. addr2line reads what is reported.
set -u
seconds=${1:-120}
src=${LETHE_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
build=$src/build-test/tsan
dir=$(mktemp -d "${TMPDIR:-/tmp}/lethe-tsan.XXXXXX")
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    rm -rf "$dir"
}
trap cleanup EXIT
[ -f "$build/build.ninja" ] ||
    CC=clang CXX=clang++ meson setup "$build" "$src" -Db_sanitize=thread -Db_lundef=false >"$dir/setup.log" || exit 1
ninja --quiet -C "$build" lethe >"$dir/build.log" || { cat "$dir/build.log"; exit 1; }
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

cat >"$dir/faults" <<'EOF'
every 7s cam0-9 drop
every 11s cam10-19 param-change
every 5s cam20-24 cut
every 2s cam25 flood 1M
EOF
rtsp=$(port) web=$(port)
"${LETHE_BIN:-$src/build/lethe}" sim --port "$rtsp" --cameras 50 --scene noise --scenes 1 --scene-seconds 4 --size 320x240 \
    --bitrate 1M --fps 25 --faults "$dir/faults" >"$dir/sim.log" 2>&1 &
pids+=($!)
echo 'epoch_minutes: 1' >"$dir/lethe.yaml"
export TSAN_OPTIONS='symbolize=0 second_deadlock_stack=1 halt_on_error=0 exitcode=0'
"$build/lethe" serve --data "$dir/data" --config "$dir/lethe.yaml" --listen "127.0.0.1:$web" >"$dir/serve.log" 2>&1 &
serve=$!
pids+=("$serve")
until grep -q 'serve: ready' "$dir/serve.log"; do kill -0 $serve || { cat "$dir/serve.log"; exit 1; }; sleep 0.2; done
{ echo id,main; for i in {0..49}; do echo "cam-$i,rtsp://127.0.0.1:$rtsp/cam$i/main"; done; } >"$dir/cameras.csv"
"$build/lethe" camera import "$dir/cameras.csv" --data "$dir/data" >/dev/null || exit 1
end=$((SECONDS + seconds))
while [ $SECONDS -lt $end ]; do
    "$build/lethe" status --data "$dir/data" --json >"$dir/status.json"
    curl -fsS "http://127.0.0.1:$web/metrics" >/dev/null
    sleep 2
done
frames=$(jq '[.cameras[].frames_recorded] | add' "$dir/status.json")
kill -TERM $serve
wait $serve
code=$?
# libuv closes descriptors past the checker (by syscall), which then takes the next owner of the number for a rival.
found=$(awk '/^WARNING: ThreadSanitizer/ { open = 1; number = 0 } open && /Location is file descriptor/ { number = 1 }
    open && /^SUMMARY/ { open = 0; if (!number) races++ } END { print races + 0 }' "$dir/serve.log")
n=0 failed=0
check() { n=$((n + 1)); if [ "$2" = 1 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; failed=1; fi; }
check "frames were recorded ($frames)" $((frames > 1000))
check 'the node ended in order' $((code == 0))
check "no race ($found reports)" $((found == 0))
[ $failed = 0 ] || sed 's/^/# /' "$dir/serve.log"
echo "1..$n"
exit $failed
