#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public log as others see it: an independent verifier, kills while appending, rollback, hostile requests."""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import tlogcheck
from harness import LETHE, check, finish, run, wait_for
from loglib import Logger, Sock, entry

SIZES = [1, 2, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 70000]


def folder():
    return pathlib.Path(tempfile.mkdtemp(prefix="lethe-log-"))


def grow(sock, log, to):
    """Append until the log has @to entries; the checkpoint of that size."""
    while (size := sock.call(op="checkpoint")["size"]) < to:
        n = min(4096, to - size)
        assert sock.append(*[entry(f"e{size + i}") for i in range(n)])["ok"]
    return log.checkpoint()


def test_sizes():
    base = folder()
    log = Logger(base).start()
    sock = log.sock()
    keys = [tlogcheck.Key(log.vkey())]
    older, bad = [], []
    for size in SIZES:
        c = tlogcheck.Checkpoint(grow(sock, log, size), keys)
        older.append(c)
        (base / f"{size}.checkpoint").write_bytes(log.checkpoint())
        if c.size != size:
            bad.append(size)
    check(not bad, "checkpoints of the sizes around tile boundaries", bad)
    head = tlogcheck.check_log(log.data / "log", keys, older)
    check(head.size == SIZES[-1], "another verifier recomputes all tiles and roots, and every size continues the others")
    view = tlogcheck.Log(log.data / "log", head.size)
    entries = list(view.entries())
    for b in older:
        for a in older:
            if a.size <= b.size:
                tlogcheck.verify_consistency(a.size, a.root, b.size, b.root, view.consistency(a.size, b.size))
        for i in {0, b.size - 1, b.size // 2, b.size // 256 * 256 - 1, random.randrange(b.size)}:
            if 0 <= i < b.size:
                tlogcheck.verify_inclusion(tlogcheck.leaf_hash(entries[i]), i, b.size, view.inclusion(i, b.size), b.root)
    check(True, "inclusion and consistency between all of them")
    bad = []
    for i in [0, 1, 255, 256, 65535, 65536, 69998, 69999]:
        proof = sock.call(op="proof", index=i)["proof"].encode()
        index, c = tlogcheck.check_proof(proof, entries[i], keys)
        if (index, c.size) != (i, head.size):
            bad.append(i)
        try:
            tlogcheck.check_proof(proof, entries[i] + b"x", keys)
            bad.append(-i)
        except tlogcheck.Wrong:
            pass
    check(not bad, "another verifier accepts the proofs that the logger gives", bad)
    commands(base, log, entries)
    sock.close()
    check(log.stop() == 0, "the logger stops when asked to")
    shutil.rmtree(base)


def commands(base, log, entries):
    d = log.data
    r = run("log", "verify", d, "--key", log.vkey(), "--json")
    check(r.returncode == 0 and json.loads(r.stdout)["ok"], "lethe log verify agrees", r.stderr)
    r = run("log", "verify", d, "--since", base / "513.checkpoint", "--json")
    check(r.returncode == 0 and json.loads(r.stdout)["ok"], "a checkpoint kept from before is continued", r.stderr)
    r = run("log", "show", d, "--entry", 66000, "--json")
    check(json.loads(r.stdout)["entries"][0]["text"].encode() == entries[66000], "lethe log show", r.stderr)
    r = run("log", "tail", d, "-n", 3, "--json")
    check([e["index"] for e in json.loads(r.stdout)["entries"]] == [69997, 69998, 69999], "lethe log tail", r.stderr)
    r = run("log", "prove", 12345, d, "-o", base / "p.tlog-proof")
    (base / "e").write_bytes(entries[12345])
    r = run("log", "verify", "--proof", base / "p.tlog-proof", "--entry", base / "e", "--key", log.vkey())
    check(r.returncode == 0 and "12345 of 70000" in r.stdout, "lethe log prove and verify --proof", r.stdout + r.stderr)
    r = subprocess.run([pathlib.Path(tlogcheck.__file__), "--proof", base / "p.tlog-proof", base / "e", log.vkey()],
                       capture_output=True, text=True, check=False)
    check(r.returncode == 0, "another verifier takes the file", r.stderr)
    other = "example.org/log+" + log.vkey().split("+")[1] + "+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    check(run("log", "verify", d, "--key", other).returncode != 0, "a key that does not fit its id is refused")
    damage(base, d)
    over_http(base, d, log.vkey())


def damage(base, d):
    """One byte anywhere, and lethe log verify says which file."""
    copy = base / "copy"
    said = []
    for name, offset in [("tile/entries/100", 3000), ("tile/0/100", 77), ("tile/1/000", 8000), ("tile/2/000.p/1", 0),
                         ("tile/0/273.p/112", 5), ("tile/entries/273.p/112", 9)]:
        shutil.copytree(d / "log", copy)
        path = copy / name
        raw = bytearray(path.read_bytes())
        raw[offset] ^= 1
        path.write_bytes(raw)
        r = run("log", "verify", copy, "--json")
        said.append((name, r.returncode, r.stdout[:300]))
        shutil.rmtree(copy)
    check(all(code == 1 for _, code, _ in said), "one byte anywhere is noticed", said)
    shutil.copytree(d / "log", copy)
    (copy / "tile/0/050").unlink()
    r = run("log", "verify", copy, "--json")
    check(r.returncode == 1 and "tile/0/050" in r.stdout, "a missing tile is named", r.stdout)
    shutil.rmtree(copy)


def over_http(base, d, vkey):
    import functools
    import http.server

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=d / "log"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    r = run("log", "verify", url, "--key", vkey, "--json")
    check(r.returncode == 0 and json.loads(r.stdout)["size"] == 70000, "the same over HTTP", r.stderr)
    r = run("log", "show", url, "--key", vkey, "--entry", 5)
    check("id e5" in r.stdout, "one entry over HTTP", r.stderr)
    server.shutdown()


def appender(log, number, acknowledged, stop):
    """Appends batches, hands them in again after an error, remembers what was acknowledged."""
    n = 0
    sock = None
    while not stop.is_set():
        batch = [entry(f"a{number}-{n + i}") for i in range(1 + n % 7)]
        try:
            sock = sock or Sock(log.data)
            answer = sock.append(*batch)
        except (OSError, ValueError):
            if sock:
                sock.close()
            sock = None
            time.sleep(0.01)
            continue
        if answer["ok"]:
            acknowledged.append((answer["indexes"], batch))
            n += len(batch)
    if sock:
        sock.close()


def test_kills(rounds):
    base = folder()
    log = Logger(base).start()
    keys = [tlogcheck.Key(log.vkey())]
    acknowledged, stop, seen = [], threading.Event(), {}
    threads = [threading.Thread(target=appender, args=(log, i, acknowledged, stop)) for i in range(3)]
    for t in threads:
        t.start()
    forked = []
    for _ in range(rounds):
        end = time.monotonic() + random.uniform(0.02, 0.3)
        while time.monotonic() < end:
            c = tlogcheck.Checkpoint(log.checkpoint(), keys)
            if seen.setdefault(c.size, c.root) != c.root:
                forked.append(c.size)
        log.stop(signal.SIGKILL)
        c = tlogcheck.Checkpoint(log.checkpoint(), keys)
        if seen.setdefault(c.size, c.root) != c.root or tlogcheck.Log(log.data / "log", c.size).root() != c.root:
            forked.append(c.size)
        log.start()
    wait_for(log.sock, 30)
    time.sleep(0.3)
    stop.set()
    for t in threads:
        t.join()
    check(not forked, f"{rounds} kills while appending: one root for each size, and tiles for each checkpoint", forked)
    log.stop()
    older = [tlogcheck.Checkpoint(log.checkpoint(), keys)]
    head = tlogcheck.check_log(log.data / "log", keys, older)
    entries = [e.decode() for e in tlogcheck.Log(log.data / "log", head.size).entries()]
    lost = [i for indexes, batch in acknowledged for i, e in zip(indexes, batch) if entries[i] != e]
    check(not lost, f"no acknowledged entry of {len(entries)} is lost", lost[:5])
    check(len(set(entries)) == len(entries), "none is there twice", len(entries) - len(set(entries)))
    view = tlogcheck.Log(log.data / "log", head.size)
    bad = [s for s, root in seen.items() if view.root(s) != root]
    check(not bad, f"the log continues each of the {len(seen)} checkpoints that were seen", bad[:5])
    shutil.rmtree(base)


def test_rollback():
    base = folder()
    log = Logger(base).start()
    sock = log.sock()
    grow(sock, log, 300)
    shutil.copytree(log.data / "log", base / "yesterday")
    grow(sock, log, 400)
    log.stop()
    shutil.rmtree(log.data / "log")
    shutil.copytree(base / "yesterday", log.data / "log")
    before = log.checkpoint()
    log.start(ready=False)
    code = log.process.wait(20)
    check(code != 0 and "rolled back" in log.text(), "a log that was put back is refused", log.text()[-500:])
    check(log.checkpoint() == before, "and left as it was")
    shutil.rmtree(base)


def test_rotation():
    base = folder()
    log = Logger(base).start()
    sock = log.sock()
    sock.append(entry("before"))
    old = tlogcheck.Key(log.vkey())
    r = run("log", "rotate", "--data", log.data, "--json")
    new = tlogcheck.Key(json.loads(r.stdout)["key"])
    c = tlogcheck.Checkpoint(log.checkpoint(), [old, new])
    check(len(c.signers) == 2, "both keys sign while one is replaced", r.stderr)
    check(run("log", "rotate", "--data", log.data).returncode != 0, "a second replacement is refused meanwhile")
    r = run("log", "rotate", "--end", "--data", log.data)
    check(list(tlogcheck.Checkpoint(log.checkpoint(), [old, new]).signers) == [new], "then the new one alone", r.stderr)
    said = [line for e in tlogcheck.Log(log.data / "log", 3).entries() for line in e.decode().splitlines()]
    check(f"key {new.public.hex()}" in said and f"key {old.public.hex()}" in said and "change retired" in said,
          "and the log tells of both", said)
    log.stop()
    log.start()
    check(log.sock().append(entry("after"))["first"] == 3, "the log goes on with it after a restart")
    log.stop()
    shutil.rmtree(base)


def test_hostile():
    base = folder()
    log = Logger(base).start()
    good = log.sock()
    good.append(entry("first"))
    lines = ["", "{}", "[]", "null", "1", '"x"', '{"op":1}', '{"op":"append"}', '{"op":"append","entries":[]}',
             '{"op":"append","entries":[1]}', '{"op":"append","entries":"x"}', '{"op":"proof"}', '{"op":"proof","index":-1}',
             '{"op":"proof","index":1}', '{"op":"proof","index":9223372036854775807}', '{"op":"proof","index":1e400}',
             '{"op":"cosign"}', '{"op":"cosign","checkpoint":"x","lines":"y"}', '{"op":"compare","checkpoint":"x"}',
             '{"op":"witness","name":"x"}', '{"op":"append","op":"status"}', '{"op":"append","entries":["\\u0000"]}',
             '{"op":"append","entries":["\\ud800"]}', "[" * 5000, json.dumps({"op": "append", "entries": ["x" * 65536]}),
             json.dumps({"op": "append", "entries": ["x"] * 70000}), '{"op":"rotate","end":true}', "x" * 100000]
    sock = log.sock()
    answers = []
    for line in lines:
        sock.send(line + "\n")
        answers.append(sock.answer())
    good_answers = all(a["ok"] is False and a["code"].startswith("E") and a["error"] for a in answers)
    check(good_answers, "what is not a request is answered with a sentence", [a for a in answers if a["ok"]])
    sock.send("".join(json.dumps({"op": "append", "entries": [entry(f"p{i}")]}) + "\n" for i in range(200)))
    check([sock.answer()["first"] for _ in range(200)] == list(range(1, 201)), "requests sent at once are answered in order")
    try:
        sock.send("x" * (9 << 20))
        sock.answer()
        long = False
    except (ConnectionError, OSError):
        long = True
    check(long, "a request without an end is hung up on")
    half = [log.sock() for _ in range(20)]
    for s in half:
        s.send('{"op":"app')
    many = []
    for _ in range(60):
        many.append(log.sock())
    check(good.call(op="status")["size"] == 201, "half requests and many connections keep nobody out")
    for s in half + many:
        s.close()
    silent = log.sock()
    for _ in range(2000):
        try:
            silent.send(json.dumps({"op": "checkpoint"}) + "\n")
        except OSError:
            break
    check(good.call(op="status")["ok"], "one that does not read its answers keeps nobody out")
    silent.close()
    check(log.process.poll() is None, "the logger lives", log.text()[-1000:])
    r = subprocess.run([LETHE, "logger", "--data", log.data, "--config", log.config], capture_output=True, text=True,
                       timeout=20, check=False)
    check(r.returncode != 0 and "another process" in r.stderr, "a second logger is refused", r.stderr)
    check(good.call(op="status")["ok"], "and the first goes on")
    log.stop()
    shutil.rmtree(base)


if __name__ == "__main__":
    test_sizes()
    test_kills(int(os.environ.get("LETHE_KILLS", "12")))
    test_rollback()
    test_rotation()
    test_hostile()
    finish()
