"""Chromium, to open pages in a folder without a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)

DRIVER = """<!doctype html>
<script type="module">
const page = Object.assign(document.createElement("iframe"), { src: "PAGE" });
document.documentElement.append(page);
const find = selector => page.contentDocument?.querySelector(selector);
const pause = () => new Promise(resolve => setTimeout(resolve, 20));
const wait = async done => { while (!done()) await pause() };
await wait(() => find("#status") && find("#status").textContent !== "loading");
const left = () => find("#status").textContent.match(/^(\\d+) of (\\d+) files$/) ?? [0, 0, 0];
for (const [selector, names] of DROPS) {
  const dataTransfer = new DataTransfer();
  for (const name of names) {
    const blob = await (await fetch(name)).blob();
    dataTransfer.items.add(new File([blob], name, { type: blob.type }));
  }
  const place = find(selector), before = find("#status").textContent;
  if (place.type === "file") {
    place.files = dataTransfer.files;
    place.dispatchEvent(new Event("change"));
    await wait(() => find("#status").textContent !== before);
  } else place.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
  await wait(() => left()[1] === left()[2]);
}
const lines = [...page.contentDocument.querySelectorAll("#answers li")];
const said = [find("#status").textContent, ...lines.map(line => line.innerText)];
await fetch("said", { method: "POST", body: JSON.stringify(said) });
</script>"""


class Browser:
    """A folder, served on this machine alone, and Chromium to open its pages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: Queue[list[str]] = Queue()
        said = self.said

        class Handler(SimpleHTTPRequestHandler):
            def do_POST(self) -> None:
                said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, page: str, *drops: tuple[str, list[str]]) -> tuple[list[str], str]:
        """Drop files on elements of a page, or choose them: its status, its lines, the console."""
        driver = DRIVER.replace("PAGE", page).replace("DROPS", json.dumps(drops))
        (self.folder / "driver.html").write_text(driver)
        return self.open("driver.html")

    def open(self, page: str) -> tuple[list[str], str]:
        """Open a page that posts what it has to say to "said": that, and the console."""
        line = [
            *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu"),
            *(f"--user-data-dir={self.folder / 'profile'}", "--enable-logging=stderr"),
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            f"http://127.0.0.1:{self.server.server_port}/{page}",
        ]
        with (self.folder / "log").open("w") as log:
            chromium = subprocess.Popen(line, stdout=log, stderr=log)
            try:
                said = self.said.get(timeout=120)
            except Empty:
                raise TimeoutError((self.folder / "log").read_text()) from None
            finally:
                chromium.terminate()
                chromium.wait()
        console = re.findall(r".*CONSOLE.*", (self.folder / "log").read_text())
        return said, "\n".join(line for line in console if "favicon" not in line)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
