#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stands in for the recorder's status socket: fake_recorder.py SOCKET CAMERAS [hostile|silent|garbage|slow].

Serves made-up status JSON of CAMERAS cameras to whoever connects, until it is killed.
"""
import json
import os
import socket
import sys
import time
from datetime import datetime, timedelta, timezone

MARKUP = "<script>document.title='owned'</script>"


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def camera(i, now, started, hostile):
    state = "recording"
    reason = ""
    gaps = []
    if i % 37 == 5:
        state, reason = "waiting", "connection refused, next attempt in 8 s"
        gaps.append({"from": text(now - timedelta(minutes=42)), "to": None, "reason": "stream-lost",
                     "detail": "the camera closed the connection"})
    elif i % 191 == 7:
        state, reason = "connecting", "no key frame yet"
    elif i % 211 == 9:
        state = "disabled"
    elif i % 23 == 3:
        since = now - timedelta(hours=3, minutes=i % 50)
        gaps.append({"from": text(since), "to": text(since + timedelta(minutes=7)), "reason": "not-connected",
                     "detail": ""})
    live = state == "recording"
    seen = None if state == "connecting" else text(now - (timedelta(seconds=0.2) if live else timedelta(minutes=42)))
    name = f"Harbour road {i}, north"
    if hostile:
        name = [MARKUP, "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "\u202etxt.exe\u0007",
                "</title></svg><script>alert(1)</script>"][i % 5]
        reason = reason and MARKUP
        for gap in gaps:
            gap["detail"] = gap["reason"] = "</title><script>alert(2)</script>"
    return {"id": f"cam{i:04d}", "name": name, "state": state, "reason": reason,
            "bitrate_bps": 2_000_000 + i % 17 * 31_000 if live else 0, "fps": 25.0 if live else 0,
            "last_frame": seen, "frames_received": 90_000 + i, "frames_recorded": 90_000 + i - (i % 97 == 11),
            "frames_lost": int(i % 97 == 11), "gaps": gaps}


def status(count, hostile):
    now = datetime.now(timezone.utc)
    started = now - timedelta(hours=5, minutes=12)
    cameras = [camera(i, now, started, hostile) for i in range(count)]
    alarms = [{"at": text(now - timedelta(minutes=3)), "kind": "clock-stepped", "camera": "",
               "text": MARKUP if hostile else "the wall clock was set forward by 3 s"}]
    return {"node": MARKUP if hostile else "harbour-1", "version": "0.1.0", "started": text(started), "now": text(now),
            "practice": True, "threads": 2, "cameras": cameras,
            "retention": {"promised_days": 30, "actual_days": 30},
            "disk": {"state": "ok", "bytes_total": 4_000_000_000_000, "bytes_free": 1_234_000_000_000,
                     "bytes_written": 987_654_321, "queue_bytes": 1_048_576},
            "alarms": alarms if count > 4 or hostile else []}


def main():
    path, count = sys.argv[1], int(sys.argv[2])
    mode = sys.argv[3] if len(sys.argv) > 3 else ""
    if os.path.exists(path):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(16)
    kept = []
    while True:
        client, _ = server.accept()
        if mode == "silent":
            kept.append(client)  # connected, never answered
            continue
        try:
            if mode == "slow":
                for _ in range(100):
                    client.sendall(b" ")
                    time.sleep(0.2)
            answer = b'{"cameras": [[[' if mode == "garbage" else json.dumps(status(count, mode == "hostile")).encode()
            client.sendall(answer)
        except OSError:
            pass  # the reader gave up
        client.close()


main()
