"""The pages in a real browser: nothing is requested, nothing fails, all can be read and reached."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
import pytest

from tlearn import api
from tlearn.evaluation.explain_page import fall_in_words, png_url

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), "")
Once = Callable[[str, Callable[[Path], object]], Path]

# The page is shown in a frame of a given width; its own policy forbids scripts, so the frame's
# parent looks at it. What the browser complains of goes to its log.
_FRAME = """<body style="margin:0"><iframe style="border:0;width:{width}px;height:900px"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.srcdoc = {page};
frame.onload = () => {{
  const page = frame.contentDocument, view = frame.contentWindow, wide = [];
  for (const element of page.body.querySelectorAll("*")) {{
    const out = element.getBoundingClientRect().right > {width} + 1;
    if (out && !element.closest(".scroll")) wide.push(element.outerHTML.slice(0, 80));
  }}
  const small = [...page.body.querySelectorAll("p, figcaption, label, dd, td")]
    .filter(x => parseFloat(view.getComputedStyle(x).fontSize) < 11).length;
  const broken = [...page.images].filter(x => x.complete && !x.naturalWidth).length;
  const unnamed = [...page.images].filter(x => !x.hasAttribute("alt")).length;
  const result = {{wide, small, broken, unnamed,
    scrolls: page.documentElement.scrollWidth > {width},
    resources: view.performance.getEntriesByType("resource").map(x => x.name)
      .filter(x => !x.startsWith("data:")), reached: reach(page, view)}};
  document.body.innerHTML = "";
  const out = document.createElement("pre");
  out.textContent = "RESULT" + JSON.stringify(result) + "END";
  document.body.append(out);
}};
function reach(page, view) {{
  const points = [...page.querySelectorAll("input[name=point]")];
  if (!points.length) return null;
  points[points.length >> 1].focus();
  points[points.length >> 1].click();
  const shown = [...page.querySelectorAll(".card")]
    .filter(x => view.getComputedStyle(x).display !== "none");
  const box = shown[0].getBoundingClientRect();
  return {{shown: shown.length, focused: page.activeElement === points[points.length >> 1],
    inside: box.left >= 0 && box.right <= {width}}};
}}
</script>"""


@pytest.fixture(scope="module")
def pages(once: Once, linear_head_run: Path) -> Path:
    """A folder with one page of each kind, all about one run."""

    def make(folder: Path) -> None:
        run, images = linear_head_run / "run", linear_head_run / "images"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TLEARN_CACHE", str(linear_head_run / "cache"))
            shown = [images / name / f"{name}_1.png" for name in ("circle", "square")]
            api.explain(run, shown, out=folder / "maps")
            api.explain_network(run, shown[0], out=folder / "network")
            api.explain_folder(run, out=folder / "folder")
        (folder / "report").mkdir()
        shutil.copy(run / "report.html", folder / "report" / "explain.html")

    return once("explain-pages", make)


@pytest.mark.skipif(not BROWSER, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("kind", ["maps", "network", "folder", "report"])
def test_a_page_can_be_read_and_asks_for_nothing(
    pages: Path, tmp_path: Path, kind: str, width: int
) -> None:
    page = (pages / kind / "explain.html").read_text()
    frame = tmp_path / "frame.html"
    text = json.dumps(page).replace("</", "<\\/")
    frame.write_text(_FRAME.format(page=text, width=width))
    words = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom"]
    words += [f"--window-size={width + 20},1000", frame.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in done.stderr, done.stderr
    found = re.search(r"RESULT(.*)END", done.stdout)
    assert found, done.stdout[-2000:]
    result = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert not result["resources"] and not result["broken"] and not result["unnamed"]
    assert not result["wide"] and not result["scrolls"] and not result["small"]
    if kind == "folder":
        assert result["reached"] == {"shown": 1, "focused": True, "inside": True}


@pytest.mark.parametrize("kind", ["maps", "network", "folder"])
def test_a_page_runs_no_script_and_names_no_file_of_another_place(pages: Path, kind: str) -> None:
    page = (pages / kind / "explain.html").read_text()
    assert "<script" not in page and "default-src 'none'" in page
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert {link.split(":")[0] for link in links if not link.startswith("#")} == {"data"}


def test_names_of_files_are_no_markup(linear_head_run: Path, tmp_path: Path) -> None:
    name = '<b onclick="x">.png'
    shutil.copy(linear_head_run / "images" / "circle" / "circle_1.png", tmp_path / name)
    result = api.explain(linear_head_run / "run", [tmp_path / name], out=tmp_path / "page")
    assert result.page
    page = result.page.read_text()
    assert name not in page and escape(name, quote=False).replace('"', "&#34;") in page


def test_a_fall_has_a_sign() -> None:
    assert [fall_in_words(fall) for fall in (0.42, -0.01, 0.0, -0.0001)] == [
        "-42.0 points",
        "+1.0 point",
        "0.0 points",
        "0.0 points",
    ]


def test_a_small_drawing_is_enlarged_without_smoothing() -> None:
    pixels = np.zeros((3, 3), np.uint8)
    assert png_url(pixels, 24).startswith("data:image/png;base64,")
    assert len(png_url(pixels, 24)) < 400
