r"""What the model says of the windows of texts."""
from typing import List, NamedTuple, Optional, Sequence

import numpy as np
from torch_geometric.data import Batch, HeteroData

from eega_pyg.extraction.result import Alignment
from eega_pyg.nn.models.predict import predict
from eega_pyg.saving.saved_model import SavedModel
from eega_pyg.schema import OBJECT
from eega_pyg.tagging import Extraction


class Window(NamedTuple):
    r"""A part of a text that is read at once.

    Args:
        item (int): The position of the text.
        offset (int): Its first word in the text.
        num_words (int): Its words, without an end mark that the text does not have.
        data (HeteroData): The graphs.
    """
    item: int
    offset: int
    num_words: int
    data: HeteroData


class Found(NamedTuple):
    r"""What was found in a window that begins with the word :obj:`offset`."""
    offset: int
    extraction: Extraction
    alignment: Optional[Alignment]
    pairs: Optional[np.ndarray]


def read_windows(saved: SavedModel, windows: Sequence[Window], align: bool,
                 pairs: bool) -> List[Found]:
    r"""Runs the model on windows, as one batch.

    Args:
        saved (SavedModel): The model.
        windows (sequence of Window): The windows.
        align (bool): Whether alignments are returned.
        pairs (bool): Whether the probabilities of word pairs are.
    """
    batch = Batch.from_data_list([w.data for w in windows])
    [out] = predict(saved.model, [batch], align)
    extractions = out.decode(saved.signatures, saved.temperature)
    alignments: List[Optional[Alignment]] = [None] * len(windows)
    if out.alignment is not None:
        objects = out.batch[OBJECT].ptr.diff().tolist()
        plans = [
            p.cpu().numpy() for p in (out.alignment.node_plan, out.alignment.edge_plan)
        ]
        alignments = [
            Alignment(*(_shares(plan[i, :k, :w.num_words])
                        for plan in plans)) if k else None
            for i, (k, w) in enumerate(zip(objects, windows))
        ]
    tables: List[Optional[np.ndarray]] = [None] * len(windows)
    if pairs:
        probability = (out.logits / saved.temperature).softmax(-1)
        tables = [
            t.view(n, n, -1)[:w.num_words, :w.num_words].numpy()
            for w, n, t in zip(windows, out.sizes, out.split(probability))
        ]
    offsets = [w.offset for w in windows]
    extractions = [_within(x, w.num_words) for x, w in zip(extractions, windows)]
    return list(map(Found, offsets, extractions, alignments, tables))


def _shares(plan: np.ndarray) -> np.ndarray:
    r"""Columns of a plan, each with a sum of one. :math:`(k, n)`"""
    return plan / plan.sum(0, keepdims=True)


def _within(extraction: Extraction, num_words: int) -> Extraction:
    r"""The entities and quintuples within the first words."""
    kept = [e for e in extraction.entities if e.end <= num_words]
    return Extraction(kept, [
        q for q in extraction.quintuples
        if q.head.end <= num_words and q.tail.end <= num_words
    ])
