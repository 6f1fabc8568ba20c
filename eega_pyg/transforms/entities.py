r"""The given entities of a sentence and where they are seen."""
from typing import List, Sequence

import torch
from torch_geometric.data import HeteroData

from eega_pyg.schema import BOX, ENTITY, ENTITY_IN_BOX, TOKEN_OF_ENTITY, Entity, TagSet

from .pair import Pair


class Entities:
    r"""Adds the given entities, and the boxes in which people have seen them.

    - ``data['entity'].type`` (``int16``, ``[m]``): the tag of each of the :math:`m`
      entities that lie wholly inside the window; ``data['token', 'of', 'entity']`` has
      an edge from each of its words.
    - ``data['box'].xyxy`` (``float32``, ``[b, 4]``): the :math:`b` different boxes of
      the image as ``(x1, y1, x2, y2)`` in fractions of its width and height, those of
      the whole sentence; ``data['entity', 'in', 'box']`` has an edge to each box of an
      entity, and none from one that is not seen.

    The graph carries :obj:`entities` (all that are given of the sentence, also those of
    its quintuples, in the sentence's coordinates, as
    :meth:`~eega_pyg.schema.Entity.to_list`), by which what is found is scored, and
    :obj:`grounded` (:obj:`bool`, ``[1]``): whether anybody has looked for them in the
    image. Where it is :obj:`False` there is no box, and that says nothing.

    Args:
        tags (TagSet): The tags.
    """
    def __init__(self, tags: TagSet) -> None:
        self.tags = tags

    def __call__(self, data: HeteroData, pair: Pair) -> HeteroData:
        entities = given_entities(pair)
        start, stop = pair.offset, pair.offset + len(pair.words)
        inside = [e for e in entities if start <= e.start and e.end <= stop]
        data[ENTITY].type = torch.tensor([self.tags.id(e.type) for e in inside],
                                         dtype=torch.int16)
        data[ENTITY].num_nodes = len(inside)
        words = [[w - start, i] for i, e in enumerate(inside) for w in range(*e.span)]
        data[TOKEN_OF_ENTITY].edge_index = _edges(words)

        of_span = pair.boxes or ()
        boxes = {box: i for i, box in enumerate(dict.fromkeys(b for _, b in of_span))}
        data[BOX].xyxy = torch.tensor(list(boxes), dtype=torch.float).view(-1, 4)
        data[BOX].num_nodes = len(boxes)
        places = {e.span: i for i, e in enumerate(inside)}
        seen = [(places[span], boxes[b]) for span, b in of_span if span in places]
        data[ENTITY_IN_BOX].edge_index = _edges(list(dict.fromkeys(seen)))
        data.entities = [e.to_list() for e in entities]
        data.grounded = torch.tensor([pair.boxes is not None])
        return data

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}()'


def given_entities(pair: Pair) -> List[Entity]:
    r"""The entities of a sentence, in the order of the text."""
    of_quintuples = (e for q in pair.quintuples for e in (q.head, q.tail))
    return sorted({*pair.annotation.entities, *of_quintuples})


def _edges(pairs: Sequence[Sequence[int]]) -> torch.Tensor:
    return torch.tensor(pairs, dtype=torch.long).view(-1, 2).T.contiguous()
