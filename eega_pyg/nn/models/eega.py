from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

import safetensors.torch
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from huggingface_hub.constants import SAFETENSORS_SINGLE_FILE
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.nn import Linear, SimpleConv

from eega_pyg.atomic import atomic
from eega_pyg.nn import (
    AttributeTransformer,
    EdgeChannel,
    ImageToTextAttention,
    MultiChannel,
    NodeChannel,
    PairTagger,
    TextEncoder,
    WordFeatures,
)
from eega_pyg.nn.conv import AttributeTransformerConv, CompleteGraph
from eega_pyg.ot import ContrastiveAlignment, GraphAlignment, GraphAlignmentOutput
from eega_pyg.schema import (
    DEP,
    LABEL_OF_OBJECT,
    LABEL_PIECE,
    OBJECT,
    PAIR,
    PIECE,
    PIECE_OF_TOKEN,
    REL,
    TOKEN,
    UNSCORED,
    TagSet,
)

#: Which stored attribute the channels of the multi-channel layer read.
CHANNELS = {'pos': 'upos', 'sd': 'distance', 'co': 'pmi'}
#: The id of a name that no vocabulary has.
UNKNOWN_ID = 0
#: The distance of a word from itself, and from no other.
NO_HOPS = 0


class EEGAOutput(NamedTuple):
    r"""What :class:`EEGA` returns.

    Args:
        logits (Tensor): Scores of each tag for every word pair, row-major, pair after
            pair. :math:`(\sum_b n_b^2, T)`
        graph (CompleteGraph): The word pairs.
        alignment (GraphAlignmentOutput, optional): Distances and plans, if asked for.
    """
    logits: Tensor
    graph: CompleteGraph
    alignment: Optional[GraphAlignmentOutput]


