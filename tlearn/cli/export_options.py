"""Options of `tlearn export`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from tlearn.cli import options
from tlearn.cli.units import parse_refuse
from tlearn.errors import RecipeError

_FORMATS, _BUDGET, _ANSWERS = "Formats", "Budget", "Answers"


def parse_layout(text: str) -> str:
    """Return one of `contract.LAYOUTS`, however its letters are written.

    Raises:
        RecipeError: It is none.
    """
    from tlearn.artifacts.contract import LAYOUTS

    if text.upper() not in LAYOUTS:
        raise RecipeError(
            f"--layout '{text}': no such order of axes",
            "choose nhwc or nchw: --layout nchw",
        )
    return text.upper()


def parse_runtime(text: str) -> str:
    """Return a version as "2.14" or "2.14.0" is one.

    Raises:
        RecipeError: It is none.
    """
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4}){1,2}", text, re.ASCII):
        raise RecipeError(
            f"--for-runtime '{text}': not a version", "write it with dots: --for-runtime 2.14"
        )
    return text


Tflite = Annotated[
    bool, options.switch("LiteRT (TFLite), for phones and boards.", "--tflite", _FORMATS)
]
Onnx = Annotated[bool, options.switch("ONNX; needs pip install '.\\[onnx]'.", "--onnx", _FORMATS)]
OpenVino = Annotated[
    bool,
    options.switch(
        "OpenVINO (.xml and .bin); needs pip install '.\\[openvino]'.", "--openvino", _FORMATS
    ),
]
SavedModel = Annotated[
    bool, options.switch("TensorFlow SavedModel, for servers.", "--saved-model", _FORMATS)
]
Quantize = Annotated[
    list[str] | None,
    options.option(
        "Numbers in the LiteRT file: none (float32), float16 (half the size), dynamic (a "
        "quarter), int8 (a quarter, for NPUs), int8-float (int8 inside, floats in and out). "
        "Implies --tflite; repeatable.",
        "MODE",
        _FORMATS,
    ),
]
Out = Annotated[
    Path | None, options.option("Where the files go. Default: export/ in the run.", "DIR")
]
MaxDrop = Annotated[
    float,
    options.option(
        "Largest loss of accuracy allowed, in percentage points.",
        "POINTS",
        min=0,
        max=100,
        show_default=True,
    ),
]
MaxSize = Annotated[
    str | None,
    options.option(
        "Keep only the best LiteRT file of at most this size; all modes are tried unless "
        "--quantize names some.",
        "4MB",
        _BUDGET,
    ),
]
MaxLatency = Annotated[
    str | None,
    options.option(
        "The same for the time per image, on one thread of this machine.", "30ms", _BUDGET
    ),
]
Refuse = Annotated[
    float | None,
    options.option(
        "Share of images of the classes that may be answered by 'none of these'; more refuses "
        "more strangers, 0 refuses nothing. Default: 5%.",
        "SHARE",
        _ANSWERS,
        parser=parse_refuse,
    ),
]
Prior = Annotated[
    list[str] | None,
    options.option(
        "How frequent a class will be in use, e.g. cats=0.9; repeatable. Classes that are not "
        "named divide the rest as in training. The files answer accordingly.",
        "CLASS=SHARE",
        _ANSWERS,
    ),
]
WithMaps = Annotated[
    bool,
    options.switch(
        "Give the files a third output, map: where in the image the answer comes from.",
        "--with-maps",
        _ANSWERS,
    ),
]
WithEmbedding = Annotated[
    bool,
    options.switch(
        "Give the files one more output, embedding: what the head reads.",
        "--with-embedding",
        _ANSWERS,
    ),
]
Snippet = Annotated[
    list[str] | None,
    options.option(
        "Also write a short program that uses each LiteRT file (python, android, ios, web, or "
        "teach, a page that learns classes) or the ONNX file (opencv). Implies the format; "
        "repeatable.",
        "PLATFORM",
        _FORMATS,
    ),
]

Bundle = Annotated[
    bool,
    options.switch(
        "Lay beside the page of --snippet web or teach what runs it, fetched by npm "
        "(LiteRT.js, 10 MB).",
        "--bundle",
        _FORMATS,
    ),
]
Layout = Annotated[
    str | None,
    options.option(
        "Order of the axes of the ONNX file's input: nhwc (color last, as in the other formats) or "
        "nchw (color first, as OpenCV's blobFromImage gives it). Default: nhwc.",
        "ORDER",
        _FORMATS,
        parser=parse_layout,
    ),
]
ForRuntime = Annotated[
    str | None,
    options.option(
        "Version of TensorFlow Lite or tflite-runtime on the device: LiteRT files that need a "
        "newer one are not written. Alone, it keeps the best mode that runs there.",
        "2.14",
        _BUDGET,
        parser=parse_runtime,
    ),
]
