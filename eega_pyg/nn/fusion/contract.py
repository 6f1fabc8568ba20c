r"""What a fusion of text and image is given, and what it gives."""
from typing import Mapping, NamedTuple, Tuple

import torch
from torch import Tensor
from torch_geometric.typing import PairTensor
from torch_geometric.utils import subgraph


class FusionInput(NamedTuple):
    r"""A batch of :math:`B` pairs of text and image, before they know of one another.
    The nodes of a pair stand together, pair after pair; a pair may have no objects.

    Args:
        words (Tensor): Features of the words. :math:`(|\mathcal{V}_T|, F)`
        word_batch (Tensor): The pair of each word. :math:`(|\mathcal{V}_T|)`
        word_edge_index (Tensor): The dependencies in both directions, and a self-loop
            at each word. :math:`(2, |\mathcal{E}_T|)`
        word_edge_type (Tensor): Their types. :math:`(|\mathcal{E}_T|)`
        objects (Tensor): Features of the objects, of the size of the words'.
            :math:`(|\mathcal{V}_I|, F)`
        object_batch (Tensor): The pair of each object. :math:`(|\mathcal{V}_I|)`
        object_edge_index (Tensor): The predicates in both directions, and a self-loop
            at each object. :math:`(2, |\mathcal{E}_I|)`
        object_edge_type (Tensor): Their types. :math:`(|\mathcal{E}_I|)`
        image (Tensor): A number for the image of each pair; two pairs of the same image
            have the same. :math:`(B)`
        with_losses (bool): Whether losses are asked for. Where they cost something,
            they can be left out otherwise. (default: :obj:`True`)
    """
    words: Tensor
    word_batch: Tensor
    word_edge_index: Tensor
    word_edge_type: Tensor
    objects: Tensor
    object_batch: Tensor
    object_edge_index: Tensor
    object_edge_type: Tensor
    image: Tensor
    with_losses: bool = True

    @property
    def batch_size(self) -> int:
        r"""The number of pairs :math:`B`."""
        return self.image.numel()

    @property
    def has_objects(self) -> Tensor:
        r"""Which pairs have objects. :math:`(B)`"""
        return torch.bincount(self.object_batch, minlength=self.batch_size) > 0

    @property
    def sides(self) -> Tuple[PairTensor, PairTensor]:
        r"""Words and objects, each with the pairs that they belong to."""
        return (self.words, self.word_batch), (self.objects, self.object_batch)

    def mean(self, loss: Tensor) -> Tensor:
        r"""The mean of a loss :math:`(B)` over the pairs that have objects; 0 without
        any, and with a gradient nevertheless."""
        counted = self.has_objects
        return (loss * counted).sum() / counted.sum().clamp(min=1)

    def without_objects(self, hidden: Tensor) -> 'FusionInput':
        r"""The same without the objects of some pairs.

        Args:
            hidden (Tensor): Whether the objects of a pair are left out. :math:`(B)`
        """
        kept = ~hidden[self.object_batch]
        edge_index, edge_type = subgraph(kept, self.object_edge_index,
                                         self.object_edge_type, relabel_nodes=True,
                                         num_nodes=kept.numel())
        return self._replace(objects=self.objects[kept],
                             object_batch=self.object_batch[kept],
                             object_edge_index=edge_index, object_edge_type=edge_type)


class FusionOutput(NamedTuple):
    r"""What a fusion makes of a batch.

    Args:
        words (Tensor): The words, which now know the image.
            :math:`(|\mathcal{V}_T|, F)`
        losses (dict): What the fusion learns beside the tags: scalars by their names.
            Each is to be a mean over the pairs that have objects, see
            :meth:`FusionInput.mean`, for so it is weighed when several devices train.
            (default: none)
    """
    words: Tensor
    losses: Mapping[str, Tensor] = {}
