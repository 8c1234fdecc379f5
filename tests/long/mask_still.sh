#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Somebody sits on a bench for half an hour, once in a place declared empty and, where models are, once with detectors:
# not one picture may show them. Prints TAP.
set -eu
lethe=${LETHE_BIN:-build/lethe}
out=$("$lethe" bench mask --scene seated --seconds 1800 --models "${LETHE_MODELS:-none}" --no-speed --json)
echo "$out" | jq -r '.runs[] | select(.still_person_frames > 15000 and .missed_frames == 0)
    | "ok - half an hour seated, \(.state): 0 of \(.still_person_frames)"'
echo "$out" | jq -r '.runs[] | select(.still_person_frames <= 15000 or .missed_frames != 0)
    | "not ok - half an hour seated, \(.state): \(.missed_frames) missed, \(.still_person_frames) judged"'
echo "$out" | jq -e 'all(.runs[]; .still_person_frames > 15000 and .missed_frames == 0)' >/dev/null