class EEGA(
        torch.nn.Module,
        PyTorchModelHubMixin,
        library_name='eega_pyg',
        tags=['relation-extraction', 'multimodal', 'graph-neural-networks'],
):
    r"""The edge-enhanced graph alignment network with word-pair relation tagging from
    the `"Joint Multimodal Entity-Relation Extraction Based on Edge-enhanced Graph
    Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_ paper.

    The model knows sizes only: every argument is a number, a string or a list or dict
    of them, and is written to ``config.json``.

    Args:
        encoder (dict): Architecture of the text encoder, as in its ``config.json``.
        tag_set (dict): Types and relations, as of :meth:`TagSet.to_dict`.
        sizes (dict): Number of entries of each vocabulary: ``dep``, ``predicate``,
            ``upos``, ``ner``, ``shape``, ``distance`` and ``pmi``.
        table (str, optional): The tag table the model was trained on: ``'directed'``,
            ``'symmetric'`` or ``'triangle'``. (default: :obj:`'directed'`)
        feature_dim (int, optional): Size of the objects' pixel features, :obj:`0`
            without any. (default: :obj:`0`)
        vector_dim (int, optional): Size of the words' own vectors, :obj:`0` without
            any; the encoder reads them beside the word pieces, see
            :class:`~eega_pyg.nn.WordFeatures`. (default: :obj:`0`)
        heads (int, optional): Attention heads of both attribute transformers and of the
            image2text attention. (default: :obj:`12`)
        num_layers (int, optional): Layers of each attribute transformer.
            (default: :obj:`1`)
        edge_dim (int, optional): Size of an edge type's embedding; :obj:`0` is the
            vanilla transformer of the ablation. (default: :obj:`100`)
        channels (sequence of str, optional): Channels of the multi-channel layer, out
            of ``'pos'``, ``'sd'`` and ``'co'``; none leaves the layer out.
        channel_dim (int, optional): Size of a channel's embedding.
            (default: :obj:`100`)
        pair_features (bool, optional): If set to :obj:`True`, the tagger reads the
            channels' pair features too (the released code does; the paper does not say
            so). (default: :obj:`False`)
        token_features (bool, optional): If set to :obj:`True`, the encoder reads the
            part of speech, named-entity tag and shape of a word beside its pieces, see
            :class:`~eega_pyg.nn.WordFeatures`. (default: :obj:`False`)
        visual (bool, optional): If set to :obj:`False`, the image is not looked at: no
            visual graph, no alignment, no image2text attention.
            (default: :obj:`True`)
        alpha (float, optional): Weight of the node distance in Eq. 7.
            (default: :obj:`0.4`)
        lambda_graph (float, optional): Weight of the alignment in Eq. 13; at :obj:`0`
            it is not computed in training, and its plans say nothing.
            (default: :obj:`0.6`)
        contrast (float, optional): If above :obj:`0`, the alignment in Eq. 13 is that
            of :class:`~eega_pyg.ot.ContrastiveAlignment` with this temperature: an
            image is to be nearer to its own text than to another one.
            (default: :obj:`0`)
        reduction (str, optional): How Eq. 12 becomes a number: ``'mean'`` over the
            scored cells of the batch, or ``'sum'`` over the cells of a pair, as
            written, and the mean over the pairs. The alignment weighs about as many
            times more beside the mean as a table has cells.
            (default: :obj:`'mean'`)
        epsilon (float, optional): Entropic regulariser, relative to the mean cost of
            the pair. (default: :obj:`0.1`)
        num_iters (int, optional): Sinkhorn iterations. (default: :obj:`20`)
        outer_iters (int, optional): At most so many steps of mirror descent for the
            Gromov-Wasserstein distance; most pairs need ten to thirty.
            (default: :obj:`40`)
        gw_loss (str, optional): :math:`L` of Eq. 6, ``'absolute'`` or ``'square'``.
            (default: :obj:`'absolute'`)
        normalize (bool, optional): If set to :obj:`True`, the Gromov-Wasserstein sum is
            divided by the product mass of the adjacent pairs. (default: :obj:`False`)
        self_loops (bool, optional): If set to :obj:`True`, a node is its own neighbour
            in Eq. 6. (default: :obj:`False`)
        dropout (float, optional): Dropout probability of our layers; the encoder has
            its own. (default: :obj:`0.1`)
        image_dropout (float, optional): In training, the share of pairs whose words do
            not see their image in Eq. 8. (default: :obj:`0`)
        freeze_embeddings (bool, optional): If set to :obj:`True`, the encoder's table
            of word pieces is not trained. (default: :obj:`True`)
        freeze_layers (int, optional): If above :obj:`0`, only the encoder's layers
            above so many of the lowest are trained. (default: :obj:`0`)
    """
    def __init__(
        self,
        encoder: Dict[str, Any],
        tag_set: Dict[str, Any],
        sizes: Dict[str, int],
        table: str = 'directed',
        feature_dim: int = 0,
        vector_dim: int = 0,
        heads: int = 12,
        num_layers: int = 1,
        edge_dim: int = 100,
        channels: Sequence[str] = ('pos', 'sd', 'co'),
        channel_dim: int = 100,
        pair_features: bool = False,
        token_features: bool = False,
        visual: bool = True,
        alpha: float = 0.4,
        lambda_graph: float = 0.6,
        contrast: float = 0.0,
        reduction: str = 'mean',
        epsilon: float = 0.1,
        num_iters: int = 20,
        outer_iters: int = 40,
        gw_loss: str = 'absolute',
        normalize: bool = False,
        self_loops: bool = False,
        dropout: float = 0.1,
        image_dropout: float = 0.0,
        freeze_embeddings: bool = True,
        freeze_layers: int = 0,
    ) -> None:
        super().__init__()
        if unknown := [name for name in channels if name not in CHANNELS]:
            raise ValueError(f"Expected channels out of {list(CHANNELS)} (got "
                             f"'{unknown[0]}')")
        self.tag_set = TagSet.from_dict(tag_set)
        self.table = table
        self.feature_dim = feature_dim
        self.lambda_graph = lambda_graph
        if reduction not in ('mean', 'sum'):
            raise ValueError(f"Expected a reduction of mean, sum (got '{reduction}')")
        self.reduction = reduction

        self.text_encoder = TextEncoder(encoder, freeze_embeddings, freeze_layers)
        dim = self.text_encoder.out_channels
        embedding_dim = self.text_encoder.embedding_dim
        if dim % heads:
            raise ValueError(f"Expected 'heads' to divide the encoder's {dim} channels "
                             f"(got '{heads}')")
        self.word_features: Optional[WordFeatures] = None
        if token_features or vector_dim > 0:
            names = ('upos', 'ner', 'shape') if token_features else ()
            self.word_features = WordFeatures({name: sizes[name]
                                               for name in names}, vector_dim,
                                              embedding_dim, dropout)

        def transformers(num_edge_types: int) -> torch.nn.ModuleList:
            kwargs: Dict[str, Any] = {}
            if edge_dim > 0:
                kwargs = {'edge_dim': edge_dim, 'num_edge_types': num_edge_types}
            layers = torch.nn.ModuleList()
            for _ in range(num_layers):
                conv = AttributeTransformerConv(dim, dim // heads, heads,
                                                dropout=dropout, **kwargs)
                layers.append(AttributeTransformer(conv, dim, dropout=dropout))
                _quieten(conv)
            return layers

        self.typed = edge_dim > 0
        self.text_graph = transformers(sizes['dep'])
        self.multi_channel: Optional[MultiChannel] = None
        if channels:
            self.multi_channel = MultiChannel(
                dim, dim, {
                    name: (NodeChannel if name == 'pos' else EdgeChannel)(
                        sizes[CHANNELS[name]], channel_dim)
                    for name in channels
                }, channel_dim, {'sd': NO_HOPS} if 'sd' in channels else None, dropout)
        self._silence_unknown()
        self.dropout = torch.nn.Dropout(dropout)
        self.tagger = PairTagger(dim, len(self.tag_set), channels if pair_features else
                                 (), channel_dim)

        # Last, so that a seed starts all else alike with and without the image.
        self.visual = visual
        if visual:
            self.label_pool = SimpleConv(aggr='mean')
            self.lin_object = Linear(embedding_dim + feature_dim, dim)
            self.norm_object = torch.nn.LayerNorm(dim)
            self.visual_graph = transformers(sizes['predicate'])
            self.image_to_text = ImageToTextAttention(dim, heads, dropout,
                                                      image_dropout)
            self.alignment = GraphAlignment(alpha=alpha, epsilon=epsilon,
                                            num_iters=num_iters,
                                            outer_iters=outer_iters, gw_loss=gw_loss,
                                            normalize=normalize, self_loops=self_loops)
            self.contrast: Optional[ContrastiveAlignment] = None
            if contrast > 0:
                self.contrast = ContrastiveAlignment(self.alignment, contrast)

    @torch.no_grad()
    def _silence_unknown(self) -> None:
        # Training knows all of its dependencies and parts of speech, so that it leaves
        # the entry of those that it does not know as it finds it.
        for name, param in self.named_parameters():
            if name.startswith('text_graph.') and name.endswith('.edge_emb.weight') or (
                    name == 'multi_channel.channels.pos.emb.weight'):
                param[UNKNOWN_ID] = 0

    def _save_pretrained(self, save_directory: Path) -> None:
        with atomic(save_directory / SAFETENSORS_SINGLE_FILE) as temporary:
            safetensors.torch.save_model(self, temporary)

    @classmethod
    def _load_as_safetensor(cls, model: Any, model_file: str, map_location: str,
                            strict: bool) -> Any:
        # The mixin's own default would leave what a file lacks at random.
        return super()._load_as_safetensor(model, model_file, map_location, True)

    def forward(self, data: HeteroData, align: bool = False) -> EEGAOutput:
        r"""Scores the word pairs of a batch of text/image pairs.

        Args:
            data (HeteroData): A batch (of :class:`torch_geometric.data.Batch`).
            align (bool, optional): If set to :obj:`True`, the two graphs are aligned.
                (default: :obj:`False`)
        """
        h_text, h_image = self._graphs(data)
        alignment = None
        if align and h_image is not None:
            alignment = self.alignment(*_pairs(data, h_image, h_text), both=True)
        return EEGAOutput(*self._tag(data, h_text, h_image), alignment)

    def _graphs(self, data: HeteroData) -> Tuple[Tensor, Optional[Tensor]]:
        r"""Words and objects after their attribute transformers."""
        h_text = self._transform(self.text_graph, self.encode_words(data), data[DEP])
        if not self.visual:
            return h_text, None
        return h_text, self._transform(self.visual_graph, self.object_features(data),
                                       data[REL])

    def _tag(self, data: HeteroData, h_text: Tensor,
             h_image: Optional[Tensor]) -> Tuple[Tensor, CompleteGraph]:
        if h_image is not None:
            h_text = self.image_to_text(h_text, data[TOKEN].batch, h_image,
                                        data[OBJECT].batch, data.num_graphs)
        graph = CompleteGraph.from_ptr(data[TOKEN].ptr)
        if self.multi_channel is None:
            return self.tagger(self.dropout(h_text), graph), graph
        channels = self.multi_channel.channels
        types = {
            name: (data[TOKEN] if name == 'pos' else data[PAIR])[CHANNELS[name]]
            for name in channels
        }
        s = self.multi_channel(h_text, graph, types)
        return self.tagger(self.dropout(s), graph, channels, types), graph

    def encode_words(self, data: HeteroData) -> Tensor:
        r"""What the text graph starts from (Eq. 1). :math:`(|\mathcal{V}|, F)`"""
        piece, token = data[PIECE], data[TOKEN]
        features = None if self.word_features is None else self.word_features(token)
        return self.text_encoder(piece.input_ids, piece.batch,
                                 data[PIECE_OF_TOKEN].edge_index, token.num_nodes,
                                 data.num_graphs, features)

    def object_features(self, data: HeteroData) -> Tensor:
        r"""What the visual graph starts from: the objects' labels and pixel features.
        :math:`(|\mathcal{V}|, F)`"""
        label = self.text_encoder.embed(data[LABEL_PIECE].input_ids)
        x = self.label_pool((label, data[OBJECT].feat),
                            data[LABEL_OF_OBJECT].edge_index)
        x = self.lin_object(torch.cat([x, data[OBJECT].feat.to(x.dtype)], dim=-1))
        return self.norm_object(x)

    def _transform(self, layers: torch.nn.ModuleList, x: Tensor, edges: Any) -> Tensor:
        kwargs = {'edge_type': edges.edge_type.long()} if self.typed else {}
        for layer in layers:
            x = layer(x, edges.edge_index, **kwargs)
        return x

    def loss(self, data: HeteroData) -> Dict[str, Tensor]:
        r"""The joint loss of Eq. 13 and its parts. Where word pairs have a ``target``,
        a distribution of tags, it is learned in the place of their tag.

        Returns:
            dict: ``loss``, ``main`` (Eq. 12) and, where the graphs are aligned,
            ``graph`` (Eq. 7, or its contrast), ``wd`` and ``gwd`` (Eqs. 5 and 6, the
            mean over the pairs with objects).
        """
        h_text, h_image = self._graphs(data)
        logits, _ = self._tag(data, h_text, h_image)
        tag, target = data[PAIR].tag.long(), data[PAIR].get('target')
        if target is None:
            main = F.cross_entropy(logits, tag, ignore_index=UNSCORED,
                                   reduction=self.reduction)
        else:
            scored = tag != UNSCORED
            main = F.cross_entropy(logits[scored], target[scored],
                                   reduction=self.reduction)
        if self.reduction == 'sum':
            main = main / data.num_graphs
        parts = {'loss': main, 'main': main}
        if h_image is not None and self.lambda_graph > 0:
            graphs = _pairs(data, h_image, h_text)
            if self.contrast is None:
                alignment = self.alignment(*graphs)
                parts['graph'] = alignment.loss
            else:
                images = data.image_id
                before = images[-1:] + images[:-1]
                mask = h_text.new_tensor([a != b for a, b in zip(images, before)],
                                         dtype=torch.bool)
                parts['graph'], alignment = self.contrast(*graphs, mask)
            parts['loss'] = main + self.lambda_graph * parts['graph']
            num_pairs = data[OBJECT].batch.unique().numel()
            parts['wd'] = alignment.wd.sum() / max(num_pairs, 1)
            parts['gwd'] = alignment.gwd.sum() / max(num_pairs, 1)
        return parts


def _pairs(data: HeteroData, h_image: Tensor, h_text: Tensor) -> Tuple[Any, ...]:
    r"""The two graphs of each pair as the alignment takes them."""
    return (h_image, data[REL].edge_index, data[OBJECT].batch, h_text,
            data[DEP].edge_index, data[TOKEN].batch, data.num_graphs)


@torch.no_grad()
def _quieten(conv: AttributeTransformerConv) -> None:
    # What a random layer adds to the features of a pretrained encoder is noise, and a
    # tagger that cannot see through it learns to call everything none first.
    for name, param in conv.named_parameters():
        if name in ('lin_value.weight', 'lin_edge_value.weight'):
            param.mul_(0.1)
