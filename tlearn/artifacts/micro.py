"""A quantized LiteRT file as TensorFlow Lite Micro runs it: operators, memory and answers.

Its interpreter for Python has the reference kernels that boards fall back on, and allocates as on a
board; structures that hold pointers are up to twice as large on 64 bits, so that what it counts is
no less than what a board needs with the same kernels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlearn.artifacts.extras import require_extra
from tlearn.artifacts.runtime import reason_of
from tlearn.backend.litert import pack
from tlearn.backend.silence import silence_output
from tlearn.errors import ExportError

ETHOS_U = "EthosU"
"""What an NPU computes, as one operator."""

_LARGEST_ARENA = 64 << 20
_ARENA = re.compile(r"Arena allocation total (\d+) bytes")
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")
_NAMED_OTHERWISE = {"PADV2": "PadV2", "CUMSUM": "CumSum", "BATCH_MATMUL": "BatchMatMul"}


@dataclass(frozen=True, eq=False)
class MicroRun:
    """What TensorFlow Lite Micro did with a file.

    Attributes:
        arena_bytes: Memory for activations and structures.
        outputs: Name of an output to its values for each image, as the file has them.
    """

    arena_bytes: int
    outputs: Mapping[str, np.ndarray]


def run_micro(content: bytes, names: Sequence[str], images: Sequence[np.ndarray]) -> MicroRun:
    """Run a file on images, one at a time.

    Args:
        content: The file.
        names: Of its outputs, in their order.
        images: uint8 (height, width, 3); at least one.

    Raises:
        ExportError: It has an operator that the interpreter lacks.
        HostError: The interpreter is not installed.
    """
    require_extra("board", ("tflite_micro",))
    from tflite_micro.python.tflite_micro import runtime

    rows: list[list[np.ndarray]] = []
    failure: RuntimeError | None = None
    with silence_output() as log:
        try:
            interpreter = runtime.Interpreter.from_bytes(content, arena_size=_LARGEST_ARENA)
            for image in images:
                interpreter.set_input(image[np.newaxis], 0)
                interpreter.invoke()
                rows.append([interpreter.get_output(n)[0] for n in range(len(names))])
            interpreter.print_allocations()
        except RuntimeError as error:
            failure = error
    if failure is not None:
        reason = next(iter(log.text.splitlines()), reason_of(failure))
        raise ExportError(
            f"TensorFlow Lite Micro cannot run this network: {reason}",
            "choose a backbone of plain convolutions: --backbone mobilenet_v2",
        ) from failure
    arena = _ARENA.search(log.text)
    assert arena
    columns = map(np.stack, zip(*rows, strict=True))
    return MicroRun(int(arena[1]), dict(zip(names, columns, strict=True)))


def output_names(content: bytes) -> list[str]:
    """Return the names of a file's outputs, in their order."""
    model = _unpack(content)
    named = {of.tensorIndex: of.name.decode() for of in model.signatureDefs[0].outputs}
    return [named[index] for index in model.subgraphs[0].outputs]


def operators_of(content: bytes) -> dict[str, int]:
    """Return what a file computes with, as `MicroMutableOpResolver` names it, and how often."""
    model = _unpack(content)
    names = (_operator_name(model, operator) for operator in model.subgraphs[0].operators)
    return dict(sorted(Counter(names).items()))


def slimmed(content: bytes) -> bytes:
    """Return a file that answers alike from less flash and RAM.

    What nothing computes with is left out: names, metadata, labels and signature, and the scales of
    the biases of convolutions, which are products of those of input and weights. Maps are pooled as
    soon as they are there; converted files pool them at the end, and hold them until then.
    """
    model = _unpack(content)
    for graph in model.subgraphs:
        graph.name = None
        for tensor in graph.tensors:
            tensor.name = None
        for operator in graph.operators:
            if _operator_name(model, operator) in _CONVOLUTIONS:
                graph.tensors[operator.inputs[2]].quantization = None
        graph.operators = _pooled_early(model, graph.operators)
    for entry in model.metadata or ():
        model.buffers[entry.buffer].data = None
    model.metadata = model.metadataBuffer = model.signatureDefs = model.description = None
    return pack(model)


def _pooled_early(model: Any, operators: Sequence[Any]) -> list[Any]:
    """Return operators in an order in which each mean follows what it is the mean of."""
    means = [operator for operator in operators if _operator_name(model, operator) == "Mean"]
    ordered = []
    for operator in (operator for operator in operators if operator not in means):
        made = set(operator.outputs.tolist())
        ordered += [operator, *(mean for mean in means if mean.inputs[0] in made)]
    return ordered if len(ordered) == len(operators) else list(operators)


def _unpack(content: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(content)


def _operator_name(model: Any, operator: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if number == schema.BuiltinOperator.CUSTOM:
        custom = code.customCode.decode()
        return ETHOS_U if custom == "ethos-u" else custom
    name = {value: name for name, value in vars(schema.BuiltinOperator).items()}[number]
    parts = (part.capitalize() for part in name.split("_"))
    return _NAMED_OTHERWISE.get(name) or "".join(parts).replace("2d", "2D")
