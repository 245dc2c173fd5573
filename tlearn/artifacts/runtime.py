"""Run an artifact as a phone or a server would: one image in, probabilities out.

No runtime here needs the trained model, and only a SavedModel needs TensorFlow. ONNX Runtime and
OpenVINO are extras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tlearn.artifacts.contract_rules import MOST_SIDE
from tlearn.artifacts.extras import import_onnxruntime, import_openvino, require_extra
from tlearn.artifacts.tflite_scales import extreme_scale
from tlearn.backend.silence import silence_output
from tlearn.data.pixel_store import PixelArray
from tlearn.errors import ExportError, quoted

_INPUT = "image"
_EXPORT_AGAIN = "export it again: tlearn export RUN"


class Runtime(Protocol):
    """An artifact that is ready to run.

    Attributes:
        shape: (height, width, 3) of its images.
    """

    shape: tuple[int, ...]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return float32 (classes,) probabilities of one image (height, width, 3), 0 to 255."""


def open_runtime(path: Path, threads: int = 2) -> Runtime:
    """Open an artifact in the runtime for its format, known from its name.

    Args:
        path: A .tflite or .onnx file, the .xml of an OpenVINO pair, or the directory of a
            SavedModel.
        threads: Number of threads; TensorFlow chooses them itself.

    Raises:
        ExportError: There is no runtime for it, or the runtime cannot read it.
        HostError: The runtime is an extra that is not installed.
    """
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix](path, threads)
    if path.is_dir():
        return SavedModelRuntime(path)
    raise ExportError(f"{quoted(path)} is not an artifact of tlearn", _EXPORT_AGAIN)


def run_artifact(path: Path, pixels: PixelArray, threads: int = 2) -> np.ndarray:
    """Run an artifact on images, one at a time as on a phone.

    Args:
        path: See `open_runtime`.
        pixels: uint8 (n, height, width, 3); may be a memory map.
        threads: Number of threads.

    Returns:
        float32 (n, classes) probabilities.

    Raises:
        ExportError: The artifact cannot be run.
    """
    runtime = open_runtime(path, threads)
    return np.stack([runtime(image) for image in pixels])


def takes_threads(path: Path) -> bool:
    """Return whether the runtime of an artifact takes a number of threads."""
    return not path.is_dir()


def random_image(runtime: Runtime) -> np.ndarray:
    """Return an image of the size that a runtime takes, uint8 (height, width, 3), to time it."""
    return np.random.default_rng(0).integers(0, 256, runtime.shape, np.uint8)


class TfliteRuntime:
    """A LiteRT file; quantized input and output are converted from pixels and to probabilities.

    Args:
        path: The file.
        threads: Number of threads.

    Raises:
        ExportError: LiteRT cannot read or prepare the file.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with silence_output():
                self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
                extreme = extreme_scale(path)
                if extreme is None:
                    self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise _cannot_run("LiteRT", path, error) from error
        if extreme is not None:
            raise ExportError(
                f"LiteRT cannot run {quoted(path)}: what goes into {quoted(extreme)} all but "
                "vanishes, and int8 cannot hold it",
                "leave int8 out, or choose a backbone that was trained: --quantize dynamic",
            )
        inputs = self._interpreter.get_input_details()
        self.shape = _image_shape(
            path, {tensor["name"]: tensor["shape"].tolist() for tensor in inputs}
        )
        self._input, self._output = inputs[0], self._interpreter.get_output_details()[0]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return float32 (classes,) probabilities of one image (height, width, 3), 0 to 255."""
        self._interpreter.set_tensor(
            self._input["index"], _quantize(image, self._input)[np.newaxis]
        )
        self._interpreter.invoke()
        return _dequantize(self._interpreter.get_tensor(self._output["index"])[0], self._output)


class OnnxRuntime:
    """An ONNX file in ONNX Runtime, on the CPU.

    Args:
        path: The file.
        threads: Number of threads.

    Raises:
        ExportError: ONNX Runtime cannot read or prepare the file.
        HostError: The runtime is not installed.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        require_extra("onnx", ("onnxruntime",))
        with silence_output():
            onnxruntime = import_onnxruntime()
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            try:
                self._session = onnxruntime.InferenceSession(
                    str(path), options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:  # its errors have no other base class in common
                raise _cannot_run("ONNX Runtime", path, error) from error
        inputs = {node.name: node.shape for node in self._session.get_inputs()}
        self.shape = _image_shape(path, inputs, _INPUT)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return float32 (classes,) probabilities of one image (height, width, 3), 0 to 255."""
        batch = np.asarray(image, np.float32)[np.newaxis]
        return np.asarray(self._session.run(["probabilities"], {_INPUT: batch})[0])[0]


