r"""The options of a run. Each stands here once: its default, what it may be, and what
it does. What stands below a field becomes a line of the ``Args`` of its class."""
from typing import Annotated, Any, Dict, Literal, Optional, Tuple

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from eega_pyg.config.section import Section
from eega_pyg.schema import JMERE_TAGS, Share, TagSet

#: The names of the graph layers, see :func:`~eega_pyg.nn.graph_layer`.
ConvName = Literal['attribute_transformer', 'transformer', 'gatv2', 'gine', 'rgcn',
                   'film', 'gcn', 'none']
#: The names of the fusions of text and image, see :func:`~eega_pyg.nn.fusion_layer`.
FusionName = Literal['eega', 'adapcoatt', 'ocsga', 'agban', 'umgf', 'mega', 'maf']
#: How tags are written into the table of word pairs, see
#: :func:`~eega_pyg.tagging.encode`.
Table = Literal['directed', 'symmetric', 'triangle']

# A list stands for a tuple, although everything else is taken as it is.
_Names = Annotated[Tuple[str, ...], Field(strict=False)]
# A mapping, as pairs: a configuration is a value that can be hashed.
_Mapping = Annotated[
    Tuple[Tuple[str, str], ...],
    Field(strict=False),
    BeforeValidator(lambda v: tuple(v.items()) if isinstance(v, dict) else v),
    PlainSerializer(dict)]
_Channels = Annotated[Tuple[Literal['pos', 'sd', 'co'], ...], Field(strict=False)]


class TagsConfig(Section):
    r"""Types and relations."""
    types: Optional[_Names] = None
    r"""Entity types; by default those that the train split of JSON lines holds, and
    otherwise JMERE's."""
    relations: Optional[_Names] = None
    r"""Relations; by default from where the types are."""
    @model_validator(mode='after')
    def _distinct(self) -> 'TagsConfig':
        self.tag_set()
        return self

    def tag_set(self) -> TagSet:
        r"""The tags; JMERE's where none are named."""
        return TagSet(
            JMERE_TAGS.types if self.types is None else self.types,
            JMERE_TAGS.relations if self.relations is None else self.relations)


class DataConfig(Section):
    r"""What the graphs are built from; see :class:`~eega_pyg.datasets.JMERE`."""
    version: Literal['v1', 'merged'] = 'v1'
    r"""How lines become sentences."""
    encoder: str = 'sentence-transformers/all-MiniLM-L6-v2'
    r"""The text encoder."""
    spacy_model: str = 'en_core_web_sm'
    r"""The pipeline that parses text and captions."""
    word_vectors: bool = False
    r"""Whether the pipeline's own features of words are read."""
    table: Table = 'directed'
    r"""The word-pair table."""
    visual: _Names = ()
    r"""Sources of what is seen; without any, the captions beside the text."""
    feature_size: int = Field(default=0, ge=0)
    r"""Size of the objects' feature vectors."""
    max_words: int = Field(default=70, ge=2)
    r"""Longer sentences are stored as windows that overlap."""
    max_objects: int = Field(default=10, ge=1)
    r"""Objects kept of an image."""
    mask: bool = False
    r"""Whether a sentence leaves open in training what only other lines of the file say
    of its words, see :func:`~eega_pyg.datasets.read_mnre`."""
    entities: Literal['auto', 'all', 'related'] = 'auto'
    r"""Whether all entities of JSON lines are annotated, or only those in a relation
    count; by default all, if the train split has any in no relation. Loss and scores
    go by it, see :func:`~eega_pyg.datasets.read_jsonl`."""
    widen: bool = False
    r"""Whether an entity of JSON lines that cuts a word gets all of it; otherwise that
    is an error."""
    validation: Share = 0.2
    r"""Where there is no validation file, the share of the texts of the training file
    that is held out as the validation split, see
    :class:`~eega_pyg.datasets.PairDataset`."""
    passage_words: int = Field(default=20, ge=1)
    r"""An extractor reads sentences of a text together that have up to so many words.
    A model of single tweets finds next to nothing in more than the default; one that
    was trained on longer texts, by ``train.joined`` or ``train.also``, reads more."""
    on_disk: bool = False
    r"""Whether graphs stay on the disk, for data sets that are larger than the memory,
    see :class:`~eega_pyg.datasets.OnDiskPairs`."""
    def arguments(self) -> Dict[str, Any]:
        r"""The arguments of :class:`~eega_pyg.datasets.JMERE` that they stand for."""
        values = {**dict(self), 'visual': self.visual or None}
        # Two are about JSON lines, and one about what is read later.
        for name in ('entities', 'widen', 'passage_words'):
            del values[name]
        return values


