r"""A random data set of the same schema."""
import random
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np
from torch_geometric.data import InMemoryDataset

from eega_pyg.parsing import Parse, word_shape
from eega_pyg.schema import (
    JMERE_TAGS,
    Entity,
    Quintuple,
    SceneGraph,
    SceneObject,
    ScenePredicate,
    TagSet,
)
from eega_pyg.transforms import Pair, PairTransform, Pieces, Vocabularies

_DEPS = ('nsubj', 'dobj', 'amod', 'prep', 'pobj', 'punct')
_PREDICATES = ('near', 'holding', 'wearing', 'on')


class FakeJMERE(InMemoryDataset):
    r"""A random data set of text/image pairs in the schema of
    :class:`~eega_pyg.datasets.JMERE`. It needs no parser, tokenizer or file.

    The words of an entity name its type, and the types of two entities determine their
    relation, so that a model can learn both.

    Args:
        num_pairs (int, optional): The number of pairs. (default: :obj:`100`)
        avg_words (int, optional): The average number of words; a sentence has between
            one and twice as many. (default: :obj:`16`)
        avg_objects (int, optional): The average number of objects; an image has
            between none and twice as many. (default: :obj:`4`)
        feature_size (int, optional): Size of the objects' feature vectors.
            (default: :obj:`0`)
        vector_size (int, optional): Size of the words' own feature vectors.
            (default: :obj:`0`)
        num_piece_ids (int, optional): Word-piece ids are below this number.
            (default: :obj:`1000`)
        tags (TagSet, optional): The tags.
            (default: :obj:`~eega_pyg.schema.JMERE_TAGS`)
        table (str, optional): The word-pair table, see
            :func:`~eega_pyg.tagging.encode`. (default: :obj:`"directed"`)
        seed (int, optional): The seed of all random choices. (default: :obj:`0`)
        transform (callable, optional): A function that takes in a
            :class:`~torch_geometric.data.HeteroData` object and returns a transformed
            version, before every access. (default: :obj:`None`)
        vary (bool, optional): If set to :obj:`False`, all sentences have
            :obj:`avg_words` words and all images :obj:`avg_objects` objects.
            (default: :obj:`True`)

    Raises:
        ValueError: If there were no pairs, no words or too few word-piece ids.
    """
    def __init__(
        self,
        num_pairs: int = 100,
        avg_words: int = 16,
        avg_objects: int = 4,
        feature_size: int = 0,
        vector_size: int = 0,
        num_piece_ids: int = 1000,
        tags: TagSet = JMERE_TAGS,
        table: str = 'directed',
        seed: int = 0,
        transform: Optional[Callable] = None,
        vary: bool = True,
    ) -> None:
        super().__init__(None, transform)
        for name, value, least in (('num_pairs', num_pairs, 1),
                                   ('avg_words', avg_words, 1), ('num_piece_ids',
                                                                 num_piece_ids, 4)):
            if value < least:
                raise ValueError(f"Expected '{name}' of at least {least} (got {value})")
        self.tags = tags
        self.table = table
        self.num_piece_ids = num_piece_ids
        generator = random.Random(seed)
        pairs = []
        for i in range(num_pairs):
            num_words, num_objects = avg_words, avg_objects
            if vary:
                num_words = generator.randint(1, 2 * avg_words - 1)
                num_objects = generator.randint(0, 2 * avg_objects)
            pairs.append(
                _pair(i, num_words, num_objects, feature_size, vector_size, tags,
                      generator))
        self.vocabularies = Vocabularies.fit(pairs)
        pair_transform = PairTransform(self.vocabularies, _FakePieces(num_piece_ids),
                                       tags, table, max_objects=2 * avg_objects,
                                       feature_size=feature_size)
        data_list = [pair_transform(pair) for pair in pairs]
        self.data, self.slices = self.collate(data_list)


