#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cameras that pour out 100 Mbit/s of garbage cost their own sessions, nothing else: twenty others lose no frame."""
import os
import pathlib
import random
import re
import socketserver
import struct
import threading
import time

from harness import Sim, Site, check, finish, wait_for

GOOD = 20
SECONDS = 15
SDP = ("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
       "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtkAoD2hAAADAAEAAAMAMg8WLkg=,aMuMsg==\r\na=control:0\r\n")
KINDS = ("bytes", "packets", "slices")  # nothing of RTSP; packets of RTP full of anything; well-formed ones that decode to nothing


def block(kind, seq):
    """A tenth of a second at 100 Mbit/s."""
    rnd, out = random.Random(seq), bytearray()
    if kind == "bytes":
        return rnd.randbytes(1_250_000)
    while len(out) < 1_250_000:
        payload = rnd.randbytes(1400)
        if kind == "slices":
            payload = (b"\x65\x88" if seq % 32 == 0 else b"\x41\x9a") + payload[2:]
        out += struct.pack(">cBHBBHII", b"$", 0, 12 + len(payload), 0x80, 0x80 | 96, seq & 0xffff, seq * 90 & 0xffffffff, 7) + payload
        seq += 1
    return bytes(out)


class Flood(socketserver.BaseRequestHandler):
    """Answers what a client asks until PLAY, and then drowns it."""
    poured = {}

    def handle(self):
        text = b""
        while b"PLAY rtsp" not in text:
            more = self.request.recv(65536)
            if not more:
                return
            text += more
            while (end := text.find(b"\r\n\r\n")) >= 0:
                head, text = text[:end].decode(), text[end + 4:]
                self.answer(head)
                if head.startswith("PLAY"):
                    return self.pour(head)

    def answer(self, head):
        method = head.split()[0]
        cseq = re.search(r"CSeq: *(\d+)", head)[1]
        extra = {"OPTIONS": "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", "PLAY": "Session: 1\r\n",
                 "SETUP": "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"}.get(method, "")
        body = SDP if method == "DESCRIBE" else ""
        if body:
            extra += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        self.request.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{extra}\r\n{body}".encode())

    def pour(self, head):
        kind = re.search(r"rtsp://[^/ ]*/(\w+)", head)[1]
        blocks, at = [block(kind, n * 900) for n in range(8)], 0
        while not stopping.wait(0.1):
            try:
                self.request.sendall(blocks[at % len(blocks)])
            except OSError:
                return  # the client hung up
            Flood.poured[kind] = Flood.poured.get(kind, 0) + len(blocks[0])
            at += 1


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def good():
    return [c for c in site.status()["cameras"] if c["id"].startswith("good")]


stopping = threading.Event()
server = Server(("127.0.0.1", 0), Flood)
threading.Thread(target=server.serve_forever, daemon=True).start()
site = Site({"node": "flood", "mask": "{enabled: false}"}).start()
sim = Sim(site.folder, "--bitrate", "500k", "--size", "640x360", cameras=GOOD, log=False)
for k in range(GOOD):
    site.add(f"good{k}", sim.url(k))
check(site.recording(*[f"good{k}" for k in range(GOOD)], frames=40), "twenty cameras record", site.log_text()[-600:])
pid = site.recorder_pid()
before = {c["id"]: c for c in good()}
quiet = cpu(pid)
time.sleep(SECONDS / 3)
quiet = (cpu(pid) - quiet) / (SECONDS / 3)
for kind in KINDS:
    site.add(kind, f"rtsp://127.0.0.1:{server.server_address[1]}/{kind}")
check(wait_for(lambda: len(Flood.poured) == len(KINDS), 20), "three others pour out garbage", str(Flood.poured))
busy, began = cpu(pid), time.monotonic()
time.sleep(SECONDS)
busy = (cpu(pid) - busy) / (time.monotonic() - began)
after = {c["id"]: c for c in good()}
check(site.recorder_pid() == pid, "the recorder lives on", site.log_text()[-800:])
check(all(after[i]["reconnects"] == before[i]["reconnects"] for i in before), "no good camera lost its connection")
check(all(after[i]["frames_lost"] == 0 for i in before), "and none a frame", str({i: after[i]["frames_lost"] for i in before}))
check(all(after[i]["frames_recorded"] > before[i]["frames_recorded"] + 10 * SECONDS for i in before), "all are recorded on",
      str([after[i]["frames_recorded"] - before[i]["frames_recorded"] for i in before]))
bad = {c["id"]: c for c in site.status()["cameras"] if c["id"] in KINDS}
check(bad["bytes"]["reconnects"] > 0, "what is not RTP ends the session that sends it", str(bad["bytes"])[:300])
poured = ", ".join(f"{k} {v * 8 / 1e6 / SECONDS:.0f} Mbit/s" for k, v in sorted(Flood.poured.items()))
print(f"# took {poured}; CPU {100 * quiet:.0f} % of a core before, {100 * busy:.0f} % under it", flush=True)
stopping.set()
server.shutdown()
sim.stop()
time.sleep(3)
total = {k: sum(c[k] for c in good()) for k in ("frames_received", "frames_recorded", "frames_lost")}
check(total["frames_received"] == total["frames_recorded"] and total["frames_lost"] == 0, f"frames in = recorded: {total}")
site.stop()
site.remove()
finish()
