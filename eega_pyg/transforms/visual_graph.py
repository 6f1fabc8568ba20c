r"""The visual graph of a pair."""
from typing import List, Set, Tuple

import torch
from torch_geometric.data import HeteroData

from eega_pyg.schema import LABEL_OF_OBJECT, LABEL_PIECE, OBJECT, REL

from .pair import Pair
from .vocabulary import SELF, Vocabularies
from .word_pieces import WordPieceTokenizer


class VisualGraph:
    r"""Adds the visual graph of the `"Joint Multimodal Entity-Relation Extraction
    Based on Edge-enhanced Graph Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper: a node for each of the objects with the
    highest scores, their predicates in both directions under the same type, and a
    self-loop at each object. The pieces of a label point at its object.

    Several predicates may join two objects. A repeated predicate counts once, and a
    predicate between an object and itself is left out.

    Args:
        vocabularies (Vocabularies): The ids of the predicates.
        pieces (WordPieces): Splits labels into the text encoder's pieces.
        max_objects (int, optional): Objects kept. (default: :obj:`10`)
        feature_size (int, optional): Size :math:`D` of an object's feature vector;
            an object without one gets zeros. With a size of :obj:`0` features are left
            out. (default: :obj:`0`)

    Raises:
        ValueError: When called with a feature vector of another size.
    """
    def __init__(self, vocabularies: Vocabularies, pieces: WordPieceTokenizer,
                 max_objects: int = 10, feature_size: int = 0) -> None:
        self.vocabularies = vocabularies
        self.pieces = pieces
        self.max_objects = max_objects
        self.feature_size = feature_size

    def __call__(self, data: HeteroData, pair: Pair) -> HeteroData:
        graph = pair.scene_graph.top(self.max_objects)
        size, num_objects = self.feature_size, len(graph.objects)

        feat = torch.zeros(num_objects, size)
        box = torch.zeros(num_objects, 4)
        input_ids: List[int] = []
        of_object: List[int] = []
        for i, item in enumerate(graph.objects):
            if size > 0 and item.feature is not None:
                if len(item.feature) != size:
                    raise ValueError(f"objects[{i}].feature: expected {size} numbers "
                                     f"(got {len(item.feature)})")
                feat[i] = torch.tensor(item.feature)
            if item.box is not None:
                box[i] = torch.tensor(item.box)
            ids = self.pieces.label(item.label)
            input_ids += ids
            of_object += [i] * len(ids)

        store = data[OBJECT]
        store.feat = feat
        store.score = torch.tensor([float(o.score) for o in graph.objects])
        store.box = box
        store.has_box = torch.tensor([o.box is not None for o in graph.objects],
                                     dtype=torch.bool)
        store.num_nodes = num_objects
        data[LABEL_PIECE].input_ids = torch.tensor(input_ids, dtype=torch.long)
        data[LABEL_PIECE].num_nodes = len(input_ids)
        data[LABEL_OF_OBJECT].edge_index = torch.stack([
            torch.arange(len(input_ids)),
            torch.tensor(of_object, dtype=torch.long),
        ])

        predicate = self.vocabularies.predicate
        edges: Set[Tuple[int, int, int]] = set()
        for p in graph.predicates:
            if p.subject != p.object:
                kind = predicate.id(p.predicate)
                edges |= {(p.subject, p.object, kind), (p.object, p.subject, kind)}
        loops = [(i, i, predicate.id(SELF)) for i in range(num_objects)]
        # [3, E], even without any edge.
        rows = torch.tensor([*sorted(edges), *loops], dtype=torch.long).view(-1, 3).t()
        data[REL].edge_index = rows[:2].contiguous()
        data[REL].edge_type = rows[2].contiguous()
        return data

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({self.pieces}, '
                f'max_objects={self.max_objects})')
