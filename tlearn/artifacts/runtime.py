"""Run an artefact as a phone or a server would: one picture in, probabilities out.

No runtime here needs tlearn's own model, and only a SavedModel needs TensorFlow. Those of ONNX
and OpenVINO are extras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tlearn.artifacts.extras import import_openvino, require_extra
from tlearn.backend.silence import silence_output
from tlearn.data.pixel_store import PixelArray
from tlearn.errors import ExportError

_INPUT = "image"
_AGAIN = "Export it again: tlearn export RUN"


class Runtime(Protocol):
    """An artefact that is ready to run; `shape` is (height, width, 3) of its pictures."""

    shape: tuple[int, ...]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Probabilities (classes,) float32 of one picture (height, width, 3), 0 to 255."""


def open_runtime(path: Path, threads: int = 2) -> Runtime:
    """The runtime for an artefact, by what its name says it is.

    Args:
        path: A .tflite or .onnx file, the .xml of an OpenVINO pair, or the directory of a
            SavedModel.
        threads: Of the processor; a SavedModel takes its own.

    Raises:
        ExportError: There is no runtime for it, or the runtime cannot read it.
        HostError: The runtime is an extra that is not installed.
    """
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix](path, threads)
    if path.is_dir():
        return SavedModelRuntime(path)
    raise ExportError(f"{path} is no artefact of tlearn.", _AGAIN)


def run_artifact(path: Path, pixels: PixelArray, threads: int = 2) -> np.ndarray:
    """Run an artefact on pictures, one at a time as a phone has them.

    Args:
        path: See `open_runtime`.
        pixels: uint8 (n, height, width, 3); may be a memory map.
        threads: Of the processor.

    Returns:
        Probabilities (n, classes), float32.

    Raises:
        ExportError: The artefact cannot be run.
    """
    runtime = open_runtime(path, threads)
    return np.stack([runtime(image) for image in pixels])


def takes_threads(path: Path) -> bool:
    """Whether the runtime of an artefact can be told how many threads to take."""
    return not path.is_dir()


def drawn_image(runtime: Runtime) -> np.ndarray:
    """A picture of the size that a runtime takes, uint8 (height, width, 3), to time it with."""
    return np.random.default_rng(0).integers(0, 256, runtime.shape, np.uint8)


class TfliteRuntime:
    """One LiteRT file, ready to run; quantised ends are translated to pixels and probabilities.

    Args:
        path: The file.
        threads: Of the processor.

    Raises:
        ExportError: LiteRT cannot read or prepare the file.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with silence_output():
                self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise _refusal("LiteRT", path, error) from error
        inputs = self._interpreter.get_input_details()
        self.shape = _image_shape(path, {one["name"]: one["shape"].tolist() for one in inputs})
        self._input, self._output = inputs[0], self._interpreter.get_output_details()[0]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Probabilities (classes,) float32 of one picture (height, width, 3), 0 to 255."""
        self._interpreter.set_tensor(
            self._input["index"], _quantize(image, self._input)[np.newaxis]
        )
        self._interpreter.invoke()
        return _dequantize(self._interpreter.get_tensor(self._output["index"])[0], self._output)


class OnnxRuntime:
    """One ONNX file in ONNX Runtime, on the processor.

    Args:
        path: The file.
        threads: Of the processor.

    Raises:
        ExportError: ONNX Runtime cannot read or prepare the file.
        HostError: It is not installed.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        require_extra("onnx", ("onnxruntime",))
        with silence_output():
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            try:
                self._session = onnxruntime.InferenceSession(
                    str(path), options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:  # its errors have no ancestor but this
                raise _refusal("ONNX Runtime", path, error) from error
        inputs = {one.name: one.shape for one in self._session.get_inputs()}
        self.shape = _image_shape(path, inputs, _INPUT)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """See `Runtime`."""
        batch = np.asarray(image, np.float32)[np.newaxis]
        return np.asarray(self._session.run(["probabilities"], {_INPUT: batch})[0])[0]


class OpenVinoRuntime:
    """One OpenVINO pair on the processor, in float32.

    Left to itself OpenVINO rounds to bfloat16 where a processor has it, and probabilities move
    by hundredths; the file is held to what it says.

    Args:
        path: The .xml; the .bin lies beside it.
        threads: Of the processor.

    Raises:
        ExportError: OpenVINO cannot read or prepare the file.
        HostError: It is not installed.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        require_extra("openvino")
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
        }
        with silence_output():
            openvino = import_openvino()
            try:
                self._run = openvino.Core().compile_model(str(path), "CPU", settings)
            except RuntimeError as error:
                raise _refusal("OpenVINO", path, error) from error
        inputs = {one.any_name: sides_of(one.partial_shape) for one in self._run.inputs}
        self.shape = _image_shape(path, inputs, _INPUT)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """See `Runtime`."""
        batch = np.asarray(image, np.float32)[np.newaxis]
        return np.array(self._run({_INPUT: batch})["probabilities"][0])