class ModelConfig(Section):
    r"""Options of :class:`~eega_pyg.nn.models.EEGA`."""
    conv: ConvName = 'attribute_transformer'
    r"""The layer of both graphs: that of the paper, or one to compare it with, see
    :func:`~eega_pyg.nn.graph_layer`."""
    heads: int = Field(default=12, ge=1)
    r"""Attention heads of both attribute transformers and of the image2text attention,
    or of another fusion."""
    num_layers: int = Field(default=1, ge=0)
    r"""Layers of each graph, and of the fusions 'ocsga' and 'umgf'."""
    edge_dim: int = Field(default=100, ge=0)
    r"""Size of an edge type's embedding; 0 is the vanilla transformer of the
    ablation."""
    channels: _Channels = ('pos', 'sd', 'co')
    r"""Channels of the multi-channel layer: parts of speech, distances on the
    dependency tree, co-occurrence. Without any, the layer is left out."""
    channel_dim: int = Field(default=100, ge=1)
    r"""Size of a channel's embedding."""
    pair_features: bool = False
    r"""Whether the tagger reads the channels' pair features too (the released code
    does; the paper does not say so)."""
    skip: bool = False
    r"""Whether the multi-channel layer adds its output to the words or replaces them,
    see :class:`~eega_pyg.nn.MultiChannel`."""
    within_trees: bool = False
    r"""Whether words look at those of their own tree of the parse alone, their
    sentence, in the multi-channel layer. Otherwise what they are told there is of the
    whole text, and another thing in a longer one."""
    pair_rank: int = Field(default=0, ge=0)
    r"""Rank of a product of the two words of a pair in the tagger, see
    :class:`~eega_pyg.nn.PairTagger`; 0 for none."""
    offsets: bool = False
    r"""Whether the tagger reads how far apart two words stand, see
    :class:`~eega_pyg.nn.PairTagger`."""
    token_features: bool = False
    r"""Whether the encoder reads the part of speech, named-entity tag and shape of a
    word beside its pieces, see :class:`~eega_pyg.nn.WordFeatures`."""
    visual: bool = True
    r"""Whether the image is looked at; if not, there is no visual graph, no alignment
    and no image2text attention."""
    fusion: FusionName = 'eega'
    r"""How words come to know the image: by EEGA's graph layers, alignment and
    image2text attention, or as in a paper that it is compared with, see
    :mod:`eega_pyg.nn.fusion`. The latter have neither graph layers nor an alignment,
    and the options of these say nothing to them."""
    alpha: Share = 0.4
    r"""Weight of the node distance in Eq. 7."""
    lambda_graph: float = Field(default=0.6, ge=0)
    r"""Weight in Eq. 13 of the alignment, or of the losses that another fusion has; at
    0 the alignment is not computed in training, and its plans say nothing."""
    contrast: float = Field(default=0.0, ge=0)
    r"""If above 0, the alignment in Eq. 13 is that of
    :class:`~eega_pyg.ot.ContrastiveAlignment` with this temperature: an image is to be
    nearer to its own text than to another one."""
    reduction: Literal['mean', 'sum'] = 'mean'
    r"""How Eq. 12 becomes a number: 'mean' over the scored cells of the batch, or 'sum'
    over the cells of a pair, as written, and the mean over the pairs. The alignment
    weighs about as many times more beside the mean as a table has cells."""
    epsilon: float = Field(default=0.1, gt=0)
    r"""Entropic regulariser, relative to the mean cost of the pair."""
    num_iters: int = Field(default=20, ge=1)
    r"""Sinkhorn iterations."""
    outer_iters: int = Field(default=40, ge=1)
    r"""At most so many steps of mirror descent for the Gromov-Wasserstein distance;
    most pairs need ten to thirty."""
    gw_loss: Literal['absolute', 'square'] = 'absolute'
    r"""L of Eq. 6."""
    normalize: bool = False
    r"""Whether the Gromov-Wasserstein sum is divided by the product mass of the
    adjacent pairs."""
    self_loops: bool = False
    r"""Whether a node is its own neighbour in Eq. 6."""
    dropout: Share = 0.1
    r"""Dropout probability of our layers; the encoder has its own."""
    image_dropout: Share = 0.0
    r"""In training, the share of pairs whose words do not see their image in Eq. 8, or
    in another fusion."""
    freeze_embeddings: bool = True
    r"""If set, the encoder's table of word pieces is not trained."""
    freeze_layers: int = Field(default=0, ge=0)
    r"""If above 0, only the encoder's layers above so many of the lowest are
    trained."""
    @model_validator(mode='after')
    def _one_fusion(self) -> 'ModelConfig':
        check_fusion(self.fusion, self.conv, self.visual)
        return self