class OpenVinoRuntime:
    """An OpenVINO pair on the CPU, in float32.

    By default OpenVINO computes in bfloat16 on processors that have it, and probabilities move by
    hundredths; here it computes in the precision of the file.

    Args:
        path: The .xml; the .bin is beside it.
        threads: Number of threads.

    Raises:
        ExportError: OpenVINO cannot read or prepare the file.
        HostError: The runtime is not installed.
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
                raise _cannot_run("OpenVINO", path, error) from error
        inputs = {port.any_name: sides_of(port.partial_shape) for port in self._run.inputs}
        self.shape = _image_shape(path, inputs, _INPUT)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return float32 (classes,) probabilities of one image (height, width, 3), 0 to 255."""
        batch = np.asarray(image, np.float32)[np.newaxis]
        return np.array(self._run({_INPUT: batch})["probabilities"][0])


class SavedModelRuntime:
    """A SavedModel, called by its signature `serving_default`.

    Args:
        path: The directory.

    Raises:
        ExportError: It is not a SavedModel, or has no such signature.
    """

    def __init__(self, path: Path) -> None:
        with silence_output():
            import tensorflow as tf

            try:
                # Kept as an attribute: it owns the variables that its signature reads.
                self._loaded = tf.saved_model.load(str(path))
            except OSError as error:
                raise ExportError(f"{quoted(path)} is not a SavedModel", _EXPORT_AGAIN) from error
            except Exception as error:  # a damaged one raises whatever its parts run into
                raise _cannot_run("TensorFlow", path, error) from error
        self._constant = tf.constant
        serve = self._loaded.signatures.get("serving_default")
        if serve is None:
            raise ExportError(f"{quoted(path)} has no signature 'serving_default'", _EXPORT_AGAIN)
        self._serve, (_, tensors) = serve, serve.structured_input_signature
        inputs = {name: [*(tensor.shape or ())] for name, tensor in tensors.items()}
        self.shape = _image_shape(path, inputs, _INPUT)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return float32 (classes,) probabilities of one image (height, width, 3), 0 to 255."""
        batch = self._constant(np.asarray(image, np.float32)[np.newaxis])
        return np.asarray(self._serve(**{_INPUT: batch})["probabilities"])[0]


_BY_SUFFIX: dict[str, Callable[[Path, int], Runtime]] = {
    ".tflite": TfliteRuntime,
    ".onnx": OnnxRuntime,
    ".xml": OpenVinoRuntime,
}


def reason_of(error: Exception) -> str:
    """Return a runtime's reason in one line, without the source locations OpenVINO begins with."""
    lines = [line for line in str(error).splitlines() if not line.startswith("Exception from")]
    return next(filter(None, map(str.strip, lines)), type(error).__name__)[:300]


def _cannot_run(runtime: str, path: Path, error: Exception) -> ExportError:
    return ExportError(f"{runtime} cannot run {quoted(path)}: {reason_of(error)}", _EXPORT_AGAIN)


def _image_shape(
    path: Path, inputs: Mapping[str, Sequence[Any]], name: str | None = None
) -> tuple[int, ...]:
    """Return (height, width, channels) of a file's only input.

    Args:
        path: The artifact, for the error message.
        inputs: Shapes of all inputs by name; what is not an integer is a size known only later.
        name: The name that the input must have, if the runtime needs one.

    Raises:
        ExportError: There is another number of inputs, or the one is not an image.
    """
    if len(inputs) == 1 and name in (None, *inputs):
        (sides,) = (tuple(shape[1:]) for shape in inputs.values())
        if len(sides) == 3 and all(map(_is_side, sides)):
            return sides
    named = f" named {name!r}" if name else ""
    listed = ", ".join(f"{key!r} {shape}" for key, shape in inputs.items())
    raise ExportError(
        f"{quoted(path)} takes {listed}; expected one image{named}",
        "name a file that was written by: tlearn export RUN",
    )


def _is_side(side: Any) -> bool:
    return isinstance(side, int) and 0 < side <= MOST_SIDE


def sides_of(shape: Any) -> tuple[int | None, ...]:
    """Return OpenVINO's shape as integers, with None for a size known only later."""
    return tuple(None if side.is_dynamic else side.get_length() for side in shape)


def _quantize(image: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    scale, zero_point = tensor["quantization"]
    if not scale:
        return image.astype(tensor["dtype"])
    limits = np.iinfo(tensor["dtype"])
    steps = np.rint(image.astype(np.float32) / scale + zero_point)
    return np.clip(steps, limits.min, limits.max).astype(tensor["dtype"])


def _dequantize(values: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    scale, zero_point = tensor["quantization"]
    if not scale:
        return values.astype(np.float32)
    return ((values.astype(np.int32) - zero_point) * scale).astype(np.float32)
