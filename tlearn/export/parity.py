"""Does the file answer as the model does? Every artefact is run before it is called done."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tlearn.errors import ExportError
from tlearn.models.quiet import quiet

_BATCH = 32
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Artefact:
    """A file for a device, with what it scored on the validation pictures."""

    path: Path
    format: str
    quantization: str
    size_bytes: int
    agreement: float
    accuracy: float
    drop: float
    milliseconds: float
    passed: bool
    reason: str


class Comparison(NamedTuple):
    """An artefact's answers against the model's; `reason` is empty when it passes the gate."""

    agreement: float
    accuracy: float
    drop: float
    reason: str


class TfliteRunner:
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
            reason = (str(error).strip().splitlines() or ["no reason given"])[0]
            raise ExportError(
                f"LiteRT cannot run {path}: {reason}", "Export it again: tlearn export RUN"
            ) from error
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Probabilities (classes,) float32 of one picture (height, width, 3), 0 to 255."""
        self._interpreter.set_tensor(
            self._input["index"], _quantise(picture, self._input)[np.newaxis]
        )
        self._interpreter.invoke()
        return _dequantise(self._interpreter.get_tensor(self._output["index"])[0], self._output)


def run_tflite(path: Path, pixels: np.ndarray, threads: int = 2) -> np.ndarray:
    """Run a LiteRT file on pictures, one at a time.

    Args:
        path: The file.
        pixels: uint8 (n, height, width, 3); may be a memory map.
        threads: Of the processor.

    Returns:
        Probabilities (n, classes), float32.

    Raises:
        ExportError: LiteRT cannot run the file.
    """
    runner = TfliteRunner(path, threads)
    return np.stack([runner(picture) for picture in pixels])


def run_saved_model(path: Path, pixels: np.ndarray) -> np.ndarray:
    """Run a SavedModel's `serving_default` on pictures; arguments and result as `run_tflite`."""
    serve = _load_saved_model(path)
    rows = range(0, len(pixels), _BATCH)
    return np.concatenate([serve(pixels[row : row + _BATCH]) for row in rows])


def latency_milliseconds(path: Path, pixels: np.ndarray, threads: int = 1) -> float:
    """Median time for one picture once the file is warm, within about a second of running.

    Args:
        path: A .tflite file, or the directory of a SavedModel (which takes its own threads).
        pixels: uint8 (n, height, width, 3); the first is used.
        threads: Of the processor.
    """
    picture = np.array(pixels[0])
    run = _runner(path, threads)
    run(picture)
    times: list[float] = []
    while len(times) < 3 or (len(times) < 30 and sum(times) < 1.0):
        start = time.perf_counter()
        run(picture)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def compare(
    reference: np.ndarray, probabilities: np.ndarray, labels: np.ndarray, max_drop: float
) -> Comparison:
    """Hold an artefact's probabilities against the model's.

    `drop` = accuracy of the model - accuracy of the artefact; more than `max_drop` fails. So
    does a value that is not a finite number, whatever the rest scores.

    Args:
        reference: (n, classes), from the model.
        probabilities: (n, classes), from the artefact, for the same pictures.
        labels: (n,) true classes.
        max_drop: The largest drop allowed, as a fraction (.02 = two pictures in a hundred).
    """
    expected = float(np.mean(reference.argmax(1) == labels))
    if probabilities.shape != reference.shape:
        shapes = f"{probabilities.shape[1:]} values a picture, expected {reference.shape[1:]}"
        return Comparison(0.0, 0.0, expected, f"wrong shape: {shapes}")
    finite = np.isfinite(probabilities).all(1)
    answers = np.where(finite, probabilities.argmax(1), -1)
    agreement = float(np.mean(answers == reference.argmax(1)))
    accuracy = float(np.mean(answers == labels))
    drop, reason = expected - accuracy, ""
    if not finite.all():
        reason = f"{(~finite).sum()} of {len(labels)} pictures give values that are not finite"
    elif drop > max_drop + _ROUNDING:
        reason = (
            f"accuracy fell from {expected:.3f} to {accuracy:.3f} on {len(labels)} pictures; "
            f"a drop of {max_drop:g} is allowed"
        )
    return Comparison(agreement, accuracy, drop, reason)


def check(
    path: Path,
    format: str,
    quantization: str,
    pixels: np.ndarray,
    labels: np.ndarray,
    reference: np.ndarray,
    max_drop: float,
) -> Artefact:
    """Run an artefact on pictures and rename it when it fails: `m.tflite`, `m.failed.tflite`.

    Args:
        path: The file, or the directory of a SavedModel.
        format: "tflite" or "saved_model".
        quantization: One of quantization.MODES.
        pixels: uint8 (n, height, width, 3), the validation pictures; may be a memory map.
        labels: (n,) true classes.
        reference: (n, classes) probabilities from the model.
        max_drop: See `compare`.

    Returns:
        The artefact under the name that it has now.
    """
    milliseconds = 0.0
    try:
        run = run_tflite if format == "tflite" else run_saved_model
        comparison = compare(reference, run(path, pixels), labels, max_drop)
        milliseconds = latency_milliseconds(path, pixels)
    except ExportError as error:
        expected = float(np.mean(reference.argmax(1) == labels))
        comparison = Comparison(0.0, 0.0, expected, error.message)
    failed = path.with_name(f"{path.stem}.failed{path.suffix}")
    _remove(failed)
    passed = not comparison.reason
    if not passed:
        os.replace(path, failed)
    final = path if passed else failed
    return Artefact(
        path=final,
        format=format,
        quantization=quantization,
        size_bytes=_size(final),
        milliseconds=milliseconds,
        passed=passed,
        **comparison._asdict(),
    )


def _runner(path: Path, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    if not path.is_dir():
        return TfliteRunner(path, threads)
    serve = _load_saved_model(path)
    return lambda picture: serve(picture[np.newaxis])[0]


def _load_saved_model(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    with quiet():
        import tensorflow as tf

        try:
            loaded = tf.saved_model.load(str(path))
        except OSError as error:
            raise ExportError(
                f"{path} is not a SavedModel.", "Export it again: tlearn export RUN"
            ) from error

    def serve(pictures: np.ndarray) -> np.ndarray:
        # Through `loaded`, not through a signature kept apart: it owns the variables.
        signature = loaded.signatures["serving_default"]
        image = tf.constant(np.asarray(pictures, np.float32))
        return np.asarray(signature(image=image)["probabilities"])

    return serve


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


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