class SavedModelRuntime:
    """A SavedModel behind its signature `serving_default`.

    Raises:
        ExportError: It is no SavedModel, or one without that signature.
    """

    def __init__(self, path: Path) -> None:
        with silence_output():
            import tensorflow as tf

            try:
                # Kept whole: it owns the variables that its signature reads.
                self._loaded = tf.saved_model.load(str(path))
            except OSError as error:
                raise ExportError(f"{path} is not a SavedModel.", _AGAIN) from error
        self._constant = tf.constant
        serve = self._loaded.signatures.get("serving_default")
        if serve is None:
            raise ExportError(f"{path} has no signature serving_default", _AGAIN)
        self._serve, (_, given) = serve, serve.structured_input_signature
        inputs = {name: [*(one.shape or ())] for name, one in given.items()}
        self.shape = _image_shape(path, inputs, _INPUT)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """See `Runtime`."""
        batch = self._constant(np.asarray(image, np.float32)[np.newaxis])
        return np.asarray(self._serve(**{_INPUT: batch})["probabilities"])[0]


_BY_SUFFIX: dict[str, Callable[[Path, int], Runtime]] = {
    ".tflite": TfliteRuntime,
    ".onnx": OnnxRuntime,
    ".xml": OpenVinoRuntime,
}


def reason_of(error: Exception) -> str:
    """What a runtime has against a file, in one line; OpenVINO begins with places in its source."""
    lines = [line for line in str(error).splitlines() if not line.startswith("Exception from")]
    return next(filter(None, map(str.strip, lines)), type(error).__name__)[:300]


def _refusal(runtime: str, path: Path, error: Exception) -> ExportError:
    return ExportError(f"{runtime} cannot run {path}: {reason_of(error)}", _AGAIN)


def _image_shape(
    path: Path, inputs: Mapping[str, Sequence[Any]], name: str | None = None
) -> tuple[int, ...]:
    """(height, width, channels) of the one input there has to be; `name` where it is asked by it.

    Args:
        path: The artefact, for a message.
        inputs: Name and shape of all inputs; what is not a number is a size known only later.
        name: What the input has to be called.
    """
    if len(inputs) == 1 and name in (None, *inputs):
        (sides,) = (tuple(shape[1:]) for shape in inputs.values())
        if len(sides) == 3 and all(isinstance(side, int) for side in sides):
            return sides
    called = f" by the name of {name}" if name else ""
    takes = ", ".join(f"{key} {shape}" for key, shape in inputs.items())
    raise ExportError(f"{path} takes {takes}, where one picture{called} is expected", _AGAIN)


def sides_of(shape: Any) -> tuple[int | None, ...]:
    """OpenVINO's shape as numbers; None for a size known only later."""
    return tuple(None if side.is_dynamic else side.get_length() for side in shape)


def _quantize(image: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    scale, zero_point = end["quantization"]
    if not scale:
        return image.astype(end["dtype"])
    limits = np.iinfo(end["dtype"])
    steps = np.rint(image.astype(np.float32) / scale + zero_point)
    return np.clip(steps, limits.min, limits.max).astype(end["dtype"])


def _dequantize(values: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    scale, zero_point = end["quantization"]
    if not scale:
        return values.astype(np.float32)
    return ((values.astype(np.int32) - zero_point) * scale).astype(np.float32)
