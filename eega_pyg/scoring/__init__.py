r"""Scores of anybody's predictions: counts in all views, intervals, tests, errors."""
from .alignment import Alignment, PlacedText, align
from .counts import Counts, macro_f1, total_scores
from .errors import Confusion
from .files import read_gold, read_predictions
from .grounding import elsewhere, iou
from .judged import End, JudgedItem, JudgedText
from .report import Comparison, Report, ViewScore, compare, score
from .resampling import PairedTest, paired_tests, resampled_f1
from .views import GROUNDED, RELATION_VIEWS, VIEWS, Content, items, undirected

__all__ = [
    'Alignment',
    'Comparison',
    'Confusion',
    'Content',
    'Counts',
    'End',
    'GROUNDED',
    'JudgedItem',
    'JudgedText',
    'PairedTest',
    'PlacedText',
    'RELATION_VIEWS',
    'Report',
    'VIEWS',
    'ViewScore',
    'align',
    'compare',
    'elsewhere',
    'iou',
    'items',
    'macro_f1',
    'paired_tests',
    'read_gold',
    'read_predictions',
    'resampled_f1',
    'score',
    'total_scores',
    'undirected',
]
