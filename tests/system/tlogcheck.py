#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A verifier of logs and proofs that shares nothing with Lethe: written from the specifications alone.

C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof, tlog-cosignature (Ed25519); RFC 6962 section 2.1.

    tlogcheck.py DIR VKEY                     all tiles and the root, recomputed from the entries
    tlogcheck.py DIR VKEY CHECKPOINT...       and each of these older checkpoints is a beginning of the log
    tlogcheck.py --proof FILE ENTRY VKEY      one .tlog-proof and the file with the entry
"""
import base64
import functools
import hashlib
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Wrong(Exception):
    """What does not verify, and why."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(entry):
    return sha256(b"\0", entry)


def node_hash(left, right):
    return sha256(b"\1", left, right)


# ---- notes ----

def b64(text):
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise Wrong(f"not the one spelling of Base64: {text}")
    return raw


class Key:
    def __init__(self, vkey):
        self.name, key_id, rest = vkey.strip().split("+", 2)
        material = b64(rest)
        self.type, self.public = material[0], material[1:]
        self.id = sha256(self.name.encode(), b"\n", material)[:4]
        if self.id.hex() != key_id or self.type not in (1, 4) or len(self.public) != 32:
            raise Wrong(f"not a key: {vkey}")

    def verify(self, text, signature):
        """True, or the time of a cosignature."""
        message, time = text, True
        if self.type == 4:
            time = int.from_bytes(signature[:8], "big")
            message, signature = f"cosignature/v1\ntime {time}\n".encode() + text, signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            raise Wrong(f"the signature by {self.name} is wrong") from None
        return time


def open_note(raw, keys):
    """Text of a note, and for each of the keys that signed what verify() gave."""
    raw.decode("utf-8")
    if any(c < 0x20 and c != 0x0A for c in raw) or not raw.endswith(b"\n"):
        raise Wrong("not a note")
    cut = raw.rindex(b"\n\n")
    text, lines = raw[:cut + 1], raw[cut + 2:].decode().splitlines()
    found = {}
    for line in lines:
        dash, name, signature = line.split(" ")
        blob = b64(signature)
        if dash != "\u2014" or len(blob) < 5:
            raise Wrong(f"not a signature line: {line}")
        for key in keys:
            if key.name == name and key.id == blob[:4]:
                found[key] = key.verify(text, blob[4:])
    if not found:
        raise Wrong("no known key has signed")
    return text, found


class Checkpoint:
    def __init__(self, raw, keys):
        text, self.signers = open_note(raw, keys)
        lines = text.decode().split("\n")
        self.origin, size, root = lines[0], lines[1], lines[2]
        self.size, self.root = int(size), b64(root)
        if str(self.size) != size or len(self.root) != 32 or not self.origin or lines[-1] != "":
            raise Wrong("not a checkpoint")
        if not any(k.type == 1 and k.name == self.origin for k in self.signers):
            raise Wrong(f"not signed by the log {self.origin}")


# ---- tree ----

