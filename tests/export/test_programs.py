"""Programs of others, as `benchmarks.clients` runs them: the model's answers from JPEG files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.clients.__main__ import FORMATS, probabilities
from benchmarks.clients.clients import CLIENTS, INT8, Answered, Job, LeftOutError
from tests.export.test_snippets import LABELS, SIZE
from tests.trained_model import TrainedModel
from tlearn.data.decode import decode
from tlearn.errors import HostError
from tlearn.export.seal import attach_contract
from tlearn.export.write import write_and_check

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def job(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """All formats of a model, and images of several sizes."""
    for package in ("tf2onnx", "openvino"):
        pytest.importorskip(package, reason="pip install -e '.[dev]'")
    folder = tmp_path_factory.mktemp("clients")
    inputs = replace(trained.inputs(), class_names=LABELS, golden=())
    for target in FORMATS:
        attach_contract(write_and_check(inputs, folder, target), inputs)
    names = []
    for number, size in enumerate([(20, 25), (32, 32), (60, 43), (200, 150), (400, 60)]):
        names.append(f"{number}.jpg")
        Image.fromarray(trained.pixels[number]).resize(size).save(folder / names[-1], quality=90)
    return Job(folder, names, None)


@pytest.mark.parametrize(
    ("file", "ask"), [pytest.param(*rest, id=f"{name}-{rest[0]}") for name, *rest in CLIENTS]
)
def test_a_program_answers_as_the_model_does(
    trained: TrainedModel, job: Job, file: str, ask: Callable[[Job], Answered]
) -> None:
    try:
        answered = ask(job)
    except (LeftOutError, HostError) as missing:
        pytest.skip(str(missing))
    if len(answered.lines) == 1:
        on_npu, _, operators, *_ = answered.lines[0].split()
        assert on_npu == operators
        return
    pixels = np.stack([decode(job.folder / name, SIZE) for name in job.images])
    expected = trained.model.predict(pixels.astype("float32"), verbose=0)
    tolerance = 0.1 if file == INT8 else 0.01
    for line, row in zip(answered.lines, expected, strict=True):
        found = probabilities(line)
        assert [found[label] for label in LABELS] == pytest.approx(row, abs=tolerance), line
