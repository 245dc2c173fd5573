"""Programs as a user would write them; SIZE, LABELS and the like are filled in from the contract.

Each answers the images on its command line in the lines that the programs of `--snippet` print:
the file, and each label with its probability. The one for a browser posts these lines. Those in
JavaScript prepare images by functions of the page that `--snippet web` writes, in `prepare.mjs`.
"""

from __future__ import annotations

_PYTHON = """\
import sys
import numpy as np
from PIL import Image, ImageOps
START
LABELS = NAMES
for path in sys.argv[1:]:
    image = Image.open(path)
    image.draft("RGB", (2 * SIZE, 2 * SIZE))
    image = ImageOps.exif_transpose(image).convert("RGB")
    pixels = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR, reducing_gap=3))
    ANSWER
    print(path, *map("{} {:.6f}".format, LABELS, probabilities), sep="\\t")
"""
_IN_PYTHON = {
    "onnxruntime": (
        """\
import onnxruntime
session = onnxruntime.InferenceSession("model.onnx")""",
        """\
    (rows,) = session.run(["probabilities"], {"image": pixels[np.newaxis].astype(np.float32)})
    probabilities = rows[0]""",
    ),
    "openvino": (
        """\
import openvino
settings = {"INFERENCE_PRECISION_HINT": "f32"}
network = openvino.Core().compile_model("model.xml", "CPU", settings)""",
        """\
    answer = network({"image": pixels[np.newaxis].astype(np.float32)})
    probabilities = answer["probabilities"][0]""",
    ),
    "tensorflow": (
        """\
import tensorflow as tf
network = tf.saved_model.load("saved_model")
answer = network.signatures["serving_default"]""",
        """\
    image = tf.constant(pixels[np.newaxis], tf.float32)
    probabilities = answer(image=image)["probabilities"][0].numpy()""",
    ),
    "mediapipe": (
        """\
import mediapipe as mp
classifier = mp.tasks.vision.ImageClassifier.create_from_model_path("model.tflite")""",
        """\
    answer = classifier.classify(mp.Image(mp.ImageFormat.SRGB, pixels))
    heads = {head.head_name: head.categories for head in answer.classifications}
    scores = {each.category_name: each.score for each in heads["probabilities"]}
    probabilities = [scores[label] for label in LABELS]""",
    ),
    "tflite_micro": (
        """\
from tflite_micro.python.tflite_micro import runtime
network = runtime.Interpreter.from_file("model_int8.tflite", arena_size=64 << 20)""",
        """\
    network.set_input(pixels[np.newaxis], 0)
    network.invoke()
    probabilities = (network.get_output(OUTPUT)[0] - float(ZERO_POINT)) * SCALE""",
    ),
}
NODE = """\
import ort from "onnxruntime-node";
import sharp from "sharp";
import { fit, reduced } from "./prepare.mjs";
const LABELS = NAMES;
const session = await ort.InferenceSession.create("model.onnx");
for (const path of process.argv.slice(2)) {
  const image = sharp(path).rotate().ensureAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  const rgba = fit(...reduced(data, info.width, info.height));
  const rgb = Float32Array.from(rgba.filter((_, n) => n % 4 < 3));
  const tensor = new ort.Tensor("float32", rgb, [1, SIZE, SIZE, 3]);
  const { probabilities } = await session.run({ image: tensor });
  console.log([path, ...LABELS.map((name, n) => `${name} ${probabilities.data[n]}`)].join("\\t"));
}
"""
BROWSER = """\
<!doctype html>
<script type="module">
import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";
import { prepare } from "./prepare.mjs";
ort.env.wasm.numThreads = 1;
const LABELS = NAMES;
const session = await ort.InferenceSession.create("model.onnx");
const lines = [];
for (const path of FILES) {
  const rgba = await prepare(await (await fetch(path)).blob());
  const rgb = Float32Array.from(rgba.filter((_, n) => n % 4 < 3));
  const tensor = new ort.Tensor("float32", rgb, [1, SIZE, SIZE, 3]);
  const { probabilities } = await session.run({ image: tensor });
  lines.push([path, ...LABELS.map((name, n) => `${name} ${probabilities.data[n]}`)].join("\\t"));
}
await fetch("said", { method: "POST", body: JSON.stringify(lines) });
</script>
"""


def python_program(package: str) -> str:
    """Return the program that answers by a package of Python."""
    start, answer = _IN_PYTHON[package]
    return _PYTHON.replace("START", start).replace("    ANSWER", answer)
