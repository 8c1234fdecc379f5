#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Witnesses: ours with ours, checked by an independent verifier; ours against logs and witnesses that misbehave."""
import base64
import hashlib
import json
import pathlib
import shutil
import tempfile
import time
import urllib.error
import urllib.request

import tlogcheck
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from harness import check, finish, run, wait_for
from loglib import Logger, Peer, Process, Witness, entry


def folder():
    return pathlib.Path(tempfile.mkdtemp(prefix="lethe-witness-"))


def http(url, body=None):
    """Status, body, Content-Type."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=20) as r:
            return r.status, r.read(), r.headers["Content-Type"]
    except urllib.error.HTTPError as e:
        return e.code, e.read(), e.headers["Content-Type"]


# ---- a log of our own making, from the specifications ----

class TestLog:
    """Signs whatever it is told to."""

    def __init__(self, origin):
        self.origin, self.key = origin, Ed25519PrivateKey.generate()
        public = b"\x01" + self.key.public_key().public_bytes_raw()
        self.id = hashlib.sha256(origin.encode() + b"\n" + public).digest()[:4]
        self.vkey = f"{origin}+{self.id.hex()}+{base64.b64encode(public).decode()}"
        self.leaves = []

    def root(self, n):
        return tlogcheck.rfc_root(self.leaves[:n])

    def checkpoint(self, n, root=None, origin=None):
        text = f"{origin or self.origin}\n{n}\n{base64.b64encode(root or self.root(n)).decode()}\n".encode()
        signature = base64.b64encode(self.id + self.key.sign(text)).decode()
        return text + f"\n\u2014 {self.origin} {signature}\n".encode()

    def proof(self, old, n):
        def sub(m, leaves, whole):
            if m == len(leaves):
                return [] if whole else [tlogcheck.rfc_root(leaves)]
            k = tlogcheck.largest_power_below(len(leaves))
            if m <= k:
                return sub(m, leaves[:k], whole) + [tlogcheck.rfc_root(leaves[k:])]
            return sub(m - k, leaves[k:], False) + [tlogcheck.rfc_root(leaves[:k])]
        return sub(old, self.leaves[:n], True) if 0 < old < n else []

    def request(self, old, n, proof=None, checkpoint=None):
        lines = [f"old {old}"] + [base64.b64encode(h).decode() for h in (self.proof(old, n) if proof is None else proof)]
        return "\n".join(lines).encode() + b"\n\n" + (checkpoint or self.checkpoint(n))


def test_witness_protocol():
    base = folder()
    log, stranger = TestLog("log.example/a"), TestLog("log.example/b")
    log.leaves = [tlogcheck.leaf_hash(str(i).encode()) for i in range(600)]
    stranger.leaves = log.leaves
    w = Witness(base, "w", log.vkey).start()
    url, key = w.url + "/add-checkpoint", tlogcheck.Key(w.vkey)
    empty = hashlib.sha256().digest()
    state = w.url + "/" + hashlib.sha256(log.origin.encode()).hexdigest() + "/checkpoint"

    def cosigned(answer, n):
        text = log.checkpoint(n).split(b"\n\n")[0] + b"\n"
        note = text + b"\n" + answer[1]
        return answer[0] == 200 and abs(tlogcheck.open_note(note, [key])[1][key] - time.time()) < 100

    check(http(state)[0] == 404, "no checkpoint before the first")
    check(http(url, log.request(0, 0, checkpoint=log.checkpoint(0, empty)))[0] == 200, "an empty log is cosigned")
    check(http(url, log.request(0, 0, checkpoint=log.checkpoint(0, b"x" * 32)))[0] == 422, "size 0 has one root only")
    check(cosigned(http(url, log.request(0, 5)), 5), "the first checkpoint is cosigned, by the other verifier's reading")
    steps = [(5, 5), (5, 8), (8, 256), (256, 257), (257, 600)]
    check(all(cosigned(http(url, log.request(a, b)), b) for a, b in steps), "each that continues the last is cosigned")
    status, body, kind = http(url, log.request(0, 600))
    check((status, body, kind) == (409, b"600\n", "text/x.tlog.size"), "another old size: 409 and the size", (status, body))
    served = http(state)
    signers = tlogcheck.open_note(served[1], [key, tlogcheck.Key(log.vkey)])[1]
    check(served[0] == 200 and len(signers) == 2, "the newest is served with both signatures")
    fork = TestLog("log.example/a")
    fork.key, fork.id = log.key, log.id
    fork.leaves = log.leaves[:300] + [tlogcheck.leaf_hash(b"another")] * 400
    cases = [
        (fork.request(600, 600), 422, "another root for the same size"),
        (fork.request(600, 650), 422, "a fork with a proof of its own"),
        (log.request(600, 500), 400, "an old size above the checkpoint's"),
        (log.request(599, 600), 409, "a size that was never cosigned"),
        (log.request(600, 600, proof=[b"x" * 32]), 422, "a proof where none belongs"),
        (stranger.request(0, 5), 404, "a log that is not known"),
        (log.request(600, 600, checkpoint=stranger.checkpoint(600, origin="log.example/a")), 403, "signed by another key"),
        (log.request(600, 600).replace(b"log.example/a ", b"log.example/c "), 403, "signed under another name"),
        (log.request(600, 600)[:-8] + b"\n", 400, "a torn signature"),
        (b"", 400, "nothing"),
        (b"old\n\n" + log.checkpoint(600), 400, "no old size"),
        (b"old 0600\n\n" + log.checkpoint(600), 400, "an old size with a leading zero"),
        (b"old 600\nAAAA\n\n" + log.checkpoint(600), 400, "a short hash"),
        (log.request(600, 600, proof=[b"x" * 32] * 64), 400, "64 hashes"),
        (b"old 600\n" + log.checkpoint(600), 400, "no empty line"),
    ]
    bad = [(name, status, http(url, body)[:2]) for body, status, name in cases if http(url, body)[0] != status]
    check(not bad, f"{len(cases)} requests that are refused, each with its status", bad)
    wrong = bytearray(log.request(600, 600))
    wrong[-20] = ord("A") if wrong[-20] != ord("A") else ord("B")
    check(http(url, bytes(wrong))[0] == 403, "a wrong signature by the known key")
    try:
        big = http(url, b"old 0\n" + b"A" * (1 << 20))[0]
    except OSError:
        big = "hung up"
    check(big in ("hung up", 400, 413), "an oversized request is not read to its end", big)
    w.stop()
    w.start()
    check(http(url, log.request(0, 600))[1] == b"600\n", "what was cosigned is known after a restart")
    second = Process(base, "witness", "--dir", base / "witness-w", "--log", log.vkey, "--listen", "127.0.0.1:1",
                     name="second").start()
    check(second.process.wait(20) != 0 and "another witness" in second.text(), "a second one on the same state is refused")
    w.stop()
    shutil.rmtree(base)


# ---- our log and its cosigner ----

class Cosigner(Process):
    def __init__(self, base, log):
        super().__init__(base, "cosigner", "--data", log.data, "--config", log.config, name="cosigner")


def site(base, lines, quorum):
    """Logger with witnesses by the policy's lines, started, and its cosigner, not started."""
    policy = base / "witnesses.policy"
    policy.write_text("".join(f"{line}\n" for line in lines) + f"quorum {quorum}\n")
    log = Logger(base, f"public_log:\n  origin: example.org/log\n  witnesses: {policy}\n")
    log.start()
    return log, Cosigner(base, log)


