"""A page on this machine that shows pictures as they come, by MJPEG; it needs nothing else."""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2

from mbcli.errors import ConfigError
from mbcli.video.presentation import RgbImage

_HOST = "127.0.0.1"  # nobody else sees it
_QUALITY = 80  # of JPEG, 0 to 100: no artefacts that are seen on moving pictures
_WAIT = 1.0  # seconds after which a picture that has not changed is sent again

_HTML = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>mbcli live</title>
<style>body { margin: 0; background: #1e2025 } img { width: 100%; max-height: 100vh; object-fit: contain }</style>
<img src="pictures" alt="The camera's picture with everybody's skeleton, and their poses in space">
</html>
"""  # noqa: E501
_PART = b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n"


class Page:
    """Serves the page until it is closed.

    Attributes:
        url: its address. It holds a secret, since other pages in the browser could ask for the
            camera's pictures too.

    Raises:
        ConfigError: the port is in use.
    """

    def __init__(self, port: int = 0) -> None:
        self._changed = threading.Condition()
        self._picture, self._number, self._closed = b"", 0, False
        self.path = f"/{secrets.token_urlsafe(9)}/"
        handler = type("Handler", (_Handler,), {"page": self})
        try:
            self._server = ThreadingHTTPServer((_HOST, port), handler)
        except OSError as error:
            raise ConfigError(f"--port {port} cannot be used: {error.strerror}") from error
        self._server.daemon_threads = True
        self.url = f"http://{_HOST}:{self._server.server_port}{self.path}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def show(self, picture: RgbImage) -> bool:
        """Show a picture; always True, as a page cannot end a run."""
        quality = [int(cv2.IMWRITE_JPEG_QUALITY), _QUALITY]
        _, encoded = cv2.imencode(".jpg", picture[..., ::-1], quality)
        with self._changed:
            self._picture, self._number = encoded.tobytes(), self._number + 1
            self._changed.notify_all()
        return True

    def close(self) -> None:
        """End the server."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def after(self, number: int) -> tuple[int, bytes] | None:
        """Wait for a picture after that number: its number and JPEG; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._number != number, _WAIT)
            return None if self._closed else (self._number, self._picture)


class _Handler(BaseHTTPRequestHandler):
    page: Page

    def do_GET(self) -> None:
        """The page, or its pictures."""
        if self.path == self.page.path:
            self._answer("text/html; charset=utf-8", len(_HTML))
            self.wfile.write(_HTML)
        elif self.path == f"{self.page.path}pictures":
            self._answer("multipart/x-mixed-replace; boundary=picture")
            # Whoever watched may have left.
            with suppress(OSError):
                self._stream()
        else:
            self.send_error(404)

    def _stream(self) -> None:
        number = 0
        while (found := self.page.after(number)) is not None:
            number, picture = found
            if picture:
                self.wfile.write(_PART % (len(picture), picture))

    def _answer(self, kind: str, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""
