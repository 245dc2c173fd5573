"""The page for browsers is opened in Chromium, without a network, and answers as the file does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import numpy as np
import pytest

from tests.export.test_snippets import images, models
from tlearn.artifacts.runtime import run_artifact
from tlearn.data.decode import RESIZE_RULES, decode
from tlearn.errors import HostError
from tlearn.export import web_runtime
from tlearn.export.snippets import write_snippet

__all__ = ["images", "models"]
pytestmark = pytest.mark.slow

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
SIZE = 32

DRIVER = """<!doctype html>
<script type="module">
const page = Object.assign(document.createElement("iframe"), { src: "PAGE" });
document.documentElement.append(page);
const find = selector => page.contentDocument?.querySelector(selector);
const pause = () => new Promise(resolve => setTimeout(resolve, 20));
const wait = async done => { while (!done()) await pause() };
await wait(() => find("#status") && find("#status").textContent !== "loading");
if (!find("#files").disabled) {
  const transfer = new DataTransfer();
  for (const name of FILES)
    transfer.items.add(new File([await (await fetch(name)).blob()], name, { type: "image/png" }));
  page.contentWindow.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer }));
  await wait(() => find("#status").textContent.startsWith(`${FILES.length} of `));
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

    def answer(self, page: str, files: list[str]) -> tuple[list[str], str]:
        """Drop files on a page: what its status and its lines say, and what the console says."""
        driver = DRIVER.replace("PAGE", page).replace("FILES", json.dumps(files))
        (self.folder / "driver.html").write_text(driver)
        line = [
            *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu"),
            *(f"--user-data-dir={self.folder / 'profile'}", "--enable-logging=stderr"),
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            f"http://127.0.0.1:{self.server.server_port}/driver.html",
        ]
        with (self.folder / "log").open("w") as log:
            chromium = subprocess.Popen(line, stdout=log, stderr=log)
            try:
                said = self.said.get(timeout=120)
            except Empty:
                pytest.fail((self.folder / "log").read_text())
            finally:
                chromium.terminate()
                chromium.wait()
        console = re.findall(r".*CONSOLE.*", (self.folder / "log").read_text())
        return said, "\n".join(line for line in console if "favicon" not in line)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("Chromium is not on this machine")
    try:
        web_runtime.lay(tmp_path)
    except HostError as error:
        pytest.skip(error.message)
    browser = Browser(tmp_path)
    yield browser
    browser.server.shutdown()
    browser.server.server_close()


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_the_page_answers_as_the_file_does(
    models: dict[str, Path], images: list[Path], browser: Browser, rule: str
) -> None:
    """Of what a browser reads as Pillow does: 16 bits and CMYK are left to it."""
    page = write_snippet(models[rule], "web")
    files = [path for path in images if path.suffix == ".png" and path.stem != "deep"]
    for path in (models[rule], page, *files):
        shutil.copy(path, browser.folder)
    (browser.folder / "broken.png").write_text("this is no image")
    names = [path.name for path in files] + ["broken.png"]
    (status, *lines), console = browser.answer(page.name, names)
    assert status.startswith(f"{len(names)} of {len(names)}") and not console
    assert lines.pop() == "broken.png: this browser cannot read it as an image"
    pixels = np.stack([decode(image, SIZE, rule) for image in files])
    for line, image, answer in zip(lines, files, run_artifact(models[rule], pixels), strict=True):
        assert answer.known is not None
        name, label, *shown = re.split("\n+", line)
        assert name == image.name
        assert (label == "none of these") == (answer.known < 0.05)
        values = [float(row.split()[-1]) for row in shown if not row.startswith("one of")]
        ranked = np.sort(answer.probabilities)[::-1]
        assert values == pytest.approx(ranked, abs=0.05), image.name


def test_the_page_says_what_is_missing(models: dict[str, Path], browser: Browser) -> None:
    page = write_snippet(models["squash"], "web")
    shutil.copy(page, browser.folder)
    (browser.folder / "litert" / "bundle.js").unlink()
    (status, *lines), _ = browser.answer(page.name, [])
    assert status.startswith("Missing beside this page: model.tflite, litert/bundle.js.")
    assert "--bundle" in status and not lines
