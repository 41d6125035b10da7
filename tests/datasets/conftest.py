import contextlib
import http.server
import threading
import time

import pytest

BODY = bytes(range(256)) * 4000  # 1 MB


class Server:
    """Answers on 127.0.0.1, each request after its plan, and then as it should.

    A plan: ``cut`` ends the answer after so many bytes, ``code`` refuses, ``ranges``
    tells whether it can begin in the middle, ``length`` whether it tells its length, or
    what it tells instead. ``endless`` sends so many bytes at most and ``pause`` waits
    between pieces [s].
    ``files`` are bodies by the last part of the address; else there is one body.
    """

    def __init__(self, *plans, body=BODY, files=None):
        self.plans, self.body, self.files = list(plans), body, files
        self.asked = []  # the range each request asked for
        self.sent = 0  # without an end in sight [bytes]
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/set/file.bin"

    def answer(self, request):
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        plan = self.plans.pop(0) if self.plans else {}
        body = self.files[request.path.split("/")[-1]] if self.files else self.body
        begin, code = 0, plan.get("code", 200)
        if code == 200 and wanted and plan.get("ranges", True):
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            code = 206 if begin < len(body) else 416
        part = body[begin:] if code < 300 else b""
        request.send_response(code)
        if code == 206:
            told = plan.get("begin", begin)
            request.send_header("Content-Range", f"bytes {told}-/{len(body)}")
        if code == 416:
            request.send_header("Content-Range", f"bytes */{len(body)}")
        length = plan.get("length", True)
        if length:
            told = len(part) if length is True else length
            request.send_header("Content-Length", str(told))
        request.end_headers()
        part = part[: plan.get("cut", len(part))]
        with contextlib.suppress(ConnectionError):
            request.wfile.write(part)
            for _ in range(plan.get("endless", 0) // 2**16):
                self.sent += 2**16
                request.wfile.write(bytes(2**16))
                time.sleep(plan.get("pause", 0.0))

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def serve():
    """Makes a server, to be used in a ``with``."""
    return Server
