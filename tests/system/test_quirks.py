#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every quirk of the simulator against the RTSP client: one camera each, all pictures must come, unchanged and in order."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from harness import LETHE, Sim, check, finish

DUMP = os.environ.get("RTSP_DUMP", str(pathlib.Path(LETHE).parent / "tests/system/rtsp_dump"))
SECONDS = {"exact": 4, "pictures": 4, "told": 10, "again": 20}  # a told one connects again and again
WORKERS = 8

# Nothing may be missing: every access unit, its NAL units and its borders are those that were sent.
EXACT = """
marker never; no-sr; sr wrong-ssrc; sr first; sr malformed; sr wrong-clock; interleaved swap; interleaved other;
interleaved single; transport avp; transport spaces; transport bad-ssrc; transport hostnames; transport order;
unknown-channel; crlf; early-rtp; split-timestamp; fu start-end; fu empty; fu type-change; fu reserved; stap; foreign-pt;
drift 200; sdp no-origin; sdp decimal-origin; sdp two-names; sdp bad-connection; sdp bad-time; sdp no-newline;
sdp vendor-media; sdp no-fmtp; sdp empty-fmtp; sdp bad-sprop; sdp annexb-sprop; sdp no-sprop; sdp one-sprop; sdp pt35;
sdp rate-space; sdp zero-rate; sdp absolute-control; sdp no-control; sdp slash-control; sdp base-control;
sdp wrong-direction; sdp lf-only; sdp fmtp-other-track; sdp mode0; content-base none; content-base no-scheme;
content-base double; content-base bare-ipv6; content-base wrong; content-base no-slash; cseq lower-case; cseq spaces;
cseq wrong; cseq none; reason empty; reason none; no-content-type; session changes; session no-timeout; session bad;
session spaces; public none; public no-get-parameter; no-parameter-methods; rtp-info none;
rtp-info semicolon; rtp-info bad-time; rtp-info zero; rtp-info one; rtp-info wrong-url; rtp-info extra; rtp-info lies;
needs range; needs user-agent; big-packets; annexb prefix; annexb joined
"""
# Events that cost nothing: once per second while playing.
HARMLESS = "garbage 300; ts-jump 1h; ts-back 10s; ts-once 1h; server-options; stray-reply; stale-data 20"
HARMLESS_FIRST = "stale-data 20"  # right after PLAY, before the first picture
# Only the pictures are compared: the quirk changes other NAL units, or where access units end, on purpose.
PICTURES = "marker always; trailing-zeros"
# Something is really missing; each hole must be told as loss or as a new connection.
TOLD = "seq-jump 1000; skip 10; cut; drop; reset; ssrc-change; bye; flood 1M; param-change"
# The camera falls silent and keeps the connection: after 10 s without a byte the client asks anew.
AGAIN = "expire"
UDP_EXACT = "transport no-server-port; transport zero-server-port; transport empty-source; big-packets; reorder 5%; duplicate 5%"
UDP_TOLD = "loss 2%"


def cases():
    for text, kind, udp, rule in ((EXACT, "exact", False, "always cam{} {}"), (HARMLESS, "exact", False, "every 1s cam{} {}"),
                                  (HARMLESS_FIRST, "exact", False, "after 0s cam{} {}"),
                                  (PICTURES, "pictures", False, "always cam{} {}"),
                                  (TOLD, "told", False, "every 1500ms cam{} {}"), (AGAIN, "again", False, "after 3s cam{} {}"),
                                  (UDP_EXACT, "exact", True, "always cam{} {}"), (UDP_TOLD, "told", True, "always cam{} {}")):
        for name in text.replace("\n", " ").split(";"):
            yield name.strip(), kind, udp, rule


CASES = list(cases())
folder = pathlib.Path(tempfile.mkdtemp(prefix="lethe-quirks-"))
script = folder / "faults.txt"
script.write_text("".join(rule.format(i, name) + "\n" for i, (name, _, _, rule) in enumerate(CASES)))
sim = Sim(folder, "--scene", "noise", "--scenes", 1, "--scene-seconds", 4, "--size", "320x240", "--fps", 15, "--gop", 15,
          "--slices", 3, "--bitrate", "500k", "--faults", script, cameras=len(CASES))


