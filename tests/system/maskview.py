# SPDX-License-Identifier: AGPL-3.0-or-later
"""For tests of the masked view: a reader of live.sock, decoded pictures with their times, and a measure of what leaks."""
import json
import socket
import struct
import subprocess
import threading
import time

import numpy

PERSON_CONTRAST = 40  # luma steps between a person and the empty place, for a pixel to count
STRUCTURE = 12        # luma steps from the mean of the surroundings: edges of bodies, heads, clothes
LEAK = 8              # pixels of people that may be alike by chance in one picture
LEAK_DISTANCE = 6     # so close to the original is the original


class Live(threading.Thread):
    """Collects what live.sock sends about some cameras, from when it is started."""

    def __init__(self, data, cameras):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(data / "run" / "live.sock"))
        self.messages = []  # (monotonic time, type, camera, utc or None, flags, payload)
        self.error = None
        self.subscribe(cameras)
        self.start()

    def subscribe(self, cameras):
        self.send(b"S" + json.dumps({"cameras": cameras}).encode())

    def send(self, message):
        self.socket.sendall(struct.pack(">I", len(message)) + message)

    def run(self):
        stream = self.socket.makefile("rb")
        try:
            while True:
                head = stream.read(4)
                if len(head) < 4:
                    return
                body = stream.read(struct.unpack(">I", head)[0])
                kind, n = body[:1].decode(), body[1]
                camera, rest, utc, flags = body[2:2 + n].decode(), body[2 + n:], None, 0
                if kind == "F":
                    utc, flags = struct.unpack_from(">qB", rest)
                    rest = rest[9:]
                self.messages.append((time.monotonic(), kind, camera, utc, flags, rest))
        except (OSError, ValueError, struct.error, IndexError) as e:
            self.error = e

    def of(self, camera, kind=None):
        return [m for m in list(self.messages) if m[2] == camera and (kind is None or m[1] == kind)]

    def states(self, camera):
        return [json.loads(m[5]) for m in self.of(camera, "C")]

    def streams(self, camera):
        """What came of a camera as runs: (initialisation segment, [(utc, flags, fragment)…])."""
        runs = []
        for m in self.of(camera):
            if m[1] == "I":
                runs.append((m[5], []))
            elif m[1] == "F" and runs:
                runs[-1][1].append((m[3], m[4], m[5]))
        return [r for r in runs if r[1]]

    def close(self):
        self.socket.close()


def probe_times(path):
    """Presentation times of the pictures in seconds, in order of presentation."""
    out = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0",
                          str(path)], capture_output=True, text=True).stdout
    return [float(line.split(",")[0]) for line in out.split() if line.split(",")[0] not in ("", "N/A")]


