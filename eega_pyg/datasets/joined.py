r"""Texts of several sentences, made of sentences of different texts."""
import random
from dataclasses import replace
from typing import List, Optional, Sequence

from eega_pyg.schema import Annotation, Block, Entity, Quintuple

from .record import Record

#: How many sentences a joined text has at least and at most.
LEAST, MOST = 2, 5
#: Ends a sentence that has no mark of its own.
_END = '.'


def join_records(records: Sequence[Record], number: int, least: int = LEAST,
                 most: int = MOST, max_words: Optional[int] = None,
                 seed: int = 0) -> List[Record]:
    r"""Makes texts of several sentences by putting sentences one after another. All
    relations hold within one sentence: two words of different sentences are known to
    have no tag.

    Every sentence is drawn once before any is drawn again, except for the last few that
    are too few for a text. In half of the texts, a sentence that ends with a letter or
    a digit gets a full stop. A text has the image of one of its sentences. The same
    seed makes the same texts.

    Args:
        records (sequence of Record): The sentences.
        number (int): The number of texts to make.
        least (int, optional): The fewest sentences of a text. (default: :obj:`2`)
        most (int, optional): The most sentences of a text; the number is drawn at
            random. (default: :obj:`5`)
        max_words (int, optional): A text ends before the sentence with which it would
            have more words. (default: :obj:`None`)
        seed (int, optional): The seed. (default: :obj:`0`)

    Raises:
        ValueError: If there are fewer sentences than a text is to have, or if they are
            annotated with different tags.
    """
    if not 1 <= least <= most or most > len(records):
        raise ValueError(f"Expected texts of 1 to {len(records)} sentences (got from "
                         f"{least} to {most})")
    if len({r.annotation.tags for r in records}) > 1:
        raise ValueError('Expected sentences that are annotated with the same tags')
    generator = random.Random(seed)
    order: List[int] = []
    texts = []
    for _ in range(number):
        size = generator.randint(least, most)
        if len(order) < size:
            order = generator.sample(range(len(records)), len(records))
        chosen = [order.pop()]
        while len(chosen) < size:
            # Each may get a full stop.
            num_words = sum(len(records[i].words) + 1 for i in [*chosen, order[-1]])
            if max_words is not None and num_words > max_words:
                break
            chosen.append(order.pop())
        image = records[generator.choice(chosen)]
        text = _join([records[i] for i in chosen], generator.random() < 0.5)
        texts.append(
            replace(text, image_id=image.image_id, seen=image.seen,
                    sources=tuple(chosen)))
    return texts


def _join(records: Sequence[Record], marks: bool) -> Record:
    words: List[str] = []
    quintuples: List[Quintuple] = []
    entities: List[Entity] = []
    blocks: List[Block] = []
    parts = []
    for record in records:
        start, known = len(words), record.annotation
        words += record.words
        parts.append((start, len(words)))
        quintuples += [q.shifted(start) for q in record.quintuples]
        entities += [e.shifted(start) for e in known.entities]
        blocks.append(Block(parts[-1], parts[-1], known.rest))
        blocks += [b.shifted(start) for b in known.blocks]
        if marks and words[-1][-1].isalnum():
            words.append(_END)
    return Record(
        tuple(words), '', tuple(quintuples), ' '.join(words),
        Annotation(tuple(entities), tuple(blocks), tags=records[0].annotation.tags),
        tuple(parts))
