"""What tests of the REST API and of webhooks share: a token, an HTTP server that stands in for another, and waiting.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

from net_test import PATIENCE


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)  # between two looks


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(text, key):
    """The last part of a token."""
    return base64url(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())


def token_for(audience, store):
    """For a request of the REST API, by the primary key of the server with this store."""
    with open(f"{store}/keys") as keys:
        key = keys.readline().split()[1]
    claims = {"aud": audience, "exp": int(time.time()) + 60}
    text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{text}.{sign(text, key)}"


class StandIn:
    """An HTTP server with the URL `url`. answer(request), of whoever derives from it, gets each request with its
    `body`, and calls reply()."""

    def __init__(self):
        test = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self):
                self.body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                test.answer(self)

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST = do_OPTIONS = handle_request

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @staticmethod
    def reply(request, status, text="", headers=()):
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        if status != 204:
            request.send_header("content-length", str(len(text)))
        request.end_headers()
        request.wfile.write(text.encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