def test_quorum_and_rollback():
    base = folder()
    first = Logger(base).start()  # only to have the key
    vkey = first.vkey()
    first.stop()
    a, b = Witness(base, "a", vkey).start(), Witness(base, "b", vkey).start()
    dead = TestLog("c.example/witness")
    public = b"\x04" + dead.key.public_key().public_bytes_raw()
    dead_id = hashlib.sha256(b"c.example/witness\n" + public).hexdigest()[:8]
    log, cosigner = site(base, [
        f"witness a {a.vkey} {a.url}", f"witness b {b.vkey} {b.url}",
        f"witness c c.example/witness+{dead_id}+{base64.b64encode(public).decode()} http://127.0.0.1:9/",
        "group g 2 a b c"], "g")
    sock = log.sock()
    sock.append(*[entry(str(i)) for i in range(10)])
    check(sock.call(op="proof", index=3, quorum=True).get("code") == "E_BUSY", "no proof under the quorum before it is there")
    cosigner.start()
    check(wait_for(lambda: log.status()["quorum_size"] == 10, 30), "two of three witnesses cosign", log.status())
    state = {w["name"]: w for w in log.status()["witnesses"]}
    check(wait_for(lambda: {w["name"]: w for w in log.status()["witnesses"]}["c"]["error"], 20),
          "the one that is away is named", state)
    policy = base / "trust.policy"
    policy.write_text(f"log {vkey}\n" + (base / "witnesses.policy").read_text())
    proof = sock.call(op="proof", index=3, quorum=True)["proof"]
    (base / "p").write_text(proof)
    (base / "e").write_text(entry("3"))
    r = run("log", "verify", "--proof", base / "p", "--entry", base / "e", "--policy", policy)
    check(r.returncode == 0, "the proof verifies under the policy", r.stderr)
    keys = [tlogcheck.Key(k) for k in (vkey, a.vkey, b.vkey)]
    index, c = tlogcheck.check_proof(proof.encode(), entry("3").encode(), keys)
    check(index == 3 and len(c.signers) == 3, "and by another verifier, with both cosignatures")
    for i in range(300):
        sock.append(entry(f"busy {i}"))
    check(wait_for(lambda: log.status()["quorum_size"] == 310, 40), "the quorum follows a log that grows", log.status())
    r = run("log", "verify", log.data, "--policy", policy, "--json")
    check(json.loads(r.stdout)["cosignatures"] == 2, "the published checkpoint bears the cosignatures", r.stdout + r.stderr)
    # The whole node is put back, keys and all: it cannot know, the witnesses do.
    cosigner.stop()
    log.stop()
    shutil.copytree(log.data, base / "yesterday")
    log.start()
    sock = log.sock()
    sock.append(*[entry(f"later {i}") for i in range(10)])
    cosigner.start()
    check(wait_for(lambda: log.status()["quorum_size"] == 320, 40), "both cosign 320")
    cosigner.stop()
    log.stop()
    shutil.rmtree(log.data)
    shutil.copytree(base / "yesterday", log.data)
    log.start()
    cosigner.start()
    check(wait_for(lambda: log.status()["state"] == "refused", 40), "a node that was put back learns it from a witness",
          log.status())
    answer = log.sock().append(entry("on the wrong branch"))
    check(answer.get("code") == "E_DENIED" and "rolled back" in answer["error"], "and signs nothing any more", answer)
    log.stop()
    log.start()
    check(log.status()["state"] == "refused", "also after a restart")
    for p in (cosigner, log, a, b):
        p.stop()
    shutil.rmtree(base)


