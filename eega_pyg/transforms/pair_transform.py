r"""All transforms of a pair, one after the other."""
import torch
from torch_geometric.data import HeteroData

from eega_pyg.schema import TagSet

from .co_occurrence import CoOccurrence
from .entities import Entities
from .pair import Pair
from .text_graph import TextGraph
from .visual_graph import VisualGraph
from .vocabulary import Vocabularies
from .word_pairs import WordPairs
from .word_pieces import WordPieceTokenizer


class PairTransform:
    r"""Turns a :class:`Pair` into a :class:`~torch_geometric.data.HeteroData` with
    :class:`TextGraph`, :class:`VisualGraph`, :class:`CoOccurrence`,
    :class:`WordPairs` and :class:`Entities`.

    The graph itself carries :obj:`text` (the whole sentence), :obj:`words` (of the
    window), :obj:`image_id`, :obj:`quintuples` (all of the sentence, in its own
    coordinates, as :meth:`~eega_pyg.schema.Quintuple.to_list`), :obj:`sentence` and
    :obj:`offset` (``[1]``). Every key is always there.

    Args:
        vocabularies (Vocabularies): The vocabularies of the training split.
        pieces (WordPieces): Splits words and labels into the text encoder's pieces.
        tags (TagSet): The tags.
        table (str, optional): The table, see :func:`~eega_pyg.tagging.encode`.
            (default: :obj:`"directed"`)
        max_objects (int, optional): Objects kept. (default: :obj:`10`)
        feature_size (int, optional): Size of an object's feature vector.
            (default: :obj:`0`)
    """
    def __init__(self, vocabularies: Vocabularies, pieces: WordPieceTokenizer,
                 tags: TagSet, table: str = 'directed', max_objects: int = 10,
                 feature_size: int = 0) -> None:
        self.transforms = (
            TextGraph(vocabularies, pieces),
            VisualGraph(vocabularies, pieces, max_objects, feature_size),
            CoOccurrence(vocabularies),
            WordPairs(tags, table),
            Entities(tags),
        )

    def __call__(self, pair: Pair) -> HeteroData:
        data = HeteroData()
        for transform in self.transforms:
            data = transform(data, pair)
        data.text = pair.text
        data.words = list(pair.words)
        data.image_id = pair.image_id
        data.quintuples = [q.to_list() for q in pair.quintuples]
        data.sentence = torch.tensor([pair.sentence])
        data.offset = torch.tensor([pair.offset])
        return data

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({', '.join(map(str, self.transforms))})"