class _FakePieces:
    r"""Splits a word into pieces of four characters, which determine their ids. Ids 1
    and 2 are the special pieces."""
    def __init__(self, num_ids: int) -> None:
        self.num_ids = num_ids

    def words(self, words: Sequence[str]) -> Pieces:
        ids, of_word = [1], [-1]
        for i, word in enumerate(words):
            pieces = self.label(word)
            ids += pieces
            of_word += [i] * len(pieces)
        return Pieces([*ids, 2], [*of_word, -1])

    def label(self, label: str) -> List[int]:
        cut = [label[i:i + 4] for i in range(0, len(label), 4)]
        # Not `hash`, which differs between processes.
        return [
            3 + sum(ord(c) * 31**k for k, c in enumerate(p)) % (self.num_ids - 3)
            for p in cut
        ]


def _pair(index: int, num_words: int, num_objects: int, feature_size: int,
          vector_size: int, tags: TagSet, generator: random.Random) -> Pair:
    words = [f'w{generator.randrange(200)}' for _ in range(num_words)]
    entities = _entities(num_words, tags, generator)
    for entity in entities:
        for i in range(entity.start, entity.end):
            words[i] = f'{entity.type.title()}{generator.randrange(20)}'
    quintuples = []
    for head, tail in zip(entities, entities[1:]):
        if tags.relations and generator.random() < 0.7:
            kind = (tags.types.index(head.type) * len(tags.types) +
                    tags.types.index(tail.type))
            relation = tags.relations[kind % len(tags.relations)]
            quintuples.append(Quintuple(head, tail, relation))
    return Pair(tuple(words), _parse(words, entities, vector_size, generator),
                _scene_graph(num_objects, feature_size, generator), tuple(quintuples),
                ' '.join(words), f'fake_{index}.jpg', index)


def _entities(num_words: int, tags: TagSet, generator: random.Random) -> List[Entity]:
    entities, start = [], generator.randint(0, 3)
    while start < num_words:
        end = min(start + generator.randint(1, 3), num_words)
        entities.append(Entity(start, end, generator.choice(tags.types)))
        start = end + generator.randint(0, 4)
    return entities


def _parse(words: Sequence[str], entities: Sequence[Entity], vector_size: int,
           generator: random.Random) -> Parse:
    n = len(words)
    # A head stands before its word, so that there is no cycle. Some words are roots.
    heads = [
        i if i == 0 or generator.random() < 0.05 else generator.randrange(i)
        for i in range(n)
    ]
    inside = {i: e.type for e in entities for i in range(e.start, e.end)}
    return Parse(
        heads=tuple(heads),
        deps=tuple('ROOT' if h == i else generator.choice(_DEPS)
                   for i, h in enumerate(heads)),
        upos=tuple('PROPN' if i in inside else generator.choice(('NOUN', 'VERB'))
                   for i in range(n)),
        ner=tuple(inside.get(i, '').upper() for i in range(n)),
        shape=tuple(map(word_shape, words)),
        vectors=np.array([[generator.gauss(0, 1) for _ in range(vector_size)]
                          for _ in range(n)]),
    )


def _scene_graph(num_objects: int, feature_size: int,
                 generator: random.Random) -> SceneGraph:
    objects = []
    for _ in range(num_objects):
        x, y = (sorted(generator.random() for _ in range(2)) for _ in range(2))
        box: Optional[Tuple[float, float, float, float]] = (x[0], y[0], x[1], y[1])
        feature = tuple(generator.gauss(0, 1) for _ in range(feature_size))
        objects.append(
            SceneObject(f'thing {generator.randrange(30)}', generator.random(),
                        box if generator.random() < 0.5 else None, feature or None))
    predicates = []
    for _ in range(num_objects if num_objects > 1 else 0):
        subject, target = generator.sample(range(num_objects), 2)
        predicates.append(ScenePredicate(subject, generator.choice(_PREDICATES),
                                         target))
    return SceneGraph(tuple(objects), tuple(predicates))