def largest_power_below(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def verify_inclusion(leaf, index, size, path, root):
    """Walk down from the root to know on which side each sibling stands, then hash up."""
    sides, low, high = [], 0, size
    while high - low > 1:
        k = largest_power_below(high - low)
        if index < low + k:
            sides.append("right")
            high = low + k
        else:
            sides.append("left")
            low += k
    if len(sides) != len(path) or not 0 <= index < size:
        raise Wrong("the proof has the wrong length")
    h = leaf
    for side, sibling in zip(reversed(sides), path):
        h = node_hash(h, sibling) if side == "right" else node_hash(sibling, h)
    if h != root:
        raise Wrong(f"entry {index} is not in the tree of {size}")


def verify_consistency(old, old_root, size, root, path):
    """SUBPROOF of RFC 6962 2.1.2 read backwards: rebuild both roots from the proof."""
    def rebuild(m, n, whole, rest):
        if m == n:
            h = old_root if whole else rest.pop()
            return h, h
        k = largest_power_below(n)
        last = rest.pop()
        if m <= k:
            was, now = rebuild(m, k, whole, rest)
            return was, node_hash(now, last)
        was, now = rebuild(m - k, n - k, False, rest)
        return node_hash(last, was), node_hash(last, now)
    rest = list(path)
    if old in (0, size):
        good = not rest and (old == 0 or old_root == root)
    else:
        try:
            good = rebuild(old, size, True, rest) == (old_root, root) and not rest
        except IndexError:
            good = False
    if not good:
        raise Wrong(f"the tree of {size} does not continue the one of {old}")


# ---- tiles ----

def tile_path(level, n, width=256):
    number = f"{n % 1000:03}"
    while n >= 1000:
        n //= 1000
        number = f"x{n % 1000:03}/{number}"
    return f"tile/{level}/{number}" + (f".p/{width}" if width < 256 else "")


class Log:
    """A log in a folder, of a stated size."""

    def __init__(self, folder, size):
        self.folder, self.size = pathlib.Path(folder), size

    def read(self, level, n, width):
        for w in (width, 256):
            path = self.folder / tile_path(level, n, w)
            if path.exists():
                return path.read_bytes()
        raise Wrong(f"{tile_path(level, n, width)} is missing")

    @functools.lru_cache(maxsize=4096)
    def tile(self, level, n):
        width = min(256, (self.size >> 8 * level) - 256 * n)
        if width <= 0:
            raise Wrong(f"there is no tile {level}/{n}")
        raw = self.read(level, n, width)
        if len(raw) not in (32 * width, 8192):
            raise Wrong(f"{tile_path(level, n, width)} has {len(raw)} bytes")
        return [raw[32 * i:32 * i + 32] for i in range(width)]

    def entries(self):
        for n in range((self.size + 255) // 256):
            width = min(256, self.size - 256 * n)
            raw, at = self.read("entries", n, width), 0
            for _ in range(width):
                length = int.from_bytes(raw[at:at + 2], "big")
                entry = raw[at + 2:at + 2 + length]
                if len(raw) < at + 2 or len(entry) != length:
                    raise Wrong(f"the entries {n} end too early")
                at += 2 + length
                yield entry
            if width == 256 and at != len(raw):
                raise Wrong(f"the entries {n} go on too long")

    def subtree(self, begin, end):
        """MTH(D[begin:end]) from tiles."""
        n = end - begin
        if n & (n - 1) == 0 and begin % n == 0:
            height = n.bit_length() - 1
            level, inside = divmod(height, 8)
            first = begin >> 8 * level
            hashes = self.tile(level, first // 256)[first % 256:first % 256 + (1 << inside)]
            if len(hashes) != 1 << inside:
                raise Wrong("a tile is too short")
            while len(hashes) > 1:
                hashes = [node_hash(a, b) for a, b in zip(hashes[::2], hashes[1::2])]
            return hashes[0]
        k = largest_power_below(n)
        return node_hash(self.subtree(begin, begin + k), self.subtree(begin + k, end))

    def root(self, size=None):
        size = self.size if size is None else size
        return self.subtree(0, size) if size else sha256()

    def inclusion(self, index, size):
        path, low, high = [], 0, size
        while high - low > 1:
            k = largest_power_below(high - low)
            if index < low + k:
                path.append(self.subtree(low + k, high))
                high = low + k
            else:
                path.append(self.subtree(low, low + k))
                low += k
        return path[::-1]

    def consistency(self, old, size):
        def proof(m, low, high, whole):
            if m == high - low:
                return [] if whole else [self.subtree(low, high)]
            k = largest_power_below(high - low)
            if m <= k:
                return proof(m, low, low + k, whole) + [self.subtree(low + k, high)]
            return proof(m - k, low + k, high, False) + [self.subtree(low, low + k)]
        return proof(old, 0, size, True) if 0 < old < size else []


def check_log(folder, keys, older=()):
    """Everything from the entries up. Returns the checkpoint."""
    head = Checkpoint((pathlib.Path(folder) / "checkpoint").read_bytes(), keys)
    log = Log(folder, head.size)
    level, hashes = 0, [leaf_hash(e) for e in log.entries()]
    roots = {c.size: rfc_root(hashes[:c.size]) for c in [head, *older]}
    while hashes:
        for n in range((len(hashes) + 255) // 256):
            if log.tile(level, n) != hashes[256 * n:256 * n + 256]:
                raise Wrong(f"tile {level}/{n} is not what the entries give")
        full = [hashes[i:i + 256] for i in range(0, len(hashes) - 255, 256)]
        hashes = [rfc_root(tile) for tile in full]
        level += 1
    for c in [head, *older]:
        if roots[c.size] != c.root or log.root(c.size) != c.root:
            raise Wrong(f"the root of {c.size} entries is not the signed one")
        verify_consistency(c.size, c.root, head.size, head.root, log.consistency(c.size, head.size))
    return head


def rfc_root(hashes):
    """MTH of RFC 6962, as it stands there, level by level."""
    if not hashes:
        return sha256()
    while len(hashes) > 1:
        paired = [node_hash(a, b) for a, b in zip(hashes[::2], hashes[1::2])]
        hashes = paired + hashes[len(hashes) - len(hashes) % 2:]
    return hashes[0]


def check_proof(raw, entry, keys):
    """Index and checkpoint of a .tlog-proof."""
    head, checkpoint = raw.split(b"\n\n", 1)
    lines = head.decode().split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Wrong("not a proof")
    if lines[0].startswith("extra "):
        lines.pop(0)
    index = int(lines.pop(0).removeprefix("index "))
    c = Checkpoint(checkpoint, keys)
    verify_inclusion(leaf_hash(entry), index, c.size, [b64(line) for line in lines], c.root)
    return index, c


def main(args):
    if args[:1] == ["--proof"]:
        index, c = check_proof(pathlib.Path(args[1]).read_bytes(), pathlib.Path(args[2]).read_bytes(), [Key(args[3])])
        print(f"{c.origin}: entry {index} of {c.size}")
        return
    keys = [Key(args[1])]
    older = [Checkpoint(pathlib.Path(f).read_bytes(), keys) for f in args[2:]]
    c = check_log(args[0], keys, older)
    print(f"{c.origin}: {c.size} entries, all as signed")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Wrong, IndexError, ValueError, OSError) as e:
        sys.exit(f"tlogcheck: {type(e).__name__}: {e}")