def dump(index):
    _, kind, udp, _ = CASES[index]
    with open(folder / f"{index}.jsonl", "w") as out:
        subprocess.run([DUMP, "-t", "udp" if udp else "tcp", "-s", str(SECONDS[kind]), sim.url(index)], stdout=out,
                       stderr=open(folder / f"{index}.log", "w"), timeout=60)
    return [json.loads(line) for line in open(folder / f"{index}.jsonl") if line.endswith("}\n")]


def pictures(nals):
    return [n for n in nals if n.split(":")[0] in ("1", "5")]


def hashes(nals):
    return [n.split(":")[1] for n in nals]


def judge_exact(events, sent):
    got = [hashes(e["nals"]) for e in events if "au" in e]
    want = [[n["sha256"] for n in u["nals"]] for u in sent]
    if any(e.get("state") == "waiting" for e in events):
        return "it lost the connection: " + next(e["why"] for e in events if e.get("state") == "waiting")
    if len(got) < 20:
        return f"only {len(got)} access units"
    for i, unit in enumerate(got):
        if i >= len(want) or unit != want[i]:
            return f"access unit {i} of {len(got)} differs"
    if any(e["loss"] for e in events if "au" in e):
        return "loss was told where there was none"
    return None


def judge_pictures(events, sent):
    got = [h for e in events if "au" in e for h in hashes(pictures(e["nals"]))]
    all_sent = [n["sha256"] for u in sent for n in u["nals"]]
    at = 0
    for i, h in enumerate(got):
        while at < len(all_sent) and all_sent[at] != h:
            at += 1
        if at == len(all_sent):
            return f"slice {i} of {len(got)} was not sent or came out of order"
    seen = {h for e in events if "au" in e for h in hashes(e["nals"])}
    missing = sum(1 for u in sent[:len(sent) // 2] for n in u["nals"] if n["size"] > 100 and n["sha256"] not in seen)
    return f"{missing} NAL units are missing" if missing else None if len(got) > 20 else f"only {len(got)} slices"


def judge_told(events, sent):
    """Whole undamaged access units in order; where one is missing, `loss` or a new connection is told before the next."""
    want = [[n["sha256"] for n in u["nals"]] for u in sent]
    at, told, count = 0, True, 0
    for e in events:
        told |= "lost" in e or e.get("state") in ("waiting", "connecting")
        if "au" not in e:
            continue
        unit = hashes(e["nals"])
        hit = next((k for k in range(at, len(want)) if want[k] == unit), None)
        if hit is None and not e["loss"]:
            return f"access unit {count} was not sent like that, and no loss is told"
        if hit is not None:
            if hit != at and not (told or e["loss"]):
                return f"{hit - at} access units are missing before number {count}, and nothing is told"
            at = hit + 1
        told = e["loss"]
        count += 1
    return None if count >= 5 else f"only {count} access units"


def judge_again(events, sent):
    """The same, and pictures come again after the connection was given up."""
    given_up = next((i for i, e in enumerate(events) if e.get("state") == "waiting"), None)
    if given_up is None:
        return "the silence was not noticed"
    if not any("au" in e for e in events[given_up:]):
        return "no picture after the connection was given up"
    return judge_told(events, sent)


try:
    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(dump, range(len(CASES))))
finally:
    sim.stop()
sent = {}
for line in open(sim.log_path):
    row = json.loads(line)
    if row["stream"] == "main":
        sent.setdefault(row["camera"], []).append(row)
judges = {"exact": judge_exact, "pictures": judge_pictures, "told": judge_told, "again": judge_again}
for index, (name, kind, udp, _) in enumerate(CASES):
    why = judges[kind](results[index], sent.get(index, []))
    check(why is None, f"{name}{' over UDP' if udp else ''}", why)
if "KEEP" in os.environ:
    print("#", folder)
else:
    shutil.rmtree(folder)
finish()
