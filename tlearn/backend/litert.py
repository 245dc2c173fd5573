"""Convert a Keras network to a LiteRT flatbuffer, which phones and the feature extractor run."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import flatbuffers
import numpy as np

from tlearn.backend.graph import freeze_graph, layer_of
from tlearn.backend.silence import CapturedOutput, silence_output
from tlearn.backend.with_tensorflow import call_with_tensorflow, keras_runs_elsewhere
from tlearn.errors import BackboneError

QUANTIZATIONS = ("none", "float16", "dynamic", "int8")


class _AlignedBuilder(flatbuffers.Builder):
    """A flatbuffer builder that aligns weights to 16 bytes.

    The schema requires the alignment; the generated Python code does not keep it.
    """

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:  # noqa: N802, N803
        return int(super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment))


def convert(
    model: Any,
    *,
    batch: int | None = 1,
    quantization: str = "none",
    representative: Sequence[np.ndarray] | np.ndarray | None = None,
    io_dtype: str = "float32",
    in_int8: Sequence[str] = (),
) -> bytes:
    """Convert a Keras model with one input to a flatbuffer of built-in LiteRT operators.

    The signature `serving_default` names the input and the outputs as the model does.

    Args:
        model: keras.Model with one float32 input.
        batch: Size of the first axis; None for any size.
        quantization: One of QUANTIZATIONS. "int8" computes in int8 throughout, with one scale
            for each output channel of the weights.
        representative: (n, ...) inputs that set the ranges of activations; for "int8" only.
            Cast to float32 one at a time.
        io_dtype: Type of input and output: "float32", or with "int8" also "uint8" and "int8".
        in_int8: Names of the layers that "int8" holds for, where the others compute in float32, as
            input and output do then; nothing for all.

    Returns:
        The bytes of the file.

    Raises:
        BackboneError: LiteRT lacks one of the operators, or the conversion failed.
    """
    if quantization not in QUANTIZATIONS:
        raise ValueError(f"quantization: expected one of {QUANTIZATIONS}, got {quantization!r}")
    if quantization == "int8" and (representative is None or len(representative) == 0):
        raise ValueError("int8 needs representative inputs")
    how: dict[str, Any] = {"batch": batch, "quantization": quantization, "io_dtype": io_dtype}
    how |= {"representative": representative, "in_int8": in_int8}
    if keras_runs_elsewhere():
        content = call_with_tensorflow(f"{__name__}:{convert_here.__name__}", model, **how)
    else:
        content = convert_here(model, **how)
    return _finish(content, model.inputs[0].name, model.output_names)


def convert_here(
    model: Any,
    *,
    batch: int | None,
    quantization: str,
    representative: Sequence[np.ndarray] | np.ndarray | None,
    io_dtype: str,
    in_int8: Sequence[str],
) -> bytes:
    """Convert a model where Keras runs on TensorFlow; the file has no signature yet.

    The arguments are those of `convert`.
    """
    failure: Exception | None = None
    with silence_output() as log, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's, about how it was called
        import tensorflow as tf
        from tensorflow.lite.python.convert_phase import ConverterError

        # In float32 it changes rounding alone; in int8, a step on pixels less is a finer input.
        in_full = quantization == "int8" and not in_int8
        graph = freeze_graph(model, batch, shift_first=in_full)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
        _configure(converter, quantization, representative, io_dtype)
        try:
            in_part = in_int8 and quantization == "int8"
            content: bytes = (
                _quantize_in_part(converter, in_int8) if in_part else converter.convert()
            )
        except ConverterError as error:
            failure = error
    if failure is not None:
        raise BackboneError(
            f"the network {model.name!r} cannot be converted to LiteRT: {_reason(failure, log)}",
            "export a SavedModel (tlearn export RUN --saved-model), or choose another backbone: "
            "--backbone NAME",
        ) from failure
    return content


def _quantize_in_part(converter: Any, in_int8: Sequence[str]) -> bytes:
    """Convert the operators of some layers to int8.

    TensorFlow has this for debugging alone. It names operators by what they compute, after several
    have been joined to one, so the names are read from what it measures on an image.
    """
    import tensorflow as tf

    tool, options = tf.lite.experimental, tf.lite.experimental.QuantizationDebugOptions
    images = converter.representative_dataset
    debugger = tool.QuantizationDebugger(
        converter=converter, debug_dataset=lambda: islice(images(), 1), debug_options=options()
    )
    debugger.run()
    table = io.StringIO()
    debugger.layer_statistics_dump(table)
    table.seek(0)
    operators = [row["tensor_name"] for row in csv.DictReader(table)]
    others = [name for name in operators if not _is_of(name, in_int8)]
    debugger.options = options(denylisted_nodes=others)
    content: bytes = debugger.get_nondebug_quantized_model()
    return content


def _is_of(operator: str, layers: Sequence[str]) -> bool:
    """Return whether an operator, joined of several perhaps, computes for one of some layers."""
    parts = operator.split(";")
    # A layer's own number looks like one that Keras gives to repeated calls.
    names = {name for part in parts for name in (layer_of(part), *part.split("/")[1:2])}
    return not names.isdisjoint(layers)


def pack(model: Any) -> bytes:
    """Return the bytes of a `ModelT` of ai_edge_litert's schema."""
    builder = _AlignedBuilder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _finish(content: bytes, input_name: str, output_names: Sequence[str]) -> bytes:
    """Add a signature, which a file converted from a constant graph lacks, and widen sigmoids.

    Converting from a SavedModel would add a signature too, but takes twice as long.
    """
    from ai_edge_litert import schema_py_generated as schema

    def entry(name: str, index: int) -> Any:
        tensor = schema.TensorMapT()
        tensor.name, tensor.tensorIndex = name, int(index)
        return tensor

    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs = [entry(input_name, graph.inputs[0])]
    signature.outputs = [
        entry(name, index) for name, index in zip(output_names, graph.outputs, strict=True)
    ]
    model.signatureDefs = [signature]
    _widen_sigmoids(model)
    return pack(model)