def test_misbehaving_peers():
    base = folder()
    sizes = iter(range(10**6))

    def conflict(h, body):
        if body is not None:
            h.reply(409, body.split(b"\n")[0][4:] + b"\n", "text/x.tlog.size")
        else:
            h.reply(404, b"")

    def wandering(h, body):
        h.reply(409, str(1 + next(sizes) % 4).encode() + b"\n", "text/x.tlog.size")

    def ahead(h, body):
        h.reply(409 if body is not None else 200, b"999999\n" if body is not None else b"not a checkpoint",
                "text/x.tlog.size")

    peers = {
        "conflict": (conflict, "409 and names"),
        "wandering": (wandering, "another size in each"),
        "ahead": (ahead, "not prove"),
        "untyped": (lambda h, b: h.reply(409, b"3\n", "text/html"), "409 without saying"),
        "garbage": (lambda h, b: h.reply(200, b"\x00\xff<html>"), ""),
        "empty": (lambda h, b: h.reply(200, b""), ""),
        "wrong-key": (lambda h, b: h.reply(200, "\u2014 wrong-key.example/w AAAAAAAAAAAAAAAA\n".encode()), ""),
        "forged": (lambda h, b: h.reply(200, forged_line(h.server.vkey)), "wrong"),
        "note": (lambda h, b: h.reply(200, b"\n\nexample.org/log\n1\nx\n\n\xe2\x80\x94 a AAAAAAA=\n"), ""),
        "oversized": (lambda h, b: h.reply(200, b"x" * (4 << 20)), "more than"),
        "refuses": (lambda h, b: h.reply(403, b"go away\n"), "403: go away"),
        "redirect": (lambda h, b: (h.send_response(302), h.send_header("Location", "http://127.0.0.1:9/"), h.end_headers()),
                     "302"),
        "hangs-up": (lambda h, b: h.connection.close(), ""),
        "slow": (lambda h, b: time.sleep(20), None),
    }
    lines, running = [], {}
    for name, (answer, _) in peers.items():
        key = Ed25519PrivateKey.generate()
        public = b"\x04" + key.public_key().public_bytes_raw()
        full = f"{name}.example/w"
        key_id = hashlib.sha256(full.encode() + b"\n" + public).hexdigest()[:8]
        vkey = f"{full}+{key_id}+{base64.b64encode(public).decode()}"
        running[name] = Peer(answer)
        running[name].server.vkey = vkey
        lines.append(f"witness {name} {vkey} {running[name].url}")
    lines.append("group g any " + " ".join(peers))
    log, cosigner = site(base, lines, "g")
    sock = log.sock()
    sock.append(*[entry(str(i)) for i in range(5)])
    cosigner.start()

    def errors():
        return {w["name"]: w["error"] or "" for w in log.status()["witnesses"]}

    quick = [n for n, (_, want) in peers.items() if want is not None]
    wait_for(lambda: all(errors()[n] for n in quick), 60)
    said = errors()
    bad = [(n, said[n]) for n in quick if not said[n] or peers[n][1] not in said[n]]
    check(not bad, f"{len(quick)} witnesses that misbehave are named, each with what it does", bad)
    began = time.monotonic()
    check(sock.append(entry("meanwhile"))["ok"], "appending goes on meanwhile")
    check(time.monotonic() - began < 15, "and does not wait for them")
    status = log.status()
    check(status["state"] == "signing" and status["quorum_size"] == 0, "none of them made a quorum or stopped the log", status)
    note = log.checkpoint().decode()
    check(note.count("\u2014 ") == 1, "nothing of theirs is in the checkpoint", note)
    check(len(running["conflict"].requests) < 60, "none is asked without end", len(running["conflict"].requests))
    check(cosigner.process.poll() is None and cosigner.stop() == 0, "the cosigner lives, and stops when asked to",
          cosigner.text()[-500:])
    log.stop()
    for p in running.values():
        p.stop()
    shutil.rmtree(base)


def forged_line(vkey):
    key = tlogcheck.Key(vkey)
    return f"\u2014 {key.name} {base64.b64encode(key.id + bytes(8) + bytes(64)).decode()}\n".encode()


if __name__ == "__main__":
    test_witness_protocol()
    test_quorum_and_rollback()
    test_misbehaving_peers()
    finish()
