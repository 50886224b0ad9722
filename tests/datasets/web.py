"""A web server on this machine whose answers a test chooses."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers `/name` with what `serve(name, answer)` was given, and 404 otherwise; counts the requests."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []

    def serve(self, name: str, answer: Answer) -> str:
        self.answers[f"/{name}"] = answer
        return f"{self.address}/{name}"


def whole(body: bytes) -> Answer:
    """The file, as it should be."""
    return promising(len(body), body)


def promising(length: int | None, body: bytes) -> Answer:
    """The body under a Content-Length of its own (None: no such header), then the end of the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def status(code: int) -> Answer:
    """An error page."""
    return lambda handler: handler.send_error(code)


def silent(seconds: float) -> Answer:
    """Nothing at all for a while."""
    return lambda handler: time.sleep(seconds)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@contextmanager
def running_server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append(self.path)
            site.answers.get(self.path, status(404))(self)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        site = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        http.shutdown()
        thread.join()
