"""What tlearn does from Python: one function a command, and the records they return.

Everything here is imported without TensorFlow; functions import it where they cannot do without.
"""

from tlearn.commands.benchmark import benchmark
from tlearn.commands.check import CheckResult, check
from tlearn.commands.compare import compare
from tlearn.commands.describe import describe
from tlearn.commands.distill import distill
from tlearn.commands.doctor import DoctorResult, doctor
from tlearn.commands.embed import EmbedResult, embed
from tlearn.commands.evaluate import EvaluateResult, evaluate
from tlearn.commands.explain import ExplainResult, explain
from tlearn.commands.explain_folder import FolderPage, explain_folder
from tlearn.commands.explain_network import NetworkPage, explain_network
from tlearn.commands.export import export, export_for_board, export_within, write_snippets
from tlearn.commands.features import FeaturesResult, features
from tlearn.commands.finetune import FinetuneResult, finetune
from tlearn.commands.fit_board import BoardAdvice, suggest_for_board
from tlearn.commands.matrix import matrix
from tlearn.commands.next_images import NextImages, next_images
from tlearn.commands.policies import PoliciesResult, finetune_policies
from tlearn.commands.predict import Predictions, SortResult, predict, sort_images, unsort_images
from tlearn.commands.rank import RankedBackbone, RankResult, rank
from tlearn.commands.runs import list_runs as runs
from tlearn.commands.suggest import suggest
from tlearn.commands.taught import TaughtHead, solve_embeddings
from tlearn.commands.teach import DistillResult
from tlearn.commands.update import UpdateResult, update
from tlearn.evaluation.choice import Choice
from tlearn.evaluation.gates import Gates
from tlearn.evaluation.sorting import Sorting
from tlearn.export.board_files import BoardFiles
from tlearn.export.budget import BudgetResult
from tlearn.export.inputs import ExportOptions
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.board_fit import BoardLimits

__all__ = [
    "Advice",
    "BoardAdvice",
    "BoardFiles",
    "BoardLimits",
    "BudgetResult",
    "CheckResult",
    "Choice",
    "DistillResult",
    "DoctorResult",
    "EmbedResult",
    "EvaluateResult",
    "ExplainResult",
    "ExportOptions",
    "FeaturesResult",
    "FinetuneResult",
    "FolderPage",
    "Gates",
    "NetworkPage",
    "NextImages",
    "PoliciesResult",
    "Predictions",
    "RankResult",
    "RankedBackbone",
    "SortResult",
    "Sorting",
    "TaughtHead",
    "UpdateResult",
    "benchmark",
    "check",
    "compare",
    "describe",
    "distill",
    "doctor",
    "embed",
    "evaluate",
    "explain",
    "explain_folder",
    "explain_network",
    "export",
    "export_for_board",
    "export_within",
    "features",
    "finetune",
    "finetune_policies",
    "matrix",
    "next_images",
    "predict",
    "rank",
    "runs",
    "solve_embeddings",
    "sort_images",
    "suggest",
    "suggest_for_board",
    "unsort_images",
    "update",
    "write_snippets",
]