def check_fusion(fusion: str, conv: str, visual: bool) -> None:
    r"""Refuses options beside a fusion of another paper or of one's own that would say
    nothing there.

    Raises:
        ValueError: Naming both.
    """
    if fusion != 'eega' and conv not in ('attribute_transformer', 'none'):
        raise ValueError(f"conv='{conv}' is a layer of the graphs, which the fusion "
                         f"'{fusion}' has none of: leave one of the two out")
    if fusion != 'eega' and not visual:
        raise ValueError(f"visual=false leaves the image out, which "
                         f"fusion='{fusion}' is about: leave one of the two out")


class TrainConfig(Section):
    r"""The optimiser and the loop."""
    epochs: int = Field(default=15, ge=1)
    r"""Epochs; the learning rates fall to zero over them."""
    patience: int = Field(default=5, ge=1)
    r"""Epochs without a better score after which a run ends."""
    tolerance: float = Field(default=0.0, ge=0)
    r"""The last epoch is kept that is at most so many standard errors below the best,
    in the F1 of quintuples; at 0 the best one. With :math:`n` quintuples in the
    validation split a standard error is :math:`0.5 / \sqrt{n}`. If these are few, the
    best epoch is so by chance, and later ones have learned longer."""
    batch_size: int = Field(default=16, ge=1)
    r"""Pairs of text and image a step, of all devices together."""
    lr: float = Field(default=1e-3, ge=0)
    r"""Learning rate of all but the encoder."""
    lr_encoder: float = Field(default=5e-5, ge=0)
    r"""Learning rate of the text encoder, and of what describes words beside it."""
    weight_decay: float = Field(default=0.01, ge=0)
    r"""Weight decay of AdamW."""
    warmup: Share = 0.1
    r"""Share of the steps in which the learning rates grow."""
    clip: float = Field(default=1.0, ge=0)
    r"""The gradient's largest norm."""
    start: str = ''
    r"""The saved model to start from, as
    :func:`~eega_pyg.saving.saved_model.load_model` takes it; without one, training
    starts from the public text encoder. See :mod:`eega_pyg.training.start`."""
    renamed: _Mapping = ()
    r"""The types and relations whose name in the model of ``start`` is another one, as
    new name: old name; those of the same name need not be listed."""
    start_share: Share = 0.0
    r"""The share that the weights of ``start`` have in the saved model: each weight
    that was taken over is the mean, so weighted, of what it was before training and of
    what it has become. With 0.5 less is lost of what the model of ``start`` knew, see
    :func:`~eega_pyg.training.start.mix_with_start`."""
    signatures: bool = True
    r"""Whether decoding keeps to the (type, relation, type) triples seen in
    training."""
    pretrain_epochs: int = Field(default=0, ge=0)
    r"""Before all else, the text encoder and what describes words beside it are trained
    for so many epochs on all entities and pairs of the training file and of ``also``,
    see :func:`~eega_pyg.training.pretraining.pretrain_words`."""
    also: _Names = ()
    r"""Further sets to train on: 'unrelated', 'jsonl:FILE', 'conll04:FILE' or
    'gmner:FILE', see
    :func:`~eega_pyg.datasets.further.read_further`. What a set is not annotated with is
    left open in the loss. A set that stands there several times is trained on so many
    times more often."""
    joined: float = Field(default=0.0, ge=0, le=10)
    r"""How many texts of two to five sentences are made for each sentence of every set
    and trained on as well, e.g., one for every four with 0.25, see
    :func:`~eega_pyg.datasets.join_records`."""
    drawn: float = Field(default=0.0, ge=0)
    r"""If above 0, an epoch has only so many texts of ``also`` and ``joined`` for each
    sentence of the training split, drawn anew each time: as many for every name
    in ``also`` as of the split's own joined texts. At 0 it has all of them."""
    held_out: _Names = ()
    r"""Sets with all their entities, 'jsonl:FILE', 'conll04:FILE' or 'gmner:FILE', on
    which the probabilities of entities are fitted in the end, see
    :func:`~eega_pyg.training.calibration.fit_scales`."""
    min_precision: Share = 0.0
    r"""The threshold of the saved model is the one of the best F1 on the validation
    file among those with at least this precision."""
    teachers: _Names = ()
    r"""Saved models to learn from. They are asked about the texts of the training split
    and of ``also``; of a joined text they say what they say of its sentences."""
    distillation: Share = 0.7
    r"""The share of what is learned that is what the teachers say, see
    :mod:`eega_pyg.training.distillation`."""
    unlabelled: bool = False
    r"""Whether to learn also what the teachers say of the texts of which no line states
    a relation."""
    precision: Literal['auto', 'bf16', 'float32'] = 'auto'
    r"""'bf16': matrix products of the training steps in bfloat16, weights and all else
    in single precision; 'auto': that where the processor multiplies it faster."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    r"""Seed of the run."""
    devices: int = Field(default=1, ge=1)
    r"""Devices of a node that train together, each on its part of every batch; under
    ``torchrun`` they are as many as the processes that it starts, see
    :mod:`eega_pyg.training.devices`."""
    nodes: int = Field(default=1, ge=1)
    r"""Nodes that train together; under ``torchrun`` they are its own."""
    strategy: Literal['ddp', 'ddp_find_unused_parameters_true'] = 'ddp'
    r"""How several devices train together, by the name that Lightning has for it;
    'ddp_find_unused_parameters_true' if a graph layer of one's own has weights without
    a gradient."""
    num_workers: int = Field(default=0, ge=0)
    r"""Processes of each device that lay out the next batches of the training while it
    computes. On a GPU steps wait less with two; on the CPU they only take each other's
    time."""
    @field_validator('renamed')
    @classmethod
    def _from_a_start(cls, value: Tuple[Tuple[str, str], ...],
                      info: ValidationInfo) -> Tuple[Tuple[str, str], ...]:
        if value and not info.data.get('start'):
            raise ValueError('there is no model to start from (train.start) that has '
                             'other names')
        return value

    @field_validator('start_share')
    @classmethod
    def _of_a_start(cls, value: float, info: ValidationInfo) -> float:
        if value and not info.data.get('start'):
            raise ValueError('there is no model to start from (train.start) whose '
                             'weights could have a share')
        return value

    @field_validator('drawn')
    @classmethod
    def _from_some(cls, value: float, info: ValidationInfo) -> float:
        if value and not (info.data.get('also') or info.data.get('joined')):
            raise ValueError('there are no texts of train.also or train.joined to draw '
                             'from')
        return value

    @field_validator('unlabelled')
    @classmethod
    def _taught(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not info.data.get('teachers'):
            raise ValueError('there are no train.teachers to ask about texts without '
                             'tags')
        return value
