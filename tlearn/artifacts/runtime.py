"""Run an artifact as a phone or a server would: one image in, an answer out.

No runtime here needs the trained model, and only a SavedModel needs TensorFlow. ONNX Runtime and
OpenVINO are extras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tlearn.artifacts.extras import import_onnxruntime, import_openvino, require_extra
from tlearn.artifacts.input_shape import image_shape, sides_of
from tlearn.artifacts.tflite_scales import extreme_scale
from tlearn.backend.silence import silence_output
from tlearn.confidence.answers import ANOMALY, KNOWN, MAP, PROBABILITIES, VALUE, Answer, Answers
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

    def __call__(self, image: np.ndarray) -> Answer:
        """Answer for one image (height, width, 3), 0 to 255."""


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


def run_artifact(path: Path, pixels: PixelArray, threads: int = 2) -> Answers:
    """Run an artifact on images, one at a time as on a phone.

    Args:
        path: See `open_runtime`.
        pixels: uint8 (n, height, width, 3); may be a memory map.
        threads: Number of threads.

    Raises:
        ExportError: The artifact cannot be run.
    """
    runtime = open_runtime(path, threads)
    return Answers.of(runtime(image) for image in pixels)


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
                content = path.read_bytes()  # a file that is mapped may change while it is in use
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                extreme = extreme_scale(content)
                if extreme is None:
                    self._interpreter.allocate_tensors()
        except (OSError, RuntimeError, ValueError) as error:
            raise _cannot_run("LiteRT", path, error) from error
        if extreme is not None:
            raise ExportError(
                f"LiteRT cannot run {quoted(path)}: what goes into {quoted(extreme)} all but "
                "vanishes, and int8 cannot hold it",
                "leave int8 out, or choose a backbone that was trained: --quantize dynamic",
            )
        inputs = self._interpreter.get_input_details()
        self.shape = image_shape(
            path, {tensor["name"]: tensor["shape"].tolist() for tensor in inputs}
        )
        self._input, self._outputs = inputs[0], _outputs_by_name(self._interpreter)

    def __call__(self, image: np.ndarray) -> Answer:
        """Answer for one image (height, width, 3), 0 to 255."""
        self._interpreter.set_tensor(
            self._input["index"], _quantize(image, self._input)[np.newaxis]
        )
        self._interpreter.invoke()
        return _answer(
            {
                name: _dequantize(self._interpreter.get_tensor(tensor["index"])[0], tensor)
                for name, tensor in self._outputs.items()
            }
        )


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
        self._names = [node.name for node in self._session.get_outputs()]
        notes = self._session.get_modelmeta().custom_metadata_map
        self._color_first = notes.get("layout") == "NCHW"
        inputs = {node.name: node.shape for node in self._session.get_inputs()}
        shape = image_shape(path, inputs, _INPUT)
        self.shape = (*shape[1:], shape[0]) if self._color_first else shape

    def __call__(self, image: np.ndarray) -> Answer:
        """Answer for one image (height, width, 3), 0 to 255."""
        batch = np.asarray(image, np.float32)[np.newaxis]
        if self._color_first:
            batch = np.moveaxis(batch, 3, 1)
        outputs = self._session.run(self._names, {_INPUT: batch})
        return _answer({name: rows[0] for name, rows in zip(self._names, outputs, strict=True)})


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
            "ENABLE_MMAP": False,  # see `TfliteRuntime`
        }
        with silence_output():
            openvino = import_openvino()
            try:
                self._run = openvino.Core().compile_model(str(path), "CPU", settings)
            except RuntimeError as error:
                raise _cannot_run("OpenVINO", path, error) from error
        inputs = {port.any_name: sides_of(port.partial_shape) for port in self._run.inputs}
        self.shape = image_shape(path, inputs, _INPUT)

    def __call__(self, image: np.ndarray) -> Answer:
        """Answer for one image (height, width, 3), 0 to 255."""
        batch = np.asarray(image, np.float32)[np.newaxis]
        outputs = self._run({_INPUT: batch})
        return _answer({port.any_name: np.array(rows[0]) for port, rows in outputs.items()})


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
        self.shape = image_shape(path, inputs, _INPUT)

    def __call__(self, image: np.ndarray) -> Answer:
        """Answer for one image (height, width, 3), 0 to 255."""
        batch = self._constant(np.asarray(image, np.float32)[np.newaxis])
        outputs = self._serve(**{_INPUT: batch})
        return _answer({name: np.asarray(rows)[0] for name, rows in outputs.items()})


_BY_SUFFIX: dict[str, Callable[[Path, int], Runtime]] = {
    ".tflite": TfliteRuntime,
    ".onnx": OnnxRuntime,
    ".xml": OpenVinoRuntime,
}


def _outputs_by_name(interpreter: Any) -> dict[str, Any]:
    """Return the outputs of a LiteRT file by name; without ours, its first as probabilities."""
    signatures = interpreter.get_signature_list()
    if len(signatures) == 1:
        named: dict[str, Any] = interpreter.get_signature_runner(*signatures).get_output_details()
        if named.keys() & {PROBABILITIES, VALUE, ANOMALY}:
            return named
    return {PROBABILITIES: interpreter.get_output_details()[0]}


def _answer(outputs: Mapping[str, np.ndarray]) -> Answer:
    known = outputs.get(KNOWN)
    names = (PROBABILITIES, VALUE, ANOMALY)
    probabilities = next(outputs[name] for name in names if name in outputs)
    return Answer(probabilities, None if known is None else float(known[0]), outputs.get(MAP))


def reason_of(error: Exception) -> str:
    """Return a runtime's reason in one line, without the source locations OpenVINO begins with."""
    lines = [line for line in str(error).splitlines() if not line.startswith("Exception from")]
    return next(filter(None, map(str.strip, lines)), type(error).__name__)[:300]


def _cannot_run(runtime: str, path: Path, error: Exception) -> ExportError:
    return ExportError(f"{runtime} cannot run {quoted(path)}: {reason_of(error)}", _EXPORT_AGAIN)


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