def pictures(path, width, height):
    """Luma of every picture, scaled to one size."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v", "-vsync", "passthrough", "-vf",
                          f"scale={width}:{height}", "-f", "rawvideo", "-pix_fmt", "gray", "-"], capture_output=True).stdout
    n = len(raw) // (width * height)
    return numpy.frombuffer(raw[:n * width * height], numpy.uint8).reshape(n, height, width)


def timed(path, start, width, height):
    """[(seconds UTC, picture)…] of a file whose time 0 is @start."""
    return list(zip([start + t for t in probe_times(path)], pictures(path, width, height)))


def read_truth(path, camera, stream):
    rows = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.endswith("\n"):
                row = json.loads(line)
                if row["camera"] == camera and row["stream"] == stream:
                    rows.append(row)
    return rows


class Truth:
    """Where people are, by time."""

    def __init__(self, path, camera, stream, width, height):
        rows = read_truth(path, camera, stream)
        self.rows = rows
        self.times = numpy.array([r["wall_us"] / 1e6 for r in rows])
        self.size = (width, height)

    def mask(self, at, grow=0):
        """Pixels of people at that time, or None if nothing is known."""
        if not len(self.times):
            return None
        i = int(numpy.argmin(abs(self.times - at)))
        if abs(self.times[i] - at) > 0.3:
            return None
        row = self.rows[i]
        out = numpy.zeros((self.size[1], self.size[0]), bool)
        fx, fy = self.size[0] / row["width"], self.size[1] / row["height"]
        for o in row["objects"]:
            if o["class"] == "person":
                x0, y0, x1, y1 = o["box"]
                out[max(0, int(y0 * fy) - grow):int(y1 * fy) + 1 + grow, max(0, int(x0 * fx) - grow):int(x1 * fx) + 1 + grow] = True
        return out


def empty_place(originals, truth):
    """What the place looks like without people: the median of what is seen where nobody stands."""
    stack = []
    for at, picture in originals[::max(1, len(originals) // 80)]:
        where = truth.mask(at, grow=6)
        if where is not None:
            stack.append(numpy.where(where, numpy.nan, picture.astype(numpy.float32)))
    return numpy.nan_to_num(numpy.nanmedian(numpy.array(stack), axis=0), nan=0)


def structure(picture, size=15):
    """What a picture is beside the mean of its surroundings: light, fills and mosaics fall away, shapes stay."""
    half = size // 2
    p = numpy.pad(picture.astype(numpy.float32), half, mode="edge")
    s = numpy.pad(p.cumsum(0, dtype=numpy.float64).cumsum(1), ((1, 0), (1, 0)))
    return picture - (s[size:, size:] - s[:-size, size:] - s[size:, :-size] + s[:-size, :-size]) / size ** 2


def solid(mask):
    """Pixels whose eight neighbours are set too: a line that is alike by chance is none."""
    p = numpy.pad(mask, 1)
    out = mask.copy()
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            out &= p[dy:dy + mask.shape[0], dx:dx + mask.shape[1]]
    return out


def keep(folder, name, at, masked, originals):
    """Write a masked picture and its original, one above the other, for people to look at."""
    picture = min(masked, key=lambda m: abs(m[0] - at))[1]
    original = min(originals, key=lambda o: abs(o[0] - at))[1]
    both = numpy.concatenate([picture, original])
    with open(f"{folder}/{name}-{at:.1f}.pgm", "wb") as f:
        f.write(b"P5 %d %d 255\n" % (both.shape[1], both.shape[0]) + both.tobytes())


def leaks(masked, originals, truth, place):
    """
    For each masked picture that has an original and people: (time, pixels of people that are seen as they are, pixels of
    people that could be). A pixel could be seen if the original differs there from the empty place and has structure; it
    is seen if the masked picture has the same structure there, and around it.
    """
    out, times, shapes = [], numpy.array([t for t, _ in originals]), {}
    for at, picture in masked:
        i = int(numpy.argmin(abs(times - at))) if len(times) else -1
        where = truth.mask(at)
        if i < 0 or abs(times[i] - at) > 0.06 or where is None or not where.any():
            continue
        if i not in shapes:
            shapes = {i: structure(originals[i][1])}
        original, shape = originals[i][1], shapes[i]
        person = where & (abs(original.astype(numpy.int16) - place) > PERSON_CONTRAST) & (abs(shape) > STRUCTURE)
        flat = int(picture.max()) - int(picture.min()) < STRUCTURE  # all of it is covered
        seen = 0 if flat else int(solid(person & (abs(structure(picture) - shape) < LEAK_DISTANCE)).sum())
        out.append((at, seen, int(person.sum())))
    return out


def exposures(found):
    """
    The pictures of leaks() in which a person is exposed: a tenth of what could be seen, or some of it in two pictures in a
    row. An outline that runs along a shape in one picture is neither.
    """
    out, before = [], -1.0
    for at, seen, person in found:
        if seen > LEAK:
            if at - before < 0.35 or seen * 10 > person:
                out.append((at, seen, person))
            before = at
    return out
