r"""How well a model reads general sentences and paragraphs, and what it states in those
that hold no relation.

    python -m benchmarks.accuracy.general --model jmere-minilm

``benchmarks/accuracy/general/README.md`` says what these texts are. The results go to
``benchmarks/results/general.json``.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from pydantic import ConfigDict, Field
from typing_extensions import Annotated, NotRequired, TypedDict

from benchmarks.accuracy.scored import Scored, either_way, pair
from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.files import write_text
from eega_pyg.json_yaml import read_lines
from eega_pyg.schema import Entity, Index, Name, Quintuple, located, validated
from eega_pyg.tagging import Extraction

FOLDER = Path(__file__).parent / 'general'
FILES = ('sentences', 'paragraphs')
#: The least probabilities, beside the threshold of the model.
FROM = (0.0, 0.3, 0.5, 0.8)
VIEWS = {'quintuple': either_way, 'directed': lambda q: q, 'relation': pair}


class _Line(TypedDict):
    __pydantic_config__ = ConfigDict(extra='forbid')  # type: ignore[misc]
    id: Name
    topic: Name
    text: Name
    tokens: Annotated[List[Name], Field(min_length=1)]
    entities: List[Tuple[Index, Index, Name]]
    relations: List[Tuple[Index, Index, Name]]
    optional: NotRequired[List[Tuple[Index, Index, Name]]]


class LabelledText(NamedTuple):
    r"""A text with all its entities and the relations that it states.

    Args:
        id (str): Its name.
        topic (str): What it is about.
        text (str): The text.
        tokens (tuple of str): Its words.
        entities (tuple of Entity): Its entities.
        quintuples (tuple of Quintuple): What it states.
        optional (tuple of Quintuple): What counts neither as right nor as wrong.
    """
    id: str
    topic: str
    text: str
    tokens: Tuple[str, ...]
    entities: Tuple[Entity, ...]
    quintuples: Tuple[Quintuple, ...]
    optional: Tuple[Quintuple, ...]


def read_texts(path: Path) -> List[LabelledText]:
    r"""Reads a file of labelled texts, a JSON object a line.

    Raises:
        ValueError: Naming file, line and field, if one is wrong.
        OSError: If there is no such file.
    """
    texts = []
    for number, value in read_lines(path):
        where = f'{path}:{number}'
        line = validated(_Line, value, where)
        with located(where):
            texts.append(_text(line))
    return texts


def _text(line: _Line) -> LabelledText:
    size = len(line['tokens'])
    entities = tuple(Entity(*values) for values in line['entities'])
    for i, e in enumerate(entities):
        if e.end > size:
            raise ValueError(f"entities[{i}]: ends with word {e.end} of {size}")

    def quintuples(field: str, values: List[Tuple[int, int, str]]) -> Any:
        for i, (head, tail, _) in enumerate(values):
            if head == tail or max(head, tail) >= len(entities):
                raise ValueError(f"{field}[{i}]: expected the numbers of two of the "
                                 f"{len(entities)} entities (got {head} and {tail})")
        return tuple(Quintuple(entities[h], entities[t], name) for h, t, name in values)

    return LabelledText(line['id'], line['topic'], line['text'], tuple(line['tokens']),
                        entities, quintuples('relations', line['relations']),
                        quintuples('optional', line.get('optional', [])))


def stated(found: Sequence[Quintuple], text: LabelledText) -> List[Quintuple]:
    r"""Of what was found in a text, all that counts as right or as wrong."""
    optional = set(map(pair, text.optional)) - set(map(pair, text.quintuples))
    return [q for q in found if pair(q) not in optional]


def read(extractor: Extractor, texts: Sequence[LabelledText]) -> List[Extraction]:
    r"""What is found in each text, less what counts neither as right nor as wrong.

    Raises:
        ValueError: If the extractor reads other words than are labelled.
    """
    results = extractor.batch([Item(text.text) for text in texts], threshold=0.0)
    for text, result in zip(texts, results):
        if tuple(result.words) != text.tokens:
            raise ValueError(f"{text.id}: its tokens are not those that the extractor "
                             f"reads: {result.words}")
    return [
        Extraction(r.extraction.entities, stated(r.extraction.quintuples, text))
        for r, text in zip(results, texts)
    ]


def measure(extractor: Extractor, texts: Sequence[LabelledText]) -> Dict[str, Any]:
    r"""What is right, and each probability of what is stated in a text without a
    relation."""
    extractions = read(extractor, texts)
    entities = [x.entities for x in extractions]
    found = [x.quintuples for x in extractions]
    given = [t.quintuples for t in texts]
    return {
        'texts': len(texts),
        'entity': Scored.of(entities, [t.entities for t in texts],
                            lambda e: e).to_dict(),
        **{
            view: Scored.of(found, given, key).to_dict()
            for view, key in VIEWS.items()
        },
        'invented': [[round(q.probability or 0.0, 4) for q in ours]
                     for ours, theirs in zip(found, given) if not theirs],
    }


def report(record: Dict[str, Any]) -> str:
    r"""The tables of a run, in Markdown."""
    rows, entities = [], []
    for name, part in record['results'].items():
        scored = {view: Scored.from_dict(part[view]) for view in (*VIEWS, 'entity')}
        found = scored['entity'].scores()
        entities.append([
            name,
            str(part['entity']['given']),
            *(f'{100 * found[score]:.1f}'
              for score in ('precision', 'recall', 'f1', 'probability'))
        ])
        for least in sorted({*FROM, record['threshold']}):
            kept = {view: s.above(least).scores() for view, s in scored.items()}
            invented = [sum(p >= least for p in ps) for ps in part['invented']]
            rows.append([
                name, f'{least:.3g}', *(f"{100 * kept['quintuple'][score]:.1f}"
                                        for score in ('precision', 'recall', 'f1')),
                *(f"{100 * kept[view]['f1']:.1f}" for view in ('directed', 'relation')),
                str(sum(invented)), f'{sum(map(bool, invented))} of {len(invented)}'
            ])
    sizes = ', '.join(f"{part['texts']} {name}, {part['quintuple']['given']} quintuples"
                      for name, part in record['results'].items())
    return (
        f"{record['model']}, threshold {record['threshold']:.3g}; {sizes}; "
        f"{record['machine']}, {record['date']}.\n\n" + markdown([
            'texts', 'least probability', 'precision', 'recall', 'F1', 'directed',
            'without types', 'false statements', 'texts with one'
        ], rows) + '\n\n' +
        markdown(['texts', 'entities', 'precision', 'recall', 'F1', 'mean probability'],
                 entities))


def main(arguments: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--model', default='jmere-minilm',
                        help='a saved model, or the name of a checkpoint')
    parser.add_argument('--texts', type=Path, default=FOLDER,
                        help=f"folder of {' and '.join(f'{f}.jsonl' for f in FILES)}")
    parser.add_argument('--results', type=Path, default=RESULTS / 'general.json')
    args = parser.parse_args(arguments)
    texts = {name: read_texts(args.texts / f'{name}.jsonl') for name in FILES}
    extractor = Extractor.from_pretrained(args.model)
    record = {
        'model': Path(args.model).name,
        'threshold': extractor.thresholds.quintuple,
        'results': {
            name: measure(extractor, part)
            for name, part in texts.items()
        },
        **machine()
    }
    write_text(args.results, json.dumps(record) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
