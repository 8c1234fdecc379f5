#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`lethe models`: what it says is there, and that nothing but the right bytes is ever put in place."""
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading

from harness import check, finish, run, skip

MODELS = pathlib.Path(os.environ["LETHE_MODELS"]) if os.environ.get("LETHE_MODELS") else None
FACE = "face_detection_yunet_2023mar.onnx"


class Server:
    """Answers every path with what `reply` says: (status, bytes, promised length)."""

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body, length = outer.reply(self.path.rsplit("/", 1)[1])
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", body.decode())
                self.send_header("Content-Length", str(length))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/files"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def fetch(folder, server, *names):
    return run("models", "--models", folder, "--fetch", "--yes", "--mirror", server.url, "--json", *names)


def main():
    server = Server()
    folder = pathlib.Path(tempfile.mkdtemp()) / "models"
    p = run("models", "--models", folder, "--json")
    said = json.loads(p.stdout)
    sizes = {m["file"]: m["bytes"] for m in said["models"]}
    check(p.returncode == 0 and not said["persons"] and not said["faces"] and "state c" in said["meaning"],
          "an empty folder is told as what it means", p.stdout)
    check(all(m["state"] == "missing" and len(m["sha256"]) == 64 and m["url"].startswith("https://")
              for m in said["models"]), "each model has address, size, licence and SHA-256")

    bad = {
        "other bytes of the right length": (200, bytes(sizes[FACE]), sizes[FACE]),
        "a page instead of a model": (200, b"<html>sorry</html>", 18),
        "more than the model has": (200, bytes(sizes[FACE] + 1), sizes[FACE] + 1),
        "a promise of the right length that breaks off": (200, bytes(1000), sizes[FACE]),
        "nothing": (404, b"", 0),
        "a refusal": (403, b"", 0),
        "a way to a file of this machine": (302, b"file:///etc/passwd", 0),
    }
    for name, answer in bad.items():
        server.reply = lambda file, answer=answer: answer
        p = fetch(folder, server, FACE)
        left = list(folder.iterdir()) if folder.exists() else []
        check(p.returncode != 0 and not left and len(p.stderr.strip().splitlines()[-1]) > 30,
              f"refused: {name}", f"{p.stderr} {left}")

    p = run("models", "--models", folder, "--fetch", FACE, stdin=subprocess.DEVNULL)
    check(p.returncode == 2 and "--yes" in p.stderr, "without --yes and nobody to ask nothing is fetched", p.stderr)
    p = run("models", "--models", folder, "--fetch", "--yes", "passwd")
    check(p.returncode != 0 and "no model that is known" in p.stderr, "an unknown name is refused", p.stderr)
    p = run("models", "--models", folder, "--fetch", "--yes", "--mirror", "ftp://127.0.0.1/x", FACE)
    check(p.returncode != 0 and not folder.exists(), "only HTTP and HTTPS", p.stderr)

    if not MODELS:
        for name in ("fetched and used", "a damaged one is replaced", "nothing twice"):
            skip(name, "LETHE_MODELS names no folder")
        finish()
    asked = []

    def good(file):
        asked.append(file)
        return 200, (MODELS / file).read_bytes(), sizes[file]

    server.reply = good
    p = fetch(folder, server)
    said = json.loads(p.stdout)
    check(p.returncode == 0 and said["persons"] and said["faces"] and len(asked) == 2
          and sorted(f.name for f in folder.iterdir()) == sorted(asked), "fetched and used: one for each purpose",
          p.stderr)
    best = folder / asked[0]
    best.write_bytes(bytes(sizes[asked[0]]))
    said = json.loads(run("models", "--models", folder, "--json").stdout)
    before = [m["state"] for m in said["models"] if m["file"] == asked[0]]
    p = fetch(folder, server, asked[0])
    check(before == ["other bytes"] and p.returncode == 0 and best.read_bytes() == (MODELS / asked[0]).read_bytes(),
          "a damaged one is told and replaced", p.stderr)
    asked.clear()
    p = fetch(folder, server)
    check(p.returncode == 0 and not asked, "nothing is fetched twice", p.stderr)
    finish()


main()
