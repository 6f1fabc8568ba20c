r"""What ``eega evaluate --predictions`` does."""
import json
from collections import Counter
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Union

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from .console import note, out, tell

if TYPE_CHECKING:
    from eega_pyg.scoring import Comparison, Counts, JudgedItem, JudgedText, Report

#: How many kinds of confusion are printed; the file and the page have all.
_CONFUSIONS = 10


class ViewName(str, Enum):
    quintuple = 'quintuple'
    directed = 'directed'
    triple = 'triple'
    directed_triple = 'directed_triple'
    pair = 'pair'
    entity = 'entity'
    quintuple_entity = 'quintuple_entity'
    lone_entity = 'lone_entity'
    span = 'span'
    grounded_entity = 'grounded_entity'


def score_files(data: Path, split: str, predictions: Sequence[Path],
                target: Optional[Path], page: Optional[Path], view: str, examples: int,
                draws: int, seed: int, form: Optional[str],
                gold_form: Optional[str]) -> None:
    r"""Scores one or two files of predictions, prints the tables, and writes them as
    JSON and as a page."""
    from eega_pyg.files import check_apart, check_ending, check_file, write_text
    from eega_pyg.scoring import Comparison, compare, read_gold, read_predictions, score
    if len(predictions) > 2:
        raise ValueError(f"Give one file of predictions, or two to compare (got "
                         f"{len(predictions)})")
    folder = (data / 'raw').is_dir()
    for path in filter(None, (target, page)):
        check_file(path)
        for source in (*predictions, *([] if folder else [data])):
            check_apart(source, path)
    for file, ending in ((target, '.json'), (page, '.html')):
        if file is not None:
            check_ending(file, ending)
    gold, *said = _read(read_gold, data, split, gold_form)
    found = []
    for path in predictions:
        texts, message = _read(read_predictions, path, form)
        found.append(texts)
        said.append(message)
    names = _names(predictions)
    title = f'{data}, {split} split' if folder else str(data)
    result: 'Union[Report, Comparison]'
    if len(found) == 1:
        result = score(gold, found[0], draws, seed)
        reports = [result]
    else:
        result = compare(gold, found[0], found[1], draws, seed)
        reports = [result.first, result.second]
    if any(view not in r.views for r in reports):
        raise ValueError(f"--view {view} compares boxes, and no entity has one on both "
                         f"sides")
    wrong = (result.diff(view)
             if isinstance(result, Comparison) else result.errors(view))
    for message in filter(None, said):
        note(message)
    for name, report in zip(names, reports):
        for message in report.alignment.notes:
            tell(f'{name}: {message}', '[yellow]warning:[/yellow]')
    if target is not None:
        value = {
            'gold': title,
            'predictions': [str(path) for path in predictions],
            'draws': draws,
            'seed': seed,
            **result.to_dict(), 'errors' if len(found) == 1 else 'diff': {
                'view': view,
                'texts': [text.to_dict() for text in wrong]
            }
        }
        write_text(target, json.dumps(value, indent=1, ensure_ascii=False) + '\n')
        note(f'Wrote {target}')
    if page is not None:
        from eega_pyg.visualize.scores_page import write_scores_page
        write_scores_page(result, page, names, title, view)
        note(f'Wrote {page}')
    _print(result, reports, names, title, view)
    _print_texts(wrong[:examples], names)


def _read(reader: Callable[..., Any], path: Path, *arguments: Any) -> Any:
    r"""The texts of a file, and what a person should know of it."""
    left_out: 'Counter[str]' = Counter()
    texts = reader(path, *arguments, left_out=left_out)
    parts = ', '.join(f'{number:,} {what}' for what, number in (+left_out).items())
    return texts, f'{path}: left out: {parts}' if parts else ''


