"""Run an artefact as a phone or a server would: one picture in, probabilities out.

No runtime here needs tlearn's own model, and only a SavedModel needs TensorFlow. Those of ONNX
and OpenVINO are extras.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tlearn.errors import ExportError
from tlearn.export.extras import import_openvino, require_extra
from tlearn.models.quiet import quiet

_AGAIN = "Export it again: tlearn export RUN"


class Runtime(Protocol):
    """An artefact that is ready to run."""

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Probabilities (classes,) float32 of one picture (height, width, 3), 0 to 255."""


def open_runtime(path: Path, threads: int = 2) -> Runtime:
    """The runtime for an artefact, by what its name says it is.

    Args:
        path: A .tflite or .onnx file, the .xml of an OpenVINO pair, or the directory of a
            SavedModel.
        threads: Of the processor; a SavedModel takes its own.

    Raises:
        ExportError: There is no runtime for it, or the runtime cannot read it.
    """
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix](path, threads)
    if path.is_dir():
        return SavedModelRuntime(path)
    raise ExportError(f"{path} is no artefact of tlearn.", _AGAIN)


def run_artefact(path: Path, pixels: np.ndarray, threads: int = 2) -> np.ndarray:
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
    return np.stack([runtime(picture) for picture in pixels])


def latency_milliseconds(path: Path, pixels: np.ndarray, threads: int = 1) -> float:
    """Median time for one picture once the file is warm, within about a second of running.

    Args:
        path: See `open_runtime`.
        pixels: uint8 (n, height, width, 3); the first is used.
        threads: Of the processor.
    """
    picture = np.array(pixels[0])
    run = open_runtime(path, threads)
    run(picture)
    times: list[float] = []
    while len(times) < 3 or (len(times) < 30 and sum(times) < 1.0):
        start = time.perf_counter()
        run(picture)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


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
            with quiet():
                self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise _refusal("LiteRT", path, error) from error
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Probabilities (classes,) float32 of one picture (height, width, 3), 0 to 255."""
        self._interpreter.set_tensor(
            self._input["index"], _quantise(picture, self._input)[np.newaxis]
        )
        self._interpreter.invoke()
        return _dequantise(self._interpreter.get_tensor(self._output["index"])[0], self._output)


class OnnxRuntime:
    """One ONNX file in ONNX Runtime, on the processor.

    Args:
        path: The file.
        threads: Of the processor.

    Raises:
        ExportError: ONNX Runtime is not installed, or cannot read or prepare the file.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        require_extra("onnx", ("onnxruntime",))
        with quiet():
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            try:
                self._session = onnxruntime.InferenceSession(
                    str(path), options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:  # its faults have no ancestor but this
                raise _refusal("ONNX Runtime", path, error) from error
        _expect(path, [given.name for given in self._session.get_inputs()])

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """See `Runtime`."""
        image = np.asarray(picture, np.float32)[np.newaxis]
        return np.asarray(self._session.run(["probabilities"], {"image": image})[0])[0]


class OpenVinoRuntime:
    """One OpenVINO pair on the processor, in float32.

    Left to itself OpenVINO rounds to bfloat16 where a processor has it, and probabilities move
    by hundredths; the file is held to what it says.

    Args:
        path: The .xml; the .bin lies beside it.
        threads: Of the processor.

    Raises:
        ExportError: OpenVINO is not installed, or cannot read or prepare the file.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        require_extra("openvino")
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
        }
        with quiet():
            openvino = import_openvino()
            try:
                self._run = openvino.Core().compile_model(str(path), "CPU", settings)
            except RuntimeError as error:
                raise _refusal("OpenVINO", path, error) from error
        _expect(path, [given.any_name for given in self._run.inputs])

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """See `Runtime`."""
        image = np.asarray(picture, np.float32)[np.newaxis]
        return np.array(self._run({"image": image})["probabilities"][0])


class SavedModelRuntime:
    """A SavedModel behind its signature `serving_default`.

    Raises:
        ExportError: It is no SavedModel.
    """

    def __init__(self, path: Path) -> None:
        with quiet():
            import tensorflow as tf

            try:
                # Kept whole: it owns the variables that its signature reads.
                self._loaded = tf.saved_model.load(str(path))
            except OSError as error:
                raise ExportError(f"{path} is not a SavedModel.", _AGAIN) from error
        self._constant = tf.constant

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """See `Runtime`."""
        image = self._constant(np.asarray(picture, np.float32)[np.newaxis])
        answer = self._loaded.signatures["serving_default"](image=image)
        return np.asarray(answer["probabilities"])[0]


_BY_SUFFIX: dict[str, Callable[[Path, int], Runtime]] = {
    ".tflite": TfliteRuntime,
    ".onnx": OnnxRuntime,
    ".xml": OpenVinoRuntime,
}


def _refusal(runtime: str, path: Path, error: Exception) -> ExportError:
    """What a runtime has against a file, in one line."""
    reason = (str(error).strip().splitlines() or ["no reason given"])[0]
    return ExportError(f"{runtime} cannot run {path}: {reason[:300]}", _AGAIN)


def _expect(path: Path, inputs: Sequence[str]) -> None:
    if list(inputs) != ["image"]:
        names = ", ".join(inputs)
        raise ExportError(f"{path} wants the inputs {names}, where image is expected", _AGAIN)


def _quantise(picture: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    scale, zero_point = end["quantization"]
    if not scale:
        return picture.astype(end["dtype"])
    limits = np.iinfo(end["dtype"])
    steps = np.rint(picture.astype(np.float32) / scale + zero_point)
    return np.clip(steps, limits.min, limits.max).astype(end["dtype"])


def _dequantise(values: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    scale, zero_point = end["quantization"]
    if not scale:
        return values.astype(np.float32)
    return ((values.astype(np.int32) - zero_point) * scale).astype(np.float32)
