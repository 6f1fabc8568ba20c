r"""Tasks for Label Studio, and the configuration of its page."""
import re
from colorsys import hls_to_rgb
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional, Sequence, Set
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from eega_pyg.schema import located, short

from .annotated import AnnotatedText
from .native import other_fields, write_array

#: The ending of the file beside the tasks that holds the configuration of the page.
CONFIG = '.config.xml'

#: Where the page finds an image of this machine.
LOCAL = '/data/local-files/?d='

_URL = re.compile(r'[a-z][a-z0-9+.-]*:|/data/', re.IGNORECASE)
_NO_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


class Tasks:
    r"""Makes tasks of texts, and remembers what the page has to offer for them."""
    def __init__(self) -> None:
        self.types: Set[str] = set()
        self.relations: Set[str] = set()
        self.images = False

    def of(self, texts: Iterable[AnnotatedText]) -> Iterator[Dict[str, Any]]:
        r"""Yields the task of each text, see :func:`to_task`."""
        for text in texts:
            with located(text.place):
                for seen, names in ((self.types, {e.type
                                                  for e in text.entities}),
                                    (self.relations, {r.type
                                                      for r in text.relations})):
                    for name in sorted(names - seen):
                        _check_name(name)
                        seen.add(name)
            self.images |= bool(text.image) or any(e.box for e in text.entities)
            yield to_task(text)

    def config(self) -> Mapping[str, str]:
        r"""The configuration of the page by the ending of its file; nothing where
        there is no entity."""
        if not self.types:
            return {}
        return {
            CONFIG:
            labelling_config(sorted(self.types), sorted(self.relations), self.images)
        }


def write(texts: Iterable[AnnotatedText], path: Path) -> Mapping[str, str]:
    r"""Writes texts as tasks to be imported, and returns the configuration of the page
    by the ending of its file."""
    tasks = Tasks()
    write_array(tasks.of(texts), path)
    return tasks.config()


def labelling_config(types: Sequence[str], relations: Sequence[str],
                     images: bool = False) -> str:
    r"""The configuration of a page of Label Studio on which texts get entities and
    relations, as XML.

    Args:
        types (sequence of str): The types that it offers.
        relations (sequence of str): The relations.
        images (bool, optional): If set to :obj:`True`, it shows an image too, of which
            regions can be marked. (default: :obj:`False`)

    Raises:
        ValueError: Naming a type or relation that cannot be written.
    """
    for name in (*types, *relations):
        _check_name(name)
    view = ElementTree.Element('View')
    joins = ElementTree.SubElement(view, 'Relations')
    for name in relations:
        ElementTree.SubElement(joins, 'Relation', value=name)
    _marked(view, 'Labels', 'label', 'Text', 'text', types)
    if images:
        _marked(view, 'RectangleLabels', 'box', 'Image', 'image', types)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding='unicode') + '\n'


def _marked(view: ElementTree.Element, control: str, name: str, shown: str, field: str,
            types: Sequence[str]) -> None:
    r"""Something that is shown, and the labels of its regions."""
    labels = ElementTree.SubElement(view, control, name=name, toName=field)
    for i, kind in enumerate(types):
        ElementTree.SubElement(labels, 'Label', value=kind, background=_color(i))
    ElementTree.SubElement(view, shown, name=field, value=f'${field}')


def _color(number: int) -> str:
    # Steps of the golden ratio: no two of few hues are near each other.
    parts = hls_to_rgb(number * 0.618034 % 1, 0.5, 0.7)
    return '#' + ''.join(f'{round(255 * part):02x}' for part in parts)


def _check_name(name: str) -> None:
    if name.startswith('$') or _NO_XML.search(name):
        raise ValueError(f"{short(name)} cannot be a label of Label Studio, where no "
                         f"name begins with $ or holds a control character: rename it")


def to_task(text: AnnotatedText, score: Optional[float] = None) -> Dict[str, Any]:
    r"""A text as a task with one prediction, which the page shows to be corrected.

    Args:
        text (AnnotatedText): The text.
        score (float, optional): How sure the prediction is as a whole. By default it is
            the lowest probability of an entity or relation.
    """
    results = list(_results(text))
    if score is None:
        scores = [e.probability for e in text.entities]
        scores += [r.probability for r in text.relations]
        score = min((x for x in scores if x is not None), default=None)
    prediction = {'model_version': 'eega_pyg', 'result': results, **_score(score)}
    return {
        'data': {
            'text': text.text,
            # The page asks for it where any text of the project has an image.
            'image': image_url(text.image),
            **({} if text.words is None else {
                   'words': list(text.words)
               }),
            **{
                name: value
                for name, value in other_fields(text).items() if name != 'image'
            }
        },
        'predictions': [prediction] if results or score is not None else []
    }


def image_url(path: str) -> str:
    r"""Where the page finds an image: paths are those of its local files, URLs stay."""
    return path if not path or _URL.match(path) else LOCAL + quote(path)


def image_path(url: str) -> str:
    r"""The inverse of :func:`image_url`."""
    return unquote(url.removeprefix(LOCAL)) if url.startswith(LOCAL) else url


def _results(text: AnnotatedText) -> Iterator[Dict[str, Any]]:
    for i, e in enumerate(text.entities):
        yield {
            'id': f'e{i}',
            'type': 'labels',
            'from_name': 'label',
            'to_name': 'text',
            'value': {
                'start': e.start,
                'end': e.end,
                'text': text.text[e.start:e.end],
                'labels': [e.type]
            },
            **_score(e.probability)
        }
    for i, e in enumerate(text.entities):
        if e.box is not None:
            yield {
                'id': f'b{i}',
                'type': 'rectanglelabels',
                'from_name': 'box',
                'to_name': 'image',
                'value': {
                    'x': 100 * e.box[0],
                    'y': 100 * e.box[1],
                    'width': 100 * (e.box[2] - e.box[0]),
                    'height': 100 * (e.box[3] - e.box[1]),
                    'rotation': 0,
                    'rectanglelabels': [e.type]
                }
            }
            yield {
                'type': 'relation',
                'from_id': f'e{i}',
                'to_id': f'b{i}',
                'direction': 'right'
            }
    for r in text.relations:
        yield {
            'type': 'relation',
            'from_id': f'e{r.head}',
            'to_id': f'e{r.tail}',
            'direction': 'right' if r.directed else 'bi',
            'labels': [r.type],
            **_score(r.probability)
        }


def _score(value: Optional[float]) -> Dict[str, float]:
    return {} if value is None else {'score': value}
