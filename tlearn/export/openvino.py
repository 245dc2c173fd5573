"""A classifier as an OpenVINO pair, for Intel's processors, graphics and NPUs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlearn.atomic_write import write_atomic
from tlearn.errors import BackboneError, ExportError
from tlearn.export.extras import import_openvino
from tlearn.models.frozen import freeze
from tlearn.models.precision import as_float32
from tlearn.models.quiet import Log, quiet

NOTES = "tlearn"
"""The section of the file's runtime information that holds labels and facts."""


def write_openvino(model: Any, path: Path, labels: Sequence[str], about: Mapping[str, Any]) -> None:
    """Write a classifier for OpenVINO: the network in `path`, its weights in a .bin beside it.

    Input `image` float32 (batch, height, width, 3) RGB, 0 to 255 -> output `probabilities`
    float32 (batch, classes). The section `NOTES` has `labels`, a JSON list in the order of the
    output, and what `about` says, each value as text. Weights stay float32.

    Args:
        model: keras.Model, `image` -> `probabilities`; any precision.
        path: The file, named .xml.
        labels: Class names in the order of the output.
        about: Facts to carry along.

    Raises:
        ExportError: OpenVINO lacks an operator that the network needs, or labels do not fit.
        SystemFault: The files cannot be written.
    """
    if len(labels) != model.output_shape[-1]:
        raise ExportError(f"{len(labels)} labels for {model.output_shape[-1]} classes.")
    notes = {key: str(value) for key, value in about.items()} | {"labels": json.dumps(list(labels))}
    fault: Exception | None = None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "model.xml")
        with quiet() as log:
            try:
                _convert(as_float32(model), made, notes)
            except BackboneError as error:
                raise ExportError(error.message, error.hint) from error
            except RuntimeError as error:
                fault = error
        if fault is not None:
            raise ExportError(
                _reason(model.name, fault, log),
                "Take --tflite, --onnx or --saved-model for this network.",
            ) from fault
        path.unlink(missing_ok=True)  # never a network beside the weights of another
        for suffix in (".bin", ".xml"):
            write_atomic(path.with_suffix(suffix), made.with_suffix(suffix).read_bytes())


def _convert(model: Any, path: Path, notes: Mapping[str, str]) -> None:
    openvino = import_openvino()
    graph = path.with_suffix(".pb")
    graph.write_bytes(freeze(model, batch=None).graph.as_graph_def().SerializeToString())
    network = openvino.Core().read_model(str(graph))
    network.inputs[0].get_tensor().set_names({model.inputs[0].name})
    network.outputs[0].get_tensor().set_names({model.output_names[0]})
    for key, value in notes.items():
        network.set_rt_info(value, [NOTES, key])
    openvino.save_model(network, str(path), compress_to_fp16=False)


def _reason(name: str, fault: Exception, log: Log) -> str:
    said = str(fault).strip()[:600]
    return f"The network {name!r} cannot become an OpenVINO file: {said}\n{log.tail()}".strip()
