r"""A model over batches."""
from typing import (
    Collection,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from eega_pyg.nn.models.eega import EEGA
from eega_pyg.ot import GraphAlignmentOutput
from eega_pyg.schema import TOKEN, Signatures, TagSet
from eega_pyg.tagging import Extraction, decode_batch, rescore_batch


class Prediction(NamedTuple):
    r"""What a model says about a batch.

    Args:
        batch (HeteroData): The batch, where the model is.
        sizes (list of int): The number of words :math:`n` of each pair.
        logits (Tensor): Scores of the :math:`T` tags for all ordered word pairs,
            row-major, pair after pair; ``float32`` on the host.
            :math:`(\sum_b n_b^2, T)`
        alignment (GraphAlignmentOutput, optional): Distances and plans, if asked for.
        tags (TagSet): The tags of the model.
        table (str): Its table.
    """
    batch: HeteroData
    sizes: List[int]
    logits: Tensor
    alignment: Optional[GraphAlignmentOutput]
    tags: TagSet
    table: str

    def split(self, values: Tensor) -> Tuple[Tensor, ...]:
        r"""Cuts what has a row for each word pair into the pairs of text and image."""
        return values.split([n * n for n in self.sizes])

    def decode(self, signatures: Optional[Signatures] = None, temperature: float = 1.0,
               borders: Optional[Sequence[Collection[int]]] = None) -> List[Extraction]:
        r"""What is found in each pair, see :func:`~eega_pyg.tagging.decode_batch`."""
        return decode_batch(self.logits, self.sizes, self.tags, self.table, signatures,
                            temperature=temperature, borders=borders)

    def rescore(self, extractions: List[Extraction], signatures: Optional[Signatures],
                temperature: float) -> List[Extraction]:
        r"""The same at another temperature, see
        :func:`~eega_pyg.tagging.rescore_batch`."""
        return rescore_batch(extractions, self.logits, self.sizes, self.tags,
                             self.table, signatures, temperature)


@torch.inference_mode()
def predict(model: EEGA, batches: Iterable[HeteroData],
            align: bool = False) -> Iterator[Prediction]:
    r"""Runs a model over batches, without dropout and without gradients; it is left in
    evaluation mode.

    Args:
        model (EEGA): The model.
        batches (iterable of HeteroData): The batches, *e.g.*, a
            :class:`~torch_geometric.loader.DataLoader`. They are moved to the model.
        align (bool, optional): If set to :obj:`True`, the two graphs of each pair are
            aligned. (default: :obj:`False`)
    """
    model.eval()
    device = next(model.parameters()).device
    for batch in batches:
        batch = batch.to(device, non_blocking=True)
        out = model(batch, align=align)
        yield Prediction(batch, batch[TOKEN].ptr.diff().tolist(),
                         out.logits.float().cpu(), out.alignment, model.tag_set,
                         model.table)
