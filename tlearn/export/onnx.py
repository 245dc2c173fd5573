"""A classifier as an ONNX file: for ONNX Runtime, DirectML, TensorRT and other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.artifacts.contract import LAYOUTS
from tlearn.backend.graph import freeze_graph, layer_of
from tlearn.backend.precision import as_float32
from tlearn.backend.silence import CapturedOutput, silence_output
from tlearn.errors import BackboneError, ExportError
from tlearn.storage.atomic import write_atomic

OPSET = 17
"""Of the operators; the first with layer normalization, read by ONNX Runtime since 1.12."""

_RANGE = {"color_order": "RGB", "range": "0 to 255"}
_INSTEAD = "use another format for this network: --tflite, --openvino or --saved-model"


def write_onnx(
    model: Any,
    path: Path,
    labels: Sequence[str],
    about: Mapping[str, Any],
    layout: str = LAYOUTS[0],
) -> None:
    """Write a classifier for ONNX Runtime.

    Input `image` float32 (batch, height, width, 3) RGB, 0 to 255, or (batch, 3, height, width) ->
    output `probabilities` float32 (batch, classes) and, where the model has them, `known`
    (batch, 1) and `map`. The file's metadata has `labels`, a JSON list in the order of the output,
    `layout`, `color_order`, `range`, and what `about` says, each value as text.

    Args:
        model: keras.Model, `image` -> `probabilities`; any precision.
        path: The file, named .onnx.
        labels: Class names in the order of the output.
        about: Facts to carry along.
        layout: Order of the axes of the input, one of `contract.LAYOUTS`.

    Raises:
        ExportError: ONNX lacks an operator that the network needs, or labels do not fit.
        HostError: The file cannot be written.
    """
    if len(labels) != model.outputs[0].shape[-1]:
        mismatch = f"{len(labels)} labels for {model.outputs[0].shape[-1]} classes"
        raise ExportError(mismatch, "train the model again: tlearn finetune FOLDER")
    problem: Exception | None = None
    with silence_output() as log:
        try:
            proto = _convert(as_float32(model), layout)
        except BackboneError as error:
            raise ExportError(error.message, error.hint) from error
        except Exception as error:  # the converter raises what it meets
            problem = error
    if problem is not None:
        raise ExportError(_reason(model.name, problem, log), _INSTEAD) from problem
    _refuse_unknown(proto)
    _name_batch_axis(proto)
    _refuse_other_layout(proto, layout)
    _describe(proto, labels, {**about, "layout": layout, **_RANGE})
    write_atomic(path, proto.SerializeToString())


def _convert(model: Any, layout: str) -> Any:
    """Convert the model to an onnx.ModelProto, batch of any size."""
    import tf2onnx

    frozen = freeze_graph(model, batch=None)
    graph = frozen.graph.as_graph_def()
    _give_scalars_an_axis(graph)
    proto, _ = tf2onnx.convert.from_graph_def(
        graph,
        name=model.name,
        input_names=[frozen.inputs[0].name],
        output_names=[tensor.name for tensor in frozen.outputs],
        inputs_as_nchw=[frozen.inputs[0].name] if layout == "NCHW" else None,
        opset=OPSET,
        custom_op_handlers={"Erfc": (_complementary_error_function, [])},
        tensors_to_rename={
            frozen.inputs[0].name: model.inputs[0].name,
            **dict(zip((out.name for out in frozen.outputs), model.output_names, strict=True)),
        },
    )
    return proto


def _give_scalars_an_axis(graph: Any) -> None:
    """Make scalars that are added to tensors vectors of one number, which means the same.

    tf2onnx's optimizer stumbles over a scalar, gives up and leaves two transpositions around
    every convolution: hard-swish (x + 3) would make MobileNetV3 pay for them on every image.
    """
    added = {name for node in graph.node if node.op == "AddV2" for name in node.input}
    for node in graph.node:
        if node.op == "Const" and node.name in added:
            shape = node.attr["value"].tensor.tensor_shape
            if not shape.dim:
                shape.dim.add(size=1)


def _complementary_error_function(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Write erfc(x) as 1 - erf(x): GELU needs it and tf2onnx lacks it."""
    del args
    result = node.output[0]
    one = ctx.make_const(f"{name}_one", np.array(1, np.float32)).output[0]
    node.type, node.domain = "Erf", ""
    difference = ctx.insert_new_node_on_output("Sub", result, f"{name}_sub", inputs=[one, result])
    ctx.copy_shape(result, difference.output[0])
    ctx.copy_dtype(result, difference.output[0])


def _refuse_unknown(proto: Any) -> None:
    """Refuse operators that tf2onnx does not know but leaves in the file."""
    import onnx

    for node in proto.graph.node:
        if node.domain or not onnx.defs.has(node.op_type):
            raise ExportError(
                f"ONNX has no operator for {node.op_type}, which the layer "
                f"{layer_of(node.name)!r} needs",
                _INSTEAD,
            )


def _name_batch_axis(proto: Any) -> None:
    """Name the first axis of input and output "batch"."""
    for tensor in (*proto.graph.input, *proto.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"


def _refuse_other_layout(proto: Any, layout: str) -> None:
    """Have programs that do not look at the shape of an input fail where its axes are swapped.

    OpenCV takes such an input and answers something else. The first operator of most networks
    scales the pixels: a factor for each color means the same as one for all, but suits no axis of
    another length. OpenCV 5 goes on with a part of it, which then does not fill the shape.
    """
    from onnx import helper, numpy_helper

    graph = proto.graph
    image, first = graph.input[0], graph.node[0]
    sizes = [-1, *(side.dim_value for side in image.type.tensor_type.shape.dim[1:])]
    factors = next((one for one in graph.initializer if one.name == first.input[-1]), None)
    if first.input[0] != image.name or first.op_type not in ("Mul", "Add", "Sub") or not factors:
        return
    scaled, shape = f"{first.output[0]}_scaled", f"{first.output[0]}_shape"
    by_color = np.resize(numpy_helper.to_array(factors), 3)
    if layout == "NCHW":
        by_color = by_color[:, np.newaxis, np.newaxis]
    per_color = numpy_helper.from_array(by_color, f"{factors.name}_by_color")
    graph.initializer.extend([per_color, numpy_helper.from_array(np.array(sizes), shape)])
    first.input[1] = per_color.name
    check = helper.make_node("Reshape", [scaled, shape], [first.output[0]], name=shape)
    first.output[0] = scaled
    graph.node.insert(1, check)


def _describe(proto: Any, labels: Sequence[str], about: Mapping[str, Any]) -> None:
    entries = {key: str(value) for key, value in about.items()}
    for key, value in {**entries, "labels": json.dumps(list(labels))}.items():
        proto.metadata_props.add(key=key, value=value)
    proto.producer_name = "tlearn"


def _reason(name: str, problem: Exception, log: CapturedOutput) -> str:
    reason = f"{type(problem).__name__}: {str(problem).strip()[:300]}"
    return f"the network {name!r} cannot become an ONNX file: {reason}\n{log.tail()}".strip()
