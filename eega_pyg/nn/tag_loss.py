r"""The loss of Eq. 12 where not every cell of a table has one known tag."""
import torch
import torch.nn.functional as F
from torch import Tensor

from eega_pyg.schema import SOME_TYPE, UNKNOWN, UNSCORED, UNSTATED, TagSet


def possible_tags(tag: Tensor, graph: Tensor, annotated: Tensor,
                  tags: TagSet) -> Tensor:
    r"""The tags that a cell may have, given what is known of it.

    Args:
        tag (Tensor): Tags, :obj:`~eega_pyg.schema.SOME_TYPE`,
            :obj:`~eega_pyg.schema.UNSTATED` or :obj:`~eega_pyg.schema.UNKNOWN`.
            :math:`(E)`
        graph (Tensor): The text of each cell. :math:`(E)`
        annotated (Tensor): The tags that each text was annotated with. :math:`(B, T)`
        tags (TagSet): The :math:`T` tags.

    Returns:
        The tags of each cell, :obj:`bool`. :math:`(E, T)`
    """
    num_graphs, num_tags = annotated.shape
    table = torch.zeros(num_graphs, num_tags - UNKNOWN, num_tags, dtype=torch.bool,
                        device=tag.device)
    table[:, :num_tags] = torch.eye(num_tags, dtype=torch.bool, device=tag.device)

    def row(label: int) -> int:  # The sets of tags follow the single tags.
        return num_tags - 1 - label

    table[:, row(SOME_TYPE), tags.type_ids.start:tags.type_ids.stop] = True
    table[:, row(UNSTATED)] = ~annotated
    table[:, row(UNSTATED), 0] = True
    table[:, row(UNKNOWN)] = True
    return table[graph, torch.where(tag < 0, num_tags - 1 - tag, tag)]


def num_counted(tag: Tensor, taught: bool = False) -> int:
    r"""Over how many cells the loss is a mean: those of which something is known, or
    all that are scored if each has a distribution to be learned."""
    counted = tag != UNSCORED
    return int((counted if taught else counted & (tag != UNKNOWN)).sum())


def tag_loss(logits: Tensor, tag: Tensor, graph: Tensor, annotated: Tensor,
             tags: TagSet, reduction: str = 'sum') -> Tensor:
    r"""The negative log-likelihood of what is known of the cells,

    .. math::
        - \sum_{ij} \log \sum_{t \in \mathcal{T}_{ij}} p_{ij}(t),

    where :math:`\mathcal{T}_{ij}` is the set of tags that cell :math:`(i, j)` may have.
    If it is one tag everywhere, this is Eq. 12. For example, a data set that annotates
    no relations does not say whether there is one where it states no type: the set
    holds none and all relations there, and the loss is the same whichever of them the
    model prefers.

    Args:
        logits (Tensor): Scores of the tags. :math:`(E, T)`
        tag, graph, annotated, tags: See :func:`possible_tags`; cells that are
            :obj:`~eega_pyg.schema.UNSCORED` are left out.
        reduction (str, optional): :obj:`'sum'`, or :obj:`'mean'` over the cells of
            which something is known. (default: :obj:`'sum'`)
    """
    if not (tag < 0).logical_and(tag != UNSCORED).any():
        return F.cross_entropy(logits, tag, ignore_index=UNSCORED, reduction=reduction)
    known = (tag != UNSCORED) & (tag != UNKNOWN)
    possible = possible_tags(tag[known], graph[known], annotated, tags)
    log_probs = logits[known].log_softmax(dim=-1)
    loss = -log_probs.masked_fill(~possible, float('-inf')).logsumexp(dim=-1)
    return loss.sum() / (1 if reduction == 'sum' else max(loss.numel(), 1))
