# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads samples of MP4 files, progressive or fragmented, for tests. Written from ISO/IEC 14496-12, apart from src/mp4."""
import hashlib
import struct

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts", b"udta"}


def boxes(data, at, end):
    """Yields (type, payload start, box end) of the boxes in data[at:end]."""
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
            head = 16
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            return
        yield kind, at + head, at + size
        at += size


def find(data, at, end, *path):
    for kind, start, stop in boxes(data, at, end):
        if kind == path[0]:
            if len(path) == 1:
                yield start, stop
            else:
                yield from find(data, start, stop, *path[1:])


def first(data, at, end, *path):
    return next(find(data, at, end, *path), None)


class Track:
    def __init__(self, data, start, end):
        tkhd = first(data, start, end, b"tkhd")[0]
        self.id = struct.unpack_from(">I", data, tkhd + (20 if data[tkhd] else 12))[0]
        mdhd = first(data, start, end, b"mdia", b"mdhd")[0]
        self.timescale = struct.unpack_from(">I", data, mdhd + (20 if data[mdhd] else 12))[0]
        hdlr = first(data, start, end, b"mdia", b"hdlr")[0]
        self.handler = data[hdlr + 8:hdlr + 12].decode()
        self.stbl = first(data, start, end, b"mdia", b"minf", b"stbl")
        stsd = first(data, *self.stbl, b"stsd")
        self.entries = [kind.decode() for kind, _, _ in boxes(data, stsd[0] + 8, stsd[1])]
        self.samples = []  # (dts, pts offset, offset, size)


def progressive(data, t):
    def table(name, fmt, skip=4):
        box = first(data, *t.stbl, name)
        if not box:
            return []
        n = struct.unpack_from(">I", data, box[0] + skip)[0]
        size = struct.calcsize(fmt)
        return [struct.unpack_from(fmt, data, box[0] + skip + 4 + i * size) for i in range(n)]

    chunks = [c[0] for c in table(b"stco", ">I")] or [c[0] for c in table(b"co64", ">Q")]
    if not chunks:
        return
    stsz = first(data, *t.stbl, b"stsz")[0]
    fixed, count = struct.unpack_from(">II", data, stsz + 4)
    sizes = [fixed] * count if fixed else [s[0] for s in table(b"stsz", ">I", 8)]
    stsc = table(b"stsc", ">III")
    durations = [d for n, d in table(b"stts", ">II") for _ in range(n)]
    offsets = [o for n, o in table(b"ctts", ">Ii") for _ in range(n)] or [0] * count
    sample, dts = 0, 0
    for i, chunk in enumerate(chunks, 1):
        per = [s[1] for s in stsc if s[0] <= i][-1]
        at = chunk
        for _ in range(per):
            if sample >= count:
                return
            t.samples.append((dts, offsets[sample], at, sizes[sample]))
            at += sizes[sample]
            dts += durations[sample]
            sample += 1


def fragment(data, moof, tracks, start, end):
    for traf in find(data, start, end, b"traf"):
        tfhd = first(data, *traf, b"tfhd")[0]
        flags = struct.unpack_from(">I", data, tfhd)[0] & 0xffffff
        track = tracks[struct.unpack_from(">I", data, tfhd + 4)[0]]
        at, base, d_dur, d_size = tfhd + 8, moof, 0, 0
        if flags & 1:
            base = struct.unpack_from(">Q", data, at)[0]
            at += 8
        if flags & 2:
            at += 4
        if flags & 8:
            d_dur = struct.unpack_from(">I", data, at)[0]
            at += 4
        if flags & 16:
            d_size = struct.unpack_from(">I", data, at)[0]
        tfdt = first(data, *traf, b"tfdt")[0]
        dts = struct.unpack_from(">Q" if data[tfdt] else ">I", data, tfdt + 4)[0]
        offset = base
        for trun in find(data, *traf, b"trun"):
            t = trun[0]
            tflags = struct.unpack_from(">I", data, t)[0] & 0xffffff
            n = struct.unpack_from(">I", data, t + 4)[0]
            p = t + 8
            if tflags & 1:
                offset = base + struct.unpack_from(">i", data, p)[0]
                p += 4
            if tflags & 4:
                p += 4
            for _ in range(n):
                dur, size, cto = d_dur, d_size, 0
                if tflags & 0x100:
                    dur = struct.unpack_from(">I", data, p)[0]
                    p += 4
                if tflags & 0x200:
                    size = struct.unpack_from(">I", data, p)[0]
                    p += 4
                if tflags & 0x400:
                    p += 4
                if tflags & 0x800:
                    cto = struct.unpack_from(">i", data, p)[0]
                    p += 4
                track.samples.append((dts, cto, offset, size))
                offset += size
                dts += dur


def read(path):
    """Returns (bytes, tracks by id)."""
    with open(path, "rb") as f:
        data = f.read()
    moov = first(data, 0, len(data), b"moov")
    tracks = {t.id: t for t in (Track(data, *trak) for trak in find(data, *moov, b"trak"))}
    for t in tracks.values():
        progressive(data, t)
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"moof":
            fragment(data, start - 8, tracks, start, end)
    return data, tracks


def nals(data, offset, size):
    """NAL units of one video sample with 4-byte lengths."""
    at, end = offset, offset + size
    while at + 4 <= end:
        n = struct.unpack_from(">I", data, at)[0]
        yield data[at + 4:at + 4 + n]
        at += 4 + n


def video(path):
    """All access units of the video track: list of (dts seconds, [sha256 hex of each NAL unit])."""
    data, tracks = read(path)
    t = next(t for t in tracks.values() if t.handler == "vide")
    return [(dts / t.timescale, [hashlib.sha256(n).hexdigest() for n in nals(data, off, size)])
            for dts, _, off, size in t.samples]