def _widen_sigmoids(model: Any) -> None:
    """Let int8 logits of sigmoids at the end reach from -8 to 8, where a sigmoid says all it can.

    The range that calibration found is that of the logits in float, on images like those of
    training. What int8 moves out of it, and what a stranger has, would be clipped to its end.
    """
    from ai_edge_litert.schema_py_generated import BuiltinOperator, TensorType

    graph = model.subgraphs[0]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    makers = {output: operator for operator in graph.operators for output in operator.outputs}
    users = Counter(input for operator in graph.operators for input in operator.inputs)

    def made_by(tensor: int, *kinds: int) -> bool:
        return tensor in makers and codes[makers[tensor].opcodeIndex] in kinds

    for end in graph.outputs:
        if made_by(end, BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE):
            end = makers[end].inputs[0]
        if not made_by(end, BuiltinOperator.LOGISTIC):
            continue
        index = makers[end].inputs[0]
        logits = graph.tensors[index]
        alone = users[index] == 1 and made_by(index, BuiltinOperator.FULLY_CONNECTED)
        if alone and logits.type == TensorType.INT8:
            logits.quantization.scale, logits.quantization.zeroPoint = [1 / 16], [0]


def _configure(
    converter: Any,
    quantization: str,
    representative: Sequence[np.ndarray] | np.ndarray | None,
    io_dtype: str,
) -> None:
    import tensorflow as tf

    # Built-in operators only: a file with TensorFlow's own operators runs in no mobile runtime.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantization == "none":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantization == "int8":
        assert representative is not None
        converter.representative_dataset = _batches_of_one(representative)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.dtypes.as_dtype(io_dtype)
        converter.inference_output_type = tf.dtypes.as_dtype(io_dtype)


def _batches_of_one(
    inputs: Sequence[np.ndarray] | np.ndarray,
) -> Callable[[], Iterator[list[np.ndarray]]]:
    return lambda: ([np.asarray(values, np.float32)[np.newaxis]] for values in inputs)


def _reason(failure: Exception, log: CapturedOutput) -> str:
    unsupported = re.search(r"^(?:Custom|Flex) ops: (.+)$", log.text, re.MULTILINE)
    if unsupported:
        return f"LiteRT has no operator for {unsupported[1]}"
    return f"{str(failure).strip()[:300]}\n{log.tail()}".strip()
