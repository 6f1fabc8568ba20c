from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple, Union

import safetensors.torch
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from huggingface_hub.constants import SAFETENSORS_SINGLE_FILE
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.nn import Linear, SimpleConv

from eega_pyg.config import ModelConfig
from eega_pyg.files import atomic, short_reason
from eega_pyg.nn import (
    EdgeChannel,
    ImageToTextAttention,
    MultiChannel,
    NodeChannel,
    PairTagger,
    TextEncoder,
    WordFeatures,
)
from eega_pyg.nn.conv import CompleteGraph
from eega_pyg.nn.conv.templates import remove_template_files
from eega_pyg.nn.fusion import FusionInput, FusionOutput
from eega_pyg.nn.fusion_layer import OwnFusion, fuse
from eega_pyg.nn.graph_layer import OwnConv, attribute_transformers
from eega_pyg.nn.models.own import named_parts, replace_fusion, replace_layers
from eega_pyg.nn.models.sizes import check_sizes
from eega_pyg.nn.tag_loss import tag_loss
from eega_pyg.ot import (
    ContrastiveAlignment,
    GraphAlignment,
    GraphAlignmentOutput,
    Layout,
)
from eega_pyg.ot.ragged import layouts
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
    located,
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
        alignment (GraphAlignmentOutput, optional): Distances and plans, if asked for;
            there are none without the image, and with another fusion.
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

    The model knows sizes only: its arguments are numbers, strings and lists and dicts
    of them, and are written to ``config.json``. The exceptions are a :obj:`conv` and a
    :obj:`fusion` of one's own, of which ``config.json`` keeps the class's name; a saved
    model is loaded with them again.

    With another :obj:`fusion` than its own, the model is one of the word-pair taggers
    that the paper compares it with: text encoder, that fusion, and the same
    multi-channel layer and tagger. The graph layers are off, also those of the text:
    what messages such a system passes is part of its fusion, which gets the typed edges
    of both graphs.

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
        conv (str, torch.nn.Module or callable, optional): The layer of both graphs: a
            name of :class:`~eega_pyg.config.ModelConfig`, a layer of one's own, or
            what makes one from the number of channels and that of the edge types, see
            :func:`~eega_pyg.nn.graph_layer`. For the same seed, all else starts from
            the same weights whatever the layer is.
            (default: :obj:`'attribute_transformer'`)
        fusion (str, torch.nn.Module or callable, optional): How words come to know the
            image: a name of :class:`~eega_pyg.config.ModelConfig`, a module of one's
            own, or what makes one from the number of channels and those of the types of
            dependencies and of predicates, see :func:`~eega_pyg.nn.fusion_layer`. For
            the same seed, all else starts from the same weights whatever it is.
            (default: :obj:`'eega'`)
        **options (optional): The other fields of
            :class:`~eega_pyg.config.ModelConfig`, which says what each is.

    Raises:
        ValueError: Naming the option, if it is unknown or of a wrong value; naming
            both, if a fusion does not go with another option; or naming the class of a
            saved model's layer or fusion that was not given.
    """
    def __init__(
        self,
        encoder: Dict[str, Any],
        tag_set: Dict[str, Any],
        sizes: Dict[str, int],
        table: str = 'directed',
        feature_dim: int = 0,
        vector_dim: int = 0,
        conv: Union[str, Dict[str, str], OwnConv] = 'attribute_transformer',
        fusion: Union[str, Dict[str, str], OwnFusion] = 'eega',
        **options: Any,
    ) -> None:
        super().__init__()
        named = named_parts(options.get('visual', True), conv=conv, fusion=fusion)
        with located('EEGA'):
            o = ModelConfig.model_validate({**options, **named})
        check_sizes(sizes, feature_dim, vector_dim)
        self.tag_set = TagSet.from_dict(tag_set)
        self.table = table
        self.feature_dim = feature_dim
        self.lambda_graph = o.lambda_graph
        self.image_dropout = o.image_dropout
        self.reduction = o.reduction

        self.text_encoder = TextEncoder(encoder, o.freeze_embeddings, o.freeze_layers)
        dim = self.text_encoder.out_channels
        embedding_dim = self.text_encoder.embedding_dim
        if dim % o.heads:
            raise ValueError(f"Expected 'heads' to divide the encoder's {dim} channels "
                             f"(got '{o.heads}')")
        self.word_features: Optional[WordFeatures] = None
        if o.token_features or vector_dim > 0:
            names = ('upos', 'ner', 'shape') if o.token_features else ()
            self.word_features = WordFeatures({name: sizes[name]
                                               for name in names}, vector_dim,
                                              embedding_dim, o.dropout)

        # All dependencies and parts of speech of the training data are known, so that
        # the entries of unknown ones are never trained: they are and stay zero.
        self.text_graph = attribute_transformers(o, dim, sizes['dep'], UNKNOWN_ID)
        # The last distance is that of words without a path between them.
        self.no_path = sizes['distance'] - 1 if o.within_trees else None
        self.multi_channel: Optional[MultiChannel] = None
        if o.channels:
            self.multi_channel = MultiChannel(
                dim, dim, {
                    name:
                    NodeChannel(sizes[CHANNELS[name]], o.channel_dim, UNKNOWN_ID) if
                    name == 'pos' else EdgeChannel(sizes[CHANNELS[name]], o.channel_dim)
                    for name in o.channels
                }, o.channel_dim, {'sd': NO_HOPS} if 'sd' in o.channels else None,
                o.dropout, o.skip)
        self.dropout = torch.nn.Dropout(o.dropout)
        self.tagger = PairTagger(dim, len(self.tag_set),
                                 o.channels if o.pair_features else (), o.channel_dim,
                                 o.pair_rank, o.offsets)

        # The image's side is built after that of the text, whose weights for a seed so
        # are the same with and without it.
        self.visual = o.visual
        if o.visual:
            self.label_pool = SimpleConv(aggr='mean')
            self.lin_object = Linear(embedding_dim + feature_dim, dim)
            self.norm_object = torch.nn.LayerNorm(dim)
            self.visual_graph = attribute_transformers(o, dim, sizes['predicate'])
            self.image_to_text = ImageToTextAttention(dim, o.heads, o.dropout,
                                                      o.image_dropout)
            self.alignment = GraphAlignment(alpha=o.alpha, epsilon=o.epsilon,
                                            num_iters=o.num_iters,
                                            outer_iters=o.outer_iters,
                                            gw_loss=o.gw_loss, normalize=o.normalize,
                                            self_loops=o.self_loops)
            self.contrast: Optional[ContrastiveAlignment] = None
            if o.contrast > 0:
                self.contrast = ContrastiveAlignment(self.alignment, o.contrast)

        config = o.model_dump(mode='json')
        # Other layers are built last: the rest has the same weights whichever they are.
        self.typed = o.edge_dim > 0
        self.fusion: Optional[torch.nn.Module] = None
        if fusion != 'eega':
            config['fusion'] = replace_fusion(self, fusion, sizes, o)
        if conv != 'attribute_transformer':
            config['conv'] = replace_layers(self, conv, sizes, o)
        self._hub_mixin_config = {
            'encoder': encoder,
            'tag_set': self.tag_set.to_dict(),
            'sizes': sizes,
            'table': table,
            'feature_dim': feature_dim,
            'vector_dim': vector_dim,
            **config
        }
        remove_template_files()

    def _save_pretrained(self, save_directory: Path) -> None:
        with atomic(save_directory / SAFETENSORS_SINGLE_FILE) as temporary:
            safetensors.torch.save_model(self, temporary)

    @classmethod
    def _load_as_safetensor(cls, model: Any, model_file: str, map_location: str,
                            strict: bool) -> Any:
        # The mixin's own default would leave what a file lacks at random.
        try:
            return super()._load_as_safetensor(model, model_file, map_location, True)
        except RuntimeError as e:
            raise RuntimeError(f"'{model_file}' does not hold the weights of this "
                               f"model (if it was shrunk, eega_pyg.load_model(folder)"
                               f".model reads it): {short_reason(e, 200)}") from None

    def forward(self, data: HeteroData, align: bool = False) -> EEGAOutput:
        r"""Scores the word pairs of a batch of text/image pairs.

        Args:
            data (HeteroData): A batch (of :class:`torch_geometric.data.Batch`).
            align (bool, optional): If set to :obj:`True`, the two graphs are aligned.
                (default: :obj:`False`)
        """
        fused, graphs = self._fuse(data, with_losses=False)
        alignment = None
        if align and graphs is not None:
            alignment = self.alignment(*graphs, both=True)
        return EEGAOutput(*self._tag(data, fused.words), alignment)

    def fused_words(self, data: HeteroData, with_losses: bool = False) -> FusionOutput:
        r"""The words of a batch that know their images, which the multi-channel layer
        and the tagger read, and the losses of another fusion than EEGA's own.

        Args:
            data (HeteroData): A batch.
            with_losses (bool, optional): If set to :obj:`True`, the fusion computes its
                losses. (default: :obj:`False`)
        """
        return self._fuse(data, with_losses)[0]

    def _fuse(self, data: HeteroData,
              with_losses: bool) -> Tuple[FusionOutput, Optional[Tuple[Any, ...]]]:
        r"""The words that know the image, and the graphs of image and text before that,
        as :class:`~eega_pyg.ot.GraphAlignment` takes them."""
        names = (PIECE, TOKEN, OBJECT) if self.visual else (PIECE, )
        pieces, *nodes = layouts(*(data[name].ptr for name in names))
        words = self._transform(self.text_graph, self._encode(data, pieces), data[DEP])
        if not self.visual:
            return FusionOutput(words), None
        objects = self._transform(self.visual_graph, self.object_features(data),
                                  data[REL])
        # EEGA's own way is no module: saved models know its weights by other names, and
        # an alignment is asked for without a loss, too.
        if self.fusion is None:
            graphs = (objects, data[REL].edge_index, nodes[1], words,
                      data[DEP].edge_index, nodes[0], data.num_graphs)
            return FusionOutput(
                self.image_to_text(words, nodes[0], objects, nodes[1],
                                   data.num_graphs)), graphs
        number: Dict[str, int] = {}
        inputs = FusionInput(
            words, data[TOKEN].batch, data[DEP].edge_index, data[DEP].edge_type.long(),
            objects, data[OBJECT].batch, data[REL].edge_index,
            data[REL].edge_type.long(),
            torch.tensor([number.setdefault(i, len(number)) for i in data.image_id],
                         device=words.device), with_losses)
        if self.training and self.image_dropout > 0:
            chance = torch.rand(inputs.batch_size, device=words.device)
            inputs = inputs.without_objects(chance < self.image_dropout)
        return fuse(self.fusion, inputs), None

    def _tag(self, data: HeteroData, words: Tensor) -> Tuple[Tensor, CompleteGraph]:
        graph = CompleteGraph.from_ptr(data[TOKEN].ptr)
        if self.multi_channel is None:
            return self.tagger(self.dropout(words), graph), graph
        channels = self.multi_channel.channels
        types = {
            name: (data[TOKEN] if name == 'pos' else data[PAIR])[CHANNELS[name]]
            for name in channels
        }
        mask = None if self.no_path is None else data[PAIR].distance != self.no_path
        s = self.multi_channel(words, graph, types, mask)
        return self.tagger(self.dropout(s), graph, channels, types), graph

    def encode_words(self, data: HeteroData) -> Tensor:
        r"""What the text graph starts from (Eq. 1). :math:`(|\mathcal{V}|, F)`"""
        return self._encode(data, layouts(data[PIECE].ptr)[0])

    def _encode(self, data: HeteroData, pieces: Layout) -> Tensor:
        piece, token = data[PIECE], data[TOKEN]
        features = None if self.word_features is None else self.word_features(token)
        return self.text_encoder(piece.input_ids, pieces,
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
        a distribution of tags, it is learned in the place of their tag. Where a pair's
        tag is known in part, see :func:`~eega_pyg.nn.tag_loss.tag_loss`.

        Returns:
            dict: ``loss``, ``main`` (Eq. 12) and, where the graphs are aligned,
            ``graph`` (Eq. 7, or its contrast), ``wd`` and ``gwd`` (Eqs. 5 and 6, the
            mean over the pairs with objects), or the losses of another fusion.
        """
        fused, graphs = self._fuse(data, with_losses=True)
        logits, _ = self._tag(data, fused.words)
        tag, target = data[PAIR].tag.long(), data[PAIR].get('target')
        if target is None:
            graph = torch.repeat_interleave(data[TOKEN].ptr.diff().square(),
                                            output_size=tag.numel())
            main = tag_loss(logits, tag, graph, data.annotated, self.tag_set,
                            self.reduction)
        else:
            scored = tag != UNSCORED
            main = F.cross_entropy(logits[scored], target[scored],
                                   reduction=self.reduction)
        if self.reduction == 'sum':
            main = main / data.num_graphs
        parts = {'loss': main, 'main': main, **fused.losses}
        if graphs is not None and self.lambda_graph > 0:
            parts.update(self._graph_loss(data, graphs))
        return {**parts, 'loss': self.joint_loss(parts)}

    def joint_loss(self, parts: Mapping[str, Tensor]) -> Tensor:
        r"""Eq. 13, of the parts that :meth:`loss` gives. What is learned beside the
        tags, the alignment or the losses of another fusion, has the weight
        :math:`\lambda`."""
        beside = parts.keys() - {'loss', 'main', 'wd', 'gwd'}
        loss = parts['main']
        for name in sorted(beside):
            loss = loss + self.lambda_graph * parts[name]
        return loss

    def _graph_loss(self, data: HeteroData, graphs: Tuple[Any,
                                                          ...]) -> Dict[str, Tensor]:
        if self.contrast is None:
            alignment = self.alignment(*graphs)
            loss = alignment.loss
        else:
            images = data.image_id
            mask = graphs[0].new_tensor(
                [a != b for a, b in zip(images, images[-1:] + images[:-1])],
                dtype=torch.bool)
            loss, alignment = self.contrast(*graphs, mask)
        num_pairs = (data[OBJECT].ptr.diff() > 0).sum().clamp(min=1)
        return {
            'graph': loss,
            'wd': alignment.wd.sum() / num_pairs,
            'gwd': alignment.gwd.sum() / num_pairs,
        }
