"""A classifier as an OpenVINO pair, for Intel's processors, graphics and NPUs."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlearn.artifacts.extras import import_openvino
from tlearn.artifacts.metadata import NOTES, ensure_labels_fit
from tlearn.backend.graph import freeze_graph, layer_of
from tlearn.backend.precision import as_float32
from tlearn.backend.silence import silence_output
from tlearn.errors import BackboneError, ExportError
from tlearn.storage.atomic import os_errors_as_host_errors, write_atomic


def write_openvino(model: Any, path: Path, labels: Sequence[str], about: Mapping[str, Any]) -> None:
    """Write a classifier for OpenVINO: the network in `path`, its weights in a .bin beside it.

    Input `image` float32 (batch, height, width, 3) RGB, 0 to 255 -> output `probabilities`
    float32 (batch, classes) and, where the model has them, `known` (batch, 1) and `map`. The
    section `NOTES` has `labels`, a JSON list in the order of the output, and what `about` says,
    each value as text. Weights stay float32.

    Args:
        model: keras.Model, `image` -> `probabilities`; any precision.
        path: The file, named .xml.
        labels: Class names in the order of the output.
        about: Facts to carry along.

    Raises:
        ExportError: OpenVINO lacks an operator that the network needs, or labels do not fit.
        HostError: The files cannot be written.
    """
    ensure_labels_fit(labels, model.outputs[0].shape[-1])
    notes = {key: str(value) for key, value in about.items()} | {"labels": json.dumps(list(labels))}
    # Not where other temporary files go: there may be less room than a network takes.
    with os_errors_as_host_errors(path), tempfile.TemporaryDirectory(dir=path.parent) as folder:
        temporary = Path(folder, "model.xml")
        with silence_output():
            try:
                _convert(as_float32(model), temporary, notes)
            except BackboneError as error:
                raise ExportError(error.message, error.hint) from error
        path.unlink(missing_ok=True)  # never a network beside the weights of another
        for suffix in (".bin", ".xml"):
            write_atomic(path.with_suffix(suffix), temporary.with_suffix(suffix).read_bytes())


def _convert(model: Any, path: Path, notes: Mapping[str, str]) -> None:
    openvino = import_openvino()
    function = freeze_graph(model, batch=None)
    frozen = function.graph.as_graph_def()
    graph = path.with_suffix(".pb")
    graph.write_bytes(frozen.SerializeToString())
    try:
        network = openvino.Core().read_model(str(graph))
    except RuntimeError as error:
        raise ExportError(
            f"the network {model.name!r} cannot become an OpenVINO file: {_reason(error, frozen)}",
            "use another format for this network: --tflite, --onnx or --saved-model",
        ) from error
    network.inputs[0].get_tensor().set_names({model.inputs[0].name})
    for tensor, name in zip(function.outputs, model.output_names, strict=True):
        network.output(tensor.name).get_tensor().set_names({name})
    for key, value in notes.items():
        network.set_rt_info(value, [NOTES, key])
    openvino.save_model(network, str(path), compress_to_fp16=False)


def _reason(error: Exception, graph: Any) -> str:
    """Return what OpenVINO lacks and which layer needs it, or its own message."""
    lacking = re.search(r"No conversion rule found for operations: (\w+)", str(error))
    if not lacking:
        return str(error).strip()[:600]
    node = next(node.name for node in graph.node if node.op == lacking[1])
    return f"there is no operator for {lacking[1]}, which the layer {layer_of(node)!r} needs"
