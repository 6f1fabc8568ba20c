r"""What the model says of the windows of texts."""
from dataclasses import replace
from typing import FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from torch_geometric.data import Batch, HeteroData

from eega_pyg.extraction.result import Alignment
from eega_pyg.nn.models.predict import predict
from eega_pyg.ot.autocast import no_autocast
from eega_pyg.saving.saved_model import SavedModel
from eega_pyg.schema import OBJECT
from eega_pyg.tagging import Extraction


class Window(NamedTuple):
    r"""A part of a text that is read at once.

    Args:
        item (int): The position of the text.
        places (tuple of int): Where its words stand in the text, which does not have
            an end mark that was read behind them.
        borders (frozenset of int): Those of its words that no entity goes over from the
            one before.
        data (HeteroData): The graphs.
    """
    item: int
    places: Tuple[int, ...]
    borders: FrozenSet[int]
    data: HeteroData


class Found(NamedTuple):
    r"""What was found in a window whose words stand at :obj:`places` in the text;
    entities and quintuples have their places in the text."""
    places: Tuple[int, ...]
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
    with no_autocast():  # Under that of the CPU nothing in double is concatenated.
        batch = Batch.from_data_list([w.data for w in windows])
    [out] = predict(saved.model, [batch], align)
    extractions = out.decode(saved.signatures, saved.temperature,
                             [w.borders for w in windows])
    alignments: List[Optional[Alignment]] = [None] * len(windows)
    if out.alignment is not None:
        objects = out.batch[OBJECT].ptr.diff().tolist()
        plans = [
            p.cpu().numpy() for p in (out.alignment.node_plan, out.alignment.edge_plan)
        ]
        alignments = [
            Alignment(*(_shares(plan[i, :k, :len(w.places)])
                        for plan in plans)) if k else None
            for i, (k, w) in enumerate(zip(objects, windows))
        ]
    tables: List[Optional[np.ndarray]] = [None] * len(windows)
    if pairs:
        probability = (out.logits / saved.temperature).softmax(-1)
        tables = [
            t.view(n, n, -1)[:len(w.places), :len(w.places)].numpy()
            for w, n, t in zip(windows, out.sizes, out.split(probability))
        ]
    places = [w.places for w in windows]
    return list(
        map(Found, places, map(_placed, extractions, places), alignments, tables))


def _shares(plan: np.ndarray) -> np.ndarray:
    r"""Columns of a plan, each with a sum of one. :math:`(k, n)`"""
    return plan / plan.sum(0, keepdims=True)


def _placed(extraction: Extraction, places: Tuple[int, ...]) -> Extraction:
    r"""The entities of words of the text, and their quintuples, with their places
    there."""
    kept = {
        e: replace(e, start=places[e.start], end=places[e.end - 1] + 1)
        for e in extraction.entities if e.start < len(places)
    }
    return Extraction(list(kept.values()), [
        replace(q, head=kept[q.head], tail=kept[q.tail])
        for q in extraction.quintuples if q.head in kept and q.tail in kept
    ])
