# SPDX-License-Identifier: AGPL-3.0-or-later
"""A logger, its socket, its cosigner and witnesses, for tests."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import LETHE, free_port, run, wait_for


class Sock:
    """log.sock."""

    def __init__(self, data, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(pathlib.Path(data) / "run/log.sock"))
        self.file = self.socket.makefile("rw")

    def send(self, text):
        self.file.write(text)
        self.file.flush()

    def answer(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("hung up")
        return json.loads(line)

    def call(self, **request):
        self.send(json.dumps(request) + "\n")
        return self.answer()

    def append(self, *entries):
        return self.call(op="append", entries=list(entries))

    def close(self):
        try:
            self.file.close()
        except OSError:
            pass  # what it had not sent yet
        self.socket.close()


class Process:
    """A role started by hand."""

    def __init__(self, folder, *args, name="process"):
        self.args, self.log_path = [LETHE, *map(str, args)], pathlib.Path(folder) / f"{name}.log"
        self.process = None

    def start(self):
        self.log = open(self.log_path, "a")
        self.process = subprocess.Popen(self.args, stdout=subprocess.PIPE, stderr=self.log, text=True)
        return self

    def text(self):
        return self.log_path.read_text()

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode if self.process else None


class Logger(Process):
    def __init__(self, folder, settings=""):
        folder = pathlib.Path(folder)
        self.data, self.config = folder / "data", folder / "lethe.yaml"
        self.data.mkdir(exist_ok=True)
        self.config.write_text(settings or "public_log:\n  origin: example.org/log\n")
        super().__init__(folder, "logger", "--data", self.data, "--config", self.config, name="logger")

    def start(self, ready=True):
        sock = self.data / "run/log.sock"
        if sock.exists():
            sock.unlink()
        super().start()
        if ready and not wait_for(lambda: sock.exists() or self.process.poll() is not None, 60):
            raise AssertionError("no socket: " + self.text()[-1000:])
        return self

    def sock(self):
        return wait_for(lambda: _try_sock(self.data), 30)

    def vkey(self):
        return (self.data / "log/keys").read_text().split()[0]

    def checkpoint(self):
        return (self.data / "log/checkpoint").read_bytes()

    def status(self):
        s = self.sock()
        answer = s.call(op="status")
        s.close()
        return answer


def _try_sock(data):
    try:
        return Sock(data)
    except OSError:
        return None


class Witness(Process):
    def __init__(self, folder, name, *vkeys):
        self.port, self.name = free_port(), name
        keys = [a for v in vkeys for a in ("--log", v)]
        super().__init__(folder, "witness", "--dir", pathlib.Path(folder) / f"witness-{name}", "--name",
                         f"{name}.example/witness", "--listen", f"127.0.0.1:{self.port}", *keys, name=f"witness-{name}")

    def start(self):
        super().start()
        self.vkey = self.process.stdout.readline().strip()
        self.url = f"http://127.0.0.1:{self.port}"
        if not wait_for(self.answers, 30):
            raise AssertionError("no answer: " + self.text()[-1000:])
        return self

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        except OSError:
            return False


class Peer:
    """A witness that misbehaves as `answer(handler, body)` says."""

    def __init__(self, answer):
        requests = self.requests = []

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def reply(self, status, body, kind="text/plain"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                requests.append(body)
                try:
                    answer(self, body)
                except OSError:
                    pass

            def do_GET(self):
                requests.append(self.path.encode())
                try:
                    answer(self, None)
                except OSError:
                    pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def entry(text):
    return f"lethe-log/v1 test\nid {text}\n"


def show(data, *args):
    r = run("log", *args)
    return r, json.loads(r.stdout) if r.stdout.startswith("{") else None


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False
