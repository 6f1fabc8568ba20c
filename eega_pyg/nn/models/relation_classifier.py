from itertools import accumulate
from typing import Dict, List, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.nn import MLP
from torch_geometric.utils import scatter

from eega_pyg.nn.conv.templates import remove_template_files
from eega_pyg.nn.models.eega import EEGA
from eega_pyg.schema import TOKEN, Entity, Quintuple, Signatures
from eega_pyg.tagging import Extraction


class RelationClassifier(torch.nn.Module):
    r"""The relation between two given entities, or none, as the second step of a
    pipeline: with the fusion ``'mega'`` it is the baseline of MNRE from the
    `"Multimodal Relation Extraction with Efficient Graph Alignment"
    <https://doi.org/10.1145/3474085.3476968>`_ paper (Zheng et al., ACM MM 2021).

    An entity is the mean of its words :math:`\mathbf{h}^{\prime}_t`, which know the
    image,

    .. math::
        \mathbf{e}_a = \frac{1}{\lvert a \rvert} \sum_{t \in a} \mathbf{h}^{\prime}_t,
        \qquad
        \mathbf{s}_{ab} = \textrm{MLP}(\mathbf{e}_a \, \Vert \, \mathbf{e}_b),

    and a pair has one softmax over no relation and all relations in both directions,

    .. math::
        p(\textrm{none}) \propto \exp(s_{ab, 0} + s_{ba, 0}), \qquad
        p(a \overset{r}{\to} b) \propto \exp(s_{ab, r}), \qquad
        p(b \overset{r}{\to} a) \propto \exp(s_{ba, r}).

    What was adapted:

    - In the paper, marks around the two entities are among the words, and the text is
      read for each pair. Here it is read once for all pairs.
    - The paper is told which entity is the head. Nobody knows that of entities that
      were found, so it is classified too; the scores do not depend on the order in
      which the two are given.
    - What the image adds stands in the words, see :class:`~eega_pyg.nn.fusion.MEGA`,
      and not beside the pair.

    Args:
        reader (EEGA): Makes the words, by its text encoder and its fusion, see
            :meth:`EEGA.fused_words`; with ``fusion='mega'`` and ``channels=()`` it is
            the paper's. It is trained with the rest. Its tagger is not used.
        dropout (float, optional): Dropout probability of the perceptron, whose hidden
            layer is as wide as the words. (default: :obj:`0.1`)

    Shapes:
        - **input:** a batch; an edge from each word of a span to the span
          :math:`(2, |\mathcal{E}|)`, spans counted over the batch; pairs of spans
          :math:`(2, P)`
        - **output:** scores :math:`(P, 1 + 2R)`: none, the :math:`R` relations from the
          first span to the second, and those from the second to the first
    """
    def __init__(self, reader: EEGA, dropout: float = 0.1) -> None:
        super().__init__()
        self.reader = reader
        self.tag_set = reader.tag_set
        dim = reader.text_encoder.out_channels
        self.mlp = MLP([2 * dim, dim, 1 + len(self.tag_set.relations)], dropout=dropout,
                       act='gelu', norm=None)
        remove_template_files()

    def forward(self, data: HeteroData, words_of_spans: Tensor,
                pairs: Tensor) -> Tensor:
        return self._scores(self.reader.fused_words(data).words, words_of_spans, pairs)

    def _scores(self, words: Tensor, words_of_spans: Tensor, pairs: Tensor) -> Tensor:
        word, span = words_of_spans
        num_spans = int(span.max()) + 1 if span.numel() > 0 else 0
        x = scatter(words[word], span, dim_size=num_spans, reduce='mean')
        a, b = x[pairs[0]], x[pairs[1]]
        forth = self.mlp(torch.cat([a, b], dim=-1)).float()
        back = self.mlp(torch.cat([b, a], dim=-1)).float()
        none = forth[:, :1] + back[:, :1]
        return torch.cat([none, forth[:, 1:], back[:, 1:]], dim=-1)

    def loss(self, data: HeteroData, words_of_spans: Tensor, pairs: Tensor,
             relation: Tensor) -> Dict[str, Tensor]:
        r"""The mean cross-entropy of pairs, and what the fusion learns beside it.

        Args:
            data (HeteroData): A batch.
            words_of_spans, pairs (Tensor): As of :meth:`forward`, from heads to tails.
            relation (Tensor): For each pair :obj:`0` for none, else the number of its
                relation, from 1. :math:`(P)`

        Returns:
            dict: ``loss``, ``main`` (the cross-entropy), and the losses of the fusion.
        """
        fused = self.reader.fused_words(data, with_losses=True)
        scores = self._scores(fused.words, words_of_spans, pairs)
        main = F.cross_entropy(scores, relation, reduction='sum')
        parts = {'main': main / max(relation.numel(), 1), **fused.losses}
        return {'loss': self.reader.joint_loss(parts), **parts}

    @torch.inference_mode()
    def relate(self, data: HeteroData, entities: Sequence[Sequence[Entity]],
               signatures: Optional[Signatures] = None) -> List[Extraction]:
        r"""Finds the relations between the entities of each text of a batch; the model
        is left in evaluation mode.

        Of two entities, the relation counts that is the most probable of none and all,
        both directions added up, and then the more probable direction. Its probability
        is that of the relation, in either direction, times those of the two entities.

        Args:
            data (HeteroData): A batch, where the model is.
            entities (sequence): The entities of each text, in words of its graph.
            signatures (set of tuple, optional): The allowed (head type, relation, tail
                type), or :obj:`None` for all. (default: :obj:`None`)
        """
        self.eval()
        words, pairs, starts = [], [], data[TOKEN].ptr.tolist()
        flat = [e for found in entities for e in found]
        texts = [i for i, found in enumerate(entities) for _ in found]
        firsts = [0, *accumulate(map(len, entities))]
        for i, (entity, text) in enumerate(zip(flat, texts)):
            words += [[starts[text] + word, i] for word in range(*entity.span)]
            pairs += [[j, i] for j in range(firsts[text], i)]
        index = [
            _columns(values).to(data[TOKEN].ptr.device) for values in (words, pairs)
        ]
        scores = self(data, *index).cpu()
        out = [Extraction(list(found), []) for found in entities]
        for (a, b), score in zip(pairs, scores):
            found = self._relation(score, flat[a], flat[b], signatures)
            if found is not None:
                out[texts[a]].quintuples.append(found)
        for extraction in out:
            extraction.quintuples.sort()
        return out

    def _relation(self, score: Tensor, a: Entity, b: Entity,
                  signatures: Optional[Signatures]) -> Optional[Quintuple]:
        names = self.tag_set.relations
        if signatures is not None:
            allowed = [(x.type, name, y.type) in signatures for x, y in ((a, b), (b, a))
                       for name in names]
            score = score.masked_fill(~torch.tensor([True, *allowed]), float('-inf'))
        p = score.softmax(dim=-1)
        forth, back = p[1:].view(2, -1)
        best = int((forth + back).argmax()) if names else 0
        if not names or forth[best] + back[best] <= p[0]:
            return None
        head, tail = (a, b) if forth[best] >= back[best] else (b, a)
        probability = float(forth[best] + back[best])
        for entity in (a, b):
            probability *= 1.0 if entity.probability is None else entity.probability
        return Quintuple(head, tail, names[best], probability)


def _columns(values: List[List[int]]) -> Tensor:
    return torch.tensor(values, dtype=torch.long).view(-1, 2).T
