r"""A result for a terminal."""
from typing import Any, Mapping, Optional

from .console import out


def print_result(result: Mapping[str, Any]) -> None:
    r"""Prints the text, its entities and its relations.

    Args:
        result (dict): What :meth:`~eega_pyg.extraction.result.Result.to_dict` makes.
    """
    from rich.table import Table
    from rich.text import Text
    out.print(Text(result['text'], 'bold'))
    entities = Table('entity', 'type', 'probability')
    for e in result['entities']:
        entities.add_row(Text(e['text']), Text(e['type']), _percent(e['probability']))
    out.print(entities if entities.row_count else '(no entity found)')
    relations = Table('head', 'relation', 'tail', 'probability')
    for q in result['quintuples']:
        # Without a direction, the entity that stands first is named first.
        arrow = ' ->' if q['directed'] else ' -'
        relations.add_row(Text(q['head']['text']), Text(q['relation'] + arrow),
                          Text(q['tail']['text']), _percent(q['probability']))
    for table in (entities, relations):
        for column in table.columns[:-1]:
            column.overflow = 'fold'
    out.print(relations if relations.row_count else '(no relation found)')


def _percent(probability: Optional[float]) -> str:
    return '' if probability is None else f'{100 * probability:.0f} %'
