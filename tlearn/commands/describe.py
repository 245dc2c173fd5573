"""What a run did, as the Methods paragraph of a paper, with the references it cites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tlearn.commands.methods import RunRecord, sentences, weights_are_known
from tlearn.commands.references import Citations, Reference, tlearn_reference
from tlearn.runs.contents import read_contents
from tlearn.runs.directory import RunDirectory
from tlearn.runs.provenance import read_provenance


@dataclass(frozen=True)
class Description:
    """What a run did, for a paper.

    Attributes:
        run: The run.
        text: One paragraph.
        references: What it cites, in the order in which it first does.
        missing: What a reader would want to know and the run does not say, a sentence each.
    """

    run: RunDirectory
    text: str
    references: tuple[Reference, ...]
    missing: tuple[str, ...]

    @property
    def bibtex(self) -> str:
        """Return the references as a BibTeX file."""
        return "\n\n".join(reference.bibtex for reference in self.references)


def describe(path: Path | None = None) -> Description:
    """Describe what a run did; nothing is said that its files do not hold.

    Args:
        path: Its directory; None takes the newest under runs/.

    Raises:
        RunError: There is no such run, it is not finished, or its files are damaged.
    """
    run = RunDirectory.open(path)
    contents = read_contents(run)
    record = RunRecord(
        plan=contents.plan,
        metrics=contents.metrics,
        manifest=contents.manifest,
        history=run.epochs.read(),
        provenance=read_provenance(run),
    )
    version = record.provenance.versions.get("tlearn") if record.provenance else None
    year = str(datetime.fromtimestamp(run.started).year)
    cite = Citations(tlearn_reference(version, year))
    text = " ".join(filter(None, sentences(record, cite)))
    return Description(run, text, cite.references, tuple(_missing(record)))


def _missing(record: RunRecord) -> Iterator[str]:
    backbone = record.plan.backbone
    if not weights_are_known(record.plan):
        file = Path(backbone.weights or backbone.name).name
        yield f"what the weights in '{file}' were trained on"
    if record.provenance is None:
        yield "which versions of which libraries were used, and on which machine"
        yield "whether the split was given by the data or drawn at random"
