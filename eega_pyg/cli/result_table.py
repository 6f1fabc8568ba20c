r"""A result for a terminal."""
from typing import TYPE_CHECKING, Any, List, Mapping, Optional

from .console import out

if TYPE_CHECKING:
    from rich.text import Text


def print_result(result: Mapping[str, Any]) -> None:
    r"""Prints the text, its entities and its relations.

    Args:
        result (dict): What :meth:`~eega_pyg.extraction.result.Result.to_dict` makes.
    """
    from rich.table import Table
    from rich.text import Text

    from eega_pyg.extraction.result_formats import in_one_line
    out.print(Text(result['text'], 'bold'))
    grounded = any('object_score' in e for e in result['entities'])
    entities = Table('entity', 'type', 'probability',
                     *(['in the image', 'box'] if grounded else []))
    for e in result['entities']:
        entities.add_row(Text(in_one_line(e['text'])), Text(e['type']),
                         _percent(e['probability']),
                         *(_seen(e, result) if grounded else []))
    out.print(entities if entities.row_count else '(no entity found)')
    relations = Table('head', 'relation', 'tail', 'probability')
    for q in result['quintuples']:
        # Without a direction, the entity that stands first is named first.
        arrow = ' ->' if q['directed'] else ' -'
        head, tail = (Text(in_one_line(q[end]['text'])) for end in ('head', 'tail'))
        relations.add_row(head, Text(q['relation'] + arrow), tail,
                          _percent(q['probability']))
    for table in (entities, relations):
        for column in table.columns[:-1]:
            column.overflow = 'fold'
    out.print(relations if relations.row_count else '(no relation found)')


def _seen(entity: Mapping[str, Any], result: Mapping[str, Any]) -> 'List[Text]':
    from rich.text import Text
    if 'object_score' not in entity:
        return [Text(), Text()]
    name = 'not seen'
    if entity['object'] is not None:
        name = result['scene_graph']['objects'][entity['object']]['label']
    box = ' '.join(f'{x:.2f}' for x in entity.get('box', ()))
    return [Text(f"{name} {_percent(entity['object_score'])}"), Text(box)]


def _percent(probability: Optional[float]) -> str:
    return '' if probability is None else f'{100 * probability:.0f} %'
