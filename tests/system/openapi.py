# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests over HTTP whose answers are held to docs/api/openapi.yaml. Needs python3-yaml and python3-jsonschema."""
import base64
import http.client
import json
import pathlib
import re
import ssl

import jsonschema
import yaml

SPEC = yaml.safe_load((pathlib.Path(__file__).parents[2] / "docs/api/openapi.yaml").read_text())


def resolve(node):
    """Follows one $ref, keeping what stands beside it."""
    if "$ref" not in node:
        return node
    target = SPEC
    for part in node["$ref"][2:].split("/"):
        target = target[part]
    return {**resolve(target), **{k: v for k, v in node.items() if k != "$ref"}}


def schema_errors(schema, value):
    whole = {**schema, "components": SPEC["components"]}
    return [e.message for e in jsonschema.Draft202012Validator(whole).iter_errors(value)]


def operations():
    for path, item in SPEC["paths"].items():
        for method, op in item.items():
            if method in ("get", "post", "put", "delete"):
                yield method.upper(), path, op


def find(method, path):
    """The operation that @path belongs to; fixed segments are meant before names in braces."""
    best = None
    for m, pattern, op in operations():
        expression = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(pattern))
        if m == method and re.fullmatch(expression, path) and (best is None or "{" in best[0]):
            best = (pattern, op)
    return best


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def json(self):
        return json.loads(self.body)


class Client:
    """One who asks: with a cookie, a token, or nothing."""

    def __init__(self, port, tls=False, token=None, basic=None):
        self.port, self.tls, self.token, self.basic, self.cookie = port, tls, token, basic, None
        self.broken = []  # breaches of the description

    def origin(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def connect(self, timeout=30):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)

    def headers(self, method, given):
        headers = dict(given or {})
        if self.cookie and "Cookie" not in headers:
            headers["Cookie"] = self.cookie
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if self.basic:
            headers.setdefault("Authorization", "Basic " + base64.b64encode(f"any:{self.basic}".encode()).decode())
        if method not in ("GET", "HEAD") and self.cookie:
            headers.setdefault("Origin", self.origin())
        return {k: v for k, v in headers.items() if v is not None}

    def open(self, method, path, headers=None, timeout=30):
        """A response that is not read, for answers that do not end."""
        c = self.connect(timeout)
        c.request(method, path, headers=self.headers(method, headers))
        return c, c.getresponse()

    def ask(self, method, path, body=None, headers=None, described=True, raw=None):
        c = self.connect()
        headers = self.headers(method, headers)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        c.request(method, path, raw if raw is not None else None if body is None else json.dumps(body), headers)
        r = c.getresponse()
        answer = Answer(r, r.read())
        c.close()
        if r.headers.get("Set-Cookie"):
            name, _, value = r.headers["Set-Cookie"].split(";")[0].partition("=")
            self.cookie = f"{name}={value}" if value else None
        if described:
            self.hold(method, path, body, answer)
        return answer

    def get(self, path, **kw):
        return self.ask("GET", path, **kw)

    def hold(self, method, path, body, answer):
        """What the description says of this answer, and of the request if it was accepted."""
        found = find("GET" if method == "HEAD" else method, path.partition("?")[0])
        where = f"{method} {path} {answer.status}"
        if not found:
            return
        op = found[1]
        if str(answer.status) not in op["responses"]:
            self.broken.append(f"{where}: this status is not described ({answer.body[:200]!r})")
            return
        content = resolve(op["responses"][str(answer.status)]).get("content", {})
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0]
        if answer.status == 204 or method == "HEAD":
            return
        if kind not in content:
            self.broken.append(f"{where}: {kind} is not described")
        elif kind == "application/json":
            self.broken += [f"{where}: {e}" for e in schema_errors(content[kind]["schema"], answer.json())]
        if body is not None and answer.status < 300 and "requestBody" in op:
            schema = op["requestBody"]["content"]["application/json"]["schema"]
            self.broken += [f"{where}: accepted, though {e}" for e in schema_errors(schema, body)]