def _names(paths: Sequence[Path]) -> List[str]:
    r"""The shortest names that tell files apart."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _print(result: 'Union[Report, Comparison]', reports: 'List[Report]',
           names: List[str], title: str, view: str) -> None:
    from eega_pyg.scoring import RELATION_VIEWS, Comparison
    for report, name in zip(reports, names):
        _print_scores(report, f'{name} against {title}, {len(report.gold):,} texts')
    if isinstance(result, Comparison):
        _print_tests(result)
    kinds = [('distances', 'words between'), ('lengths', 'words of the text')]
    label = 'relation' if view in RELATION_VIEWS else 'type'
    for kind, heading in [('labels', label), *kinds]:
        _print_groups(reports, names, view, kind, heading)
    if view in RELATION_VIEWS:
        _print_groups(reports, names, 'entity', 'labels', 'type')
    _print_reasons(reports, names)
    for report, name in zip(reports, names):
        _print_confusions(report, name)


def _print_scores(report: 'Report', title: str) -> None:
    table = _table(title, 'score (%)', 'precision', 'recall', 'f1', '95 %', 'macro',
                   'right/ found/ given')
    for view, score in report.views.items():
        counts = score.counts
        if counts.predicted or counts.given:
            macro = '' if score.macro_f1 is None else _percent(score.macro_f1)
            low, high = score.interval
            table.add_row(view.replace('_', ' '), _percent(counts.precision),
                          _percent(counts.recall), _percent(counts.f1),
                          f'{100 * low:.1f}–{100 * high:.1f}', macro,
                          '/'.join(map(str, counts)))
    out.print(table)


def _print_tests(result: 'Comparison') -> None:
    table = _table(
        'F1 of the second less that of the first; p of the paired bootstrap '
        'and of approximate randomisation', 'f1 (%)', 'first', 'second', 'change',
        '95 % of it', 'p boot.', 'p rand.')
    for view, test in result.tests.items():
        sides = [r.views[view].counts for r in (result.first, result.second)]
        if any(c.predicted or c.given for c in sides):
            low, high = (f'{100 * x:+.1f}' for x in test.interval)
            table.add_row(view.replace('_', ' '), *(_percent(c.f1) for c in sides),
                          f'{100 * test.difference:+.2f}', f'{low} to {high}',
                          f'{test.p_bootstrap:.4f}', f'{test.p_randomisation:.4f}')
    out.print(table)


def _print_groups(reports: 'List[Report]', names: List[str], view: str, kind: str,
                  heading: str) -> None:
    sides: 'List[Dict[str, Counts]]' = [getattr(r.views[view], kind) for r in reports]
    groups = list(dict.fromkeys(name for side in sides for name in side))
    if not groups:
        return
    measures = ('precision', 'recall', 'f1') if len(names) == 1 else ('f1', )
    table = _table(f"{view.replace('_', ' ')} (%), by {heading}", heading, 'given',
                   *(measures if len(names) == 1 else [f'f1 of {n}' for n in names]))
    for group in groups:
        counts = [side.get(group) for side in sides]
        given = next(c.given for c in counts if c is not None)
        table.add_row(
            Text(group), f'{given:,}',
            *('' if c is None else _percent(getattr(c, measure)) for c in counts
              for measure in measures))
    out.print(table)


def _print_reasons(reports: 'List[Report]', names: List[str]) -> None:
    from eega_pyg.scoring.errors import REASONS, SPURIOUS
    lost = [
        sum((Counter(reasons) for reasons in r.lost.values()), Counter())
        for r in reports
    ]
    for title, kinds, rows in (
        ('Given relations, with direction and types', REASONS, lost),
        ('Predicted relations, with direction and types', SPURIOUS,
         [r.spurious for r in reports]),
    ):
        if not any(sum(row.values()) for row in rows):
            continue
        table = _table(title, '', *kinds)
        for name, row in zip(names, rows):
            table.add_row(Text(name), *(f'{row.get(kind, 0):,}' for kind in kinds))
        out.print(table)


def _print_confusions(report: 'Report', name: str) -> None:
    table = _table(f'Taken for others by {name}', 'given', 'predicted as', 'count')
    rows = [
        row for found in (report.types, report.relations)
        for row in found.most_common() if None not in row and row[0] != row[1]
    ]
    for given, predicted, count in sorted(rows, key=lambda row: -row[2])[:_CONFUSIONS]:
        table.add_row(Text(str(given)), Text(str(predicted)), f'{count:,}')
    if rows:
        out.print(table)


def _print_texts(texts: 'List[JudgedText]', names: List[str]) -> None:
    for text in texts:
        out.print()
        out.print(Text(f'{text.text.place}  ', 'dim') + Text(text.text.text, 'bold'))
        for item in text.items:
            if said := _said(item, names):
                out.print(Text(f'  {said}: {_shown(item)}'))


def _said(item: 'JudgedItem', names: List[str]) -> str:
    r"""Who is right about an item; nothing where all are."""
    if len(names) == 2:
        who = f'only {names[item.found.index(True)]}'
        return f"{who}, {'right' if item.given else 'wrong'}"
    if item.found[0]:
        return '' if item.given else 'too much'
    return 'missed'


def _shown(item: 'JudgedItem') -> str:
    ends = [f'{e.text} ({e.type})' if e.type else e.text for e in item.ends]
    return ends[0] if len(ends) == 1 else f"{ends[0]} –{item.label}– {ends[1]}"


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=Text(title, 'bold'), box=SIMPLE_HEAD, pad_edge=False,
                  padding=(0, 1, 0, 0), title_justify='left')
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(Text(heading), justify='right')
    return table


def _percent(value: float) -> str:
    return f'{100 * value:.2f}'
