"""The scales of a quantized LiteRT file, looked at before LiteRT computes with them.

LiteRT writes beyond its memory where a layer's output is far finer than its products, as in a
network whose features all but vanish. The process would end without a word.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 256.0
"""Of one step of a product, in steps of the output; XNNPACK says that it takes less than this."""

_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def extreme_scale(content: bytes) -> str | None:
    """Return the name of an output that LiteRT cannot compute for its scale; None if there is none.

    Args:
        content: Of a file that LiteRT has opened.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(content)
    layers = {getattr(schema.BuiltinOperator, name) for name in _LAYERS}
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            code = model.OperatorCodes(operator.OpcodeIndex())
            # Files of before 2020 have the other one.
            if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) not in layers:
                continue
            tensors = (operator.Inputs(0), operator.Inputs(1), operator.Outputs(0))
            values, weights, out = (_scales(graph.Tensors(tensor)) for tensor in tensors)
            if not (values.size and weights.size and out.size):
                continue  # it computes in floating point
            with np.errstate(all="ignore"):
                ratio = float(np.max(values[0] * weights / out[0]))
            if not ratio < MOST:
                return str(graph.Tensors(tensors[2]).Name().decode(errors="replace"))
    return None


def _scales(tensor: Any) -> np.ndarray:
    quantization = tensor.Quantization()
    if quantization is None or not quantization.ScaleLength():
        return np.zeros(0)
    return np.asarray(quantization.ScaleAsNumpy(), np.float64)
