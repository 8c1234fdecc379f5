#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# lethe mask on files: what it writes, what it says, what it refuses. A red box walks through a grey room.
set -u
n=0
check() { # NAME COMMAND…
    n=$((n + 1))
    if "${@:2}"; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}
cd "$TMPDIR" || exit 1
room="color=gray:s=320x180:r=10:d=24,noise=alls=6,drawgrid=w=40:h=30:c=black@0.3"
ffmpeg -v error -f lavfi -i "$room" -f lavfi -i 'color=red:s=24x70:r=10:d=24' \
    -filter_complex "overlay=x='40*(t-16)':y=60:enable='gt(t,16)'" \
    -c:v libx264 -preset veryfast -g 20 -pix_fmt yuv420p room.mp4 || exit 1
ffmpeg -v error -i room.mp4 -c:v libx265 -x265-params log-level=none -preset ultrafast -f hevc room.h265 || exit 1

mask() { "$LETHE_BIN" mask "$@"; }
json() { jq -es "$1" "$2" >/dev/null; }
# Highest V of any picture: a red pixel has 200 and more.
reddest() {
    ffmpeg -v fatal -i "$1" -vf signalstats,metadata=print:key=lavfi.signalstats.VMAX:file=- -fps_mode passthrough -f null - |
        sed -n 's/.*VMAX=//p' | sort -n | tail -1
}
hides_red() { [ "$(reddest "$1")" -lt 160 ]; }
decodes() { [ -z "$(ffmpeg -v error -i "$1" -fps_mode passthrough -f null - 2>&1)" ]; }

mask room.mp4 -o out.mp4 --models none --declared-empty --boxes boxes.jsonl --json >out.json
check 'keys and counts' json '.[0] | .frames == 240 and .covered_frames > 0 and .covered_frames < 120 and .state == "declared"
    and .covered_area > 0 and .covered_area < 1
    and ([.ms_per_frame | .decode, .plate, .draw, .encode, .detect] | all(type == "number"))' out.json
check 'the source is red' test "$(reddest room.mp4)" -gt 200
check 'no red pixel is left' hides_red out.mp4
check 'the output decodes' decodes out.mp4
check 'one line per frame' test "$(wc -l <boxes.jsonl)" = 240
check 'the box is an object' json '.[200].objects | length == 1 and .[0].class == "unknown"
    and .[0].box[0] < 0.5 and .[0].box[2] > 0.5 and .[0].motion[0] > 0' boxes.jsonl
check 'nothing before it came' json '.[150].objects | length == 0' boxes.jsonl

mask room.h265 -o out2.mp4 --models none --learn 5s --loop 2 --width 160 --fps 5 --json >out2.json
check 'raw H.265, two rounds, coarse' json '.[0] | .state == "mosaic" and .covered_frames == 0 and .frames > 40 and .frames < 60' out2.json
check 'no red pixel is left in a mosaic' hides_red out2.mp4
check 'width as asked' test "$(ffprobe -v error -show_entries stream=width -of csv=p=0 out2.mp4)" = 160

echo '[[[0,0],[1,0],[1,1],[0,1]]]' >zones.json
mask room.mp4 -o out3.mp4 --models none --declared-empty --zones zones.json --json >out3.json
check 'a zone over everything covers everything' json '.[0].covered_area == 1' out3.json
refused() { # SENTENCE ARGUMENTS…
    mask "${@:2}" 2>err && return 1
    grep -q "$1" err || { cat err; return 1; }
}
check 'an existing output is kept' refused 'exists already' room.mp4 -o out.mp4 --models none
check 'no such file' refused 'nosuch.mp4' nosuch.mp4 -o x.mp4 --models none
check 'zones that are none' refused 'polygons' room.mp4 -o x.mp4 --models none --zones <(echo '[[[0,2]]]')
head -c 3000 /dev/urandom >noise.mp4
check 'noise is no video' refused 'noise.mp4' noise.mp4 -o x.mp4 --models none
check 'nothing half is left' test ! -e x.mp4
exit 0
