r"""The textual graph of a pair."""
from typing import Sequence

import numpy as np
import torch
from torch_geometric.data import HeteroData

from eega_pyg.parsing import Parse
from eega_pyg.schema import DEP, PIECE, PIECE_OF_TOKEN, TOKEN

from .pair import Pair
from .vocabulary import SELF, Vocabularies
from .word_pieces import WordPieceTokenizer


def add_words(data: HeteroData, words: Sequence[str], parse: Parse,
              vocabularies: Vocabularies, pieces: WordPieceTokenizer) -> None:
    r"""Adds a node with features for each word, and its word pieces, which point at
    it."""
    input_ids, of_words = pieces.words(words)
    of_word = torch.tensor(of_words)  # [P]
    inner = (of_word >= 0).nonzero().view(-1)
    data[PIECE].input_ids = torch.tensor(input_ids)
    data[PIECE].num_nodes = len(input_ids)
    data[PIECE_OF_TOKEN].edge_index = torch.stack([inner, of_word[inner]])
    token = data[TOKEN]
    token.num_nodes = len(words)
    token.upos = vocabularies.upos.ids(parse.upos)
    token.ner = vocabularies.ner.ids(parse.ner)
    token.shape = vocabularies.shape.ids(parse.shape)
    vectors = np.empty((len(words), 0)) if parse.vectors is None else parse.vectors
    token.vector = torch.as_tensor(vectors).half()  # [n, D]


class TextGraph:
    r"""Adds the textual graph of the `"Joint Multimodal Entity-Relation Extraction
    Based on Edge-enhanced Graph Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper: a node for each word, its dependencies
    in both directions under the same label (the paper's graph is undirected), and a
    self-loop at each word. Word pieces point at their words. The vectors of the parse
    become the words' ``vector``, in half precision :math:`(n, D)`; without them
    :math:`D = 0`.

    Args:
        vocabularies (Vocabularies): The ids of labels, parts of speech, named entities
            and word shapes.
        pieces (WordPieces): Splits words into the text encoder's pieces.
    """
    def __init__(self, vocabularies: Vocabularies, pieces: WordPieceTokenizer) -> None:
        self.vocabularies = vocabularies
        self.pieces = pieces

    def __call__(self, data: HeteroData, pair: Pair) -> HeteroData:
        vocabs, parse = self.vocabularies, pair.parse
        num_words = len(pair.words)

        add_words(data, pair.words, parse, vocabs, self.pieces)
        dep = data[DEP]
        heads = torch.tensor(parse.heads)
        node = torch.arange(num_words)
        child = (heads != node).nonzero().view(-1)
        head = heads[child]
        label = vocabs.dep.ids(parse.deps)[child]
        dep.edge_index = torch.stack([
            torch.cat([child, head, node]),
            torch.cat([head, child, node]),
        ])
        loop = torch.full((num_words, ), vocabs.dep.id(SELF))
        dep.edge_type = torch.cat([label, label, loop])
        return data

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.pieces})'
