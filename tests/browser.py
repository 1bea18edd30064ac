"""A headless Chromium, driven over a pipe by the DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE_S = 60.0
"""For an answer: drawing without a GPU takes a while on a busy machine."""


class Page:
    """One page of the browser.

    Attributes:
        problems: messages of errors and warnings, and addresses that the page asked for beyond its own file.
    """

    def __init__(self, writes: int, reads: int) -> None:
        self._writes, self._reads = writes, reads
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session: str | None = None
        self.problems: list[str] = []
        target = next(one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def open(self, path: Path) -> None:
        """Load a file, and wait until it says that it is ready."""
        self.problems.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("document.readyState === 'complete' && document.body.dataset.ready === 'true'")

    def wait_for(self, claim: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _PATIENCE_S
        while not self.value(claim):
            assert time.monotonic() < end, f"never true: {claim}; problems: {self.problems}"
            time.sleep(0.02)

    def value(self, expression: str) -> Any:
        """What an expression, or its promise, gives."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key where the focus is."""
        text = key if len(key) == 1 else ""
        names = {" ": "Space"}
        event = {
            "key": key,
            "code": names.get(key, key),
            "modifiers": 8 if shift else 0,
            "windowsVirtualKeyCode": _code(key),
        }
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **event)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press the left button at a place [px], move to another, and let go."""
        at = ((start, "mousePressed"), (end, "mouseMoved"), (end, "mouseReleased"))
        for (x, y), kind in at:
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def resize(self, width: int, height: int, *, is_dark: bool = False) -> None:
        """Set the window's size [px] and the colour scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    @contextlib.contextmanager
    def scripted(self, source: str) -> Iterator[None]:
        """Run a script before those of each page that is opened inside the block."""
        number = self.ask("Page.addScriptToEvaluateOnNewDocument", source=source)["identifier"]
        yield
        self.ask("Page.removeScriptToEvaluateOnNewDocument", identifier=number)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is to be seen as a PNG file."""
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its answer; events that come meanwhile are looked at."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self._look_at(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reads], [], [], _PATIENCE_S)
            assert ready, "the browser does not answer"
            part = os.read(self._reads, 1 << 20)
            assert part, "the browser has ended"
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def _look_at(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.problems.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.problems.append(f"{params['type']}: {[one.get('value') for one in params['args']]}")
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.problems.append(params["entry"]["text"])
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith(("file:", "data:", "blob:")):
                self.problems.append(f"asked for {params['request']['url']}")


def _code(key: str) -> int:
    known = {
        " ": 32,
        "ArrowLeft": 37,
        "ArrowUp": 38,
        "ArrowRight": 39,
        "ArrowDown": 40,
        "Tab": 9,
        "Home": 36,
        "End": 35,
        "PageUp": 33,
        "PageDown": 34,
    }
    return known.get(key, ord(key.upper()[0]))


@contextlib.contextmanager
def open_browser(profile: Path) -> Iterator[Page]:
    """Start Chromium with a new profile folder, and end it."""
    assert CHROMIUM is not None
    to_browser, writes = os.pipe()
    reads, from_browser = os.pipe()

    # The browser reads 3 and writes 4. A shell opens them: functions between fork and exec are not safe beside JAX's threads.
    opened = f'exec "$0" "$@" 3</dev/fd/{to_browser} 4>/dev/fd/{from_browser}'
    process = subprocess.Popen(
        ["sh", "-c", opened, CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        page = Page(writes, reads)
        yield page
        page._session = None
        page.ask("Browser.close")
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        os.close(writes)
        os.close(reads)
