#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masked view on generated scenes, judged on its pixels: nobody is seen in what it shows."""
import json
import os

from harness import check, finish, run

KEYS = ["cameras_per_core", "transcode_ratio", "person_miss_rate", "track_leak_rate",
        "exposed_seconds_per_person_hour", "false_mask_area"]


def bench(*args):
    p = run("bench", "mask", "--json", *args, timeout=560)
    return json.loads(p.stdout) if p.returncode == 0 else {"error": p.stderr}


def main():
    said = bench("--models", "none", "--scene", "seated", "--scene", "empty-first", "--seconds", "75", "--no-speed")
    check("error" not in said, "it runs", said.get("error"))
    for r in said["runs"]:
        check(r["state"] == "declared" and r["shown_frames"] > 300, f"{r['name']}: the place is learnt and shown",
              f"{r['state']}: {r['reason']}, {r['shown_frames']} of {r['frames']}")
        check(r["person_frames"] > 200 and r["missed_frames"] == 0, f"{r['name']}: nobody is seen",
              f"{r['missed_frames']} of {r['person_frames']}")
    seated = said["runs"][0]
    check(seated["still_person_frames"] > 0 and seated["still_person_missed_frames"] == 0,
          "who sits still does not fade in")
    check(seated["false_mask_area"] < 0.1, "what is masked for nothing is little", seated["false_mask_area"])

    # the person is on the picture from the start, and nobody says that the place is empty: no plate without blocks
    said = bench("--models", "none", "--scene", "street", "--seconds", "20", "--no-speed")
    r = said["runs"][0]
    check(r["state_frames"]["declared"] == 0 and r["state_frames"]["detector"] == 0,
          "a place that nobody declared empty is not shown as one", r["state_frames"])

    said = bench("--models", "none", "--scene", "seated", "--seconds", "10")
    check(all(k in said for k in KEYS), "all keys are there", sorted(said))
    check(said.get("transcode_ratio", 0) > 0 and said["speed"][0]["frames"] > 40, "speed beside FFmpeg", said.get("speed"))

    for args, says in [(("--scene", "moon"), "--scene moon"), (("/nowhere.mp4",), "nowhere.mp4"),
                       (("--truth", "/nowhere.json"), "nowhere.json"), (("--models", "/nowhere"), "/nowhere")]:
        p = run("bench", "mask", "--no-speed", *args)
        check(p.returncode != 0 and says in p.stderr, f"refused in a sentence: {' '.join(args)}", p.stderr)
    finish()


os.environ.setdefault("LETHE_DATA", "/nonexistent")
main()
