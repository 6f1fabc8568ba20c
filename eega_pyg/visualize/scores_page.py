r"""A page that shows how good predictions are, and where they go wrong."""
from pathlib import Path
from typing import Any, Dict, List, Sequence, Union

from eega_pyg.files import write_text
from eega_pyg.scoring import (
    RELATION_VIEWS,
    Comparison,
    Confusion,
    Counts,
    JudgedText,
    Report,
    ViewScore,
)
from eega_pyg.scoring.errors import REASONS, SPURIOUS

from .page import render


def write_scores_page(result: Union[Report, Comparison], path: Union[str, Path],
                      names: Sequence[str], gold: str, view: str = 'quintuple') -> None:
    r"""Writes one HTML page, which needs no network and no other file: scores with
    intervals, by relation, distance and length, what is lost and why, what is taken for
    what, and the texts with errors, or those in which two systems differ.

    Args:
        result (Report or Comparison): What :func:`~eega_pyg.scoring.score` or
            :func:`~eega_pyg.scoring.compare` has returned.
        path (str or Path): The file.
        names (sequence of str): The name of each system.
        gold (str): What they were scored against.
        view (str, optional): The view of the texts, see
            :func:`~eega_pyg.scoring.items`. (default: :obj:`"quintuple"`)
    """
    write_text(path, scores_page(result, names, gold, view))


def scores_page(result: Union[Report, Comparison], names: Sequence[str], gold: str,
                view: str = 'quintuple') -> str:
    r"""The page of :func:`write_scores_page`."""
    if isinstance(result, Comparison):
        reports, texts = [result.first, result.second], result.diff(view)
        tests = {name: list(test) for name, test in result.tests.items()}
    else:
        reports, texts, tests = [result], result.errors(view), {}
    views = {
        name: {
            'relations': name in RELATION_VIEWS,
            'systems': [_view(r.views[name]) for r in reports],
            'test': tests.get(name)
        }
        for name in reports[0].views if all(name in r.views for r in reports) and any(
            max(r.views[name].counts) > 0 for r in reports)
    }
    return render(
        'scores', f"Scores of {' and '.join(names)}", {
            'names': list(names),
            'gold': gold,
            'number': len(reports[0].gold),
            'notes': [r.alignment.notes for r in reports],
            'views': views,
            'view': view,
            'reasons': REASONS,
            'lost': [r.lost for r in reports],
            'wrong': SPURIOUS,
            'spurious': [[r.spurious[kind] for kind in SPURIOUS] for r in reports],
            'types': [_confusion(r.types) for r in reports],
            'relations': [_confusion(r.relations) for r in reports],
            'texts': [_text(text) for text in texts],
        })


def _view(score: ViewScore) -> Dict[str, Any]:
    return {
        'all': _counts(score.counts),
        'interval': score.interval,
        'macro': score.macro_f1,
        **{
            kind: [[name, _counts(c)] for name, c in getattr(score, kind).items()]
            for kind in ('labels', 'distances', 'lengths')
        }
    }


def _counts(counts: Counts) -> List[float]:
    return [*counts, counts.precision, counts.recall, counts.f1]


def _confusion(found: Confusion) -> Dict[str, Any]:
    return {'labels': found.labels, 'table': found.table()}


def _text(text: JudgedText) -> List[Any]:
    return [
        text.text.place, text.text.image_id, text.text.text,
        [[[list(end) for end in item.ends], item.label, item.given, item.found]
         for item in text.items]
    ]
