r"""Pretraining on the lines of MNRE that are no part of JMERE, and on further sets.

Two thirds of MNRE's lines say that two entities of a text are not related. JMERE leaves
them out, and with them half of the texts; but they show which words are entities.
"""
from itertools import combinations
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple, Union

import lightning as L
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader
from torch_geometric.nn import MLP, Linear, SimpleConv

from eega_pyg.config import Config, TrainConfig
from eega_pyg.datasets import JMERE, PairDataset
from eega_pyg.datasets.cached import cached_parser, cached_pieces
from eega_pyg.datasets.further import read_further
from eega_pyg.datasets.graphs import Graphs
from eega_pyg.datasets.mnre import UNRELATED, MarkedText, read_marked_texts
from eega_pyg.datasets.record import Record
from eega_pyg.files import atomic, short_reason
from eega_pyg.nn.conv.templates import remove_template_files
from eega_pyg.nn.models import EEGA
from eega_pyg.parsing import Parse, Parser
from eega_pyg.schema import PIECE, PIECE_OF_TOKEN, TOKEN, Span, TagSet
from eega_pyg.training.loaders import Examples, texts_of
from eega_pyg.training.optimizer import configure_optimizer, use_bf16
from eega_pyg.training.progress import EpochProgressBar
from eega_pyg.training.sampler import LengthGroupedSampler
from eega_pyg.transforms import Vocabularies
from eega_pyg.transforms.span_pairs import (
    SPAN,
    SPAN_PAIR,
    TOKEN_OF_SPAN,
    add_span_pairs,
)
from eega_pyg.transforms.text_graph import add_words
from eega_pyg.transforms.word_pieces import WordPieceTokenizer


def marked_text(record: Record) -> MarkedText:
    r"""The text of a sentence whose entities are all annotated. Its relations are the
    stated ones, and with none between all other entities, if its data set annotates all
    relations."""
    types: Dict[Span, Optional[str]] = {}
    relations: Dict[Tuple[Span, Span], Optional[str]] = {}
    for e in record.annotation.entities:
        types[e.span] = e.type
    for q in record.quintuples:
        types[q.head.span], types[q.tail.span] = q.head.type, q.tail.type
        relations[q.head.span, q.tail.span] = q.relation
    if record.annotation.rest == 0:
        for pair in combinations(sorted(types), 2):
            if pair[::-1] not in relations:
                relations.setdefault(pair, None)
    return MarkedText(record.words, types, relations)


class MarkedTextTransform:
    r"""Turns a text with its entities into a :class:`~torch_geometric.data.HeteroData`.
    It holds the words with their features and pieces, as
    :class:`~eega_pyg.transforms.TextGraph` has them, a node for each entity, to which
    its words point, and an edge for each pair of entities that has a line.

    ``data['token'].bio`` (:obj:`bool`, ``[n, 1 + 2 * types]``) marks the tags that a
    word may have: outside of all entities, first word of an entity of each type,
    further word of one. An entity of an unknown type may have all types. Of overlapping
    entities the longest counts. ``data['span', 'pair', 'span'].relation`` (``[pairs]``)
    is :obj:`0` where the line gives no relation.

    Args:
        vocabularies (Vocabularies): The vocabularies of the training split.
        pieces (WordPieces): Splits words into the text encoder's pieces.
        tags (TagSet): Types and relations.
    """
    def __init__(self, vocabularies: Vocabularies, pieces: WordPieceTokenizer,
                 tags: TagSet) -> None:
        self.vocabularies = vocabularies
        self.pieces = pieces
        self.tags = tags

    def __call__(self, text: MarkedText, parse: Union[Parse, HeteroData]) -> HeteroData:
        r"""Takes the parse of the text, or its graph, of which the words are taken."""
        data = HeteroData()
        if isinstance(parse, Parse):
            add_words(data, text.words, parse, self.vocabularies, self.pieces)
        else:
            for name in (PIECE, TOKEN, PIECE_OF_TOKEN):
                data[name].update(parse[name])
        data[TOKEN].bio = self._bio(text)

        relations = (None, *self.tags.relations)
        add_span_pairs(data, text.types, text.relations,
                       [relations.index(r) for r in text.relations.values()])
        return data

    def _bio(self, text: MarkedText) -> Tensor:
        types = self.tags.types
        out = torch.zeros(len(text.words), 1 + 2 * len(types), dtype=torch.bool)
        out[:, 0] = True
        for start, end in sorted(text.types, key=lambda s: (s[0] - s[1], s)):
            if not out[start:end, 0].all():
                continue
            kind = text.types[start, end]
            chosen = torch.tensor([kind in (None, t) for t in types])
            out[start:end] = False
            out[start, 1:1 + len(types)] = chosen
            out[start + 1:end, 1 + len(types):] = chosen
        return out


class EntityPretraining(L.LightningModule):
    r"""Trains a model's text encoder and word features to find entities and to tell
    whether two of them are related.

    Args:
        model (EEGA): The model.
        config (TrainConfig): Learning rates and schedule.
    """
    def __init__(self, model: EEGA, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        self.model = model
        dim = model.text_encoder.out_channels
        tags = model.tag_set
        self.dropout = torch.nn.Dropout(0.1)
        self.lin_bio = Linear(dim, 1 + 2 * len(tags.types))
        self.pool = SimpleConv(aggr='mean')
        self.mlp = MLP([2 * dim, dim, 1 + len(tags.relations)], dropout=0.1, act='gelu',
                       norm=None)
        remove_template_files()

    def loss(self, batch: HeteroData) -> Tensor:
        r"""The mean over the texts of the negative log-likelihood of all their words
        and pairs."""
        x = self.model.encode_words(batch)
        log_probs = self.lin_bio(self.dropout(x)).log_softmax(dim=-1)
        possible = log_probs.masked_fill(~batch[TOKEN].bio, float('-inf'))
        loss = -possible.logsumexp(dim=-1).sum()

        x = self.pool((x, x.new_empty(batch[SPAN].num_nodes, 0)),
                      batch[TOKEN_OF_SPAN].edge_index)
        head, tail = batch[SPAN_PAIR].edge_index
        scores = self.mlp(torch.cat([x[head], x[tail]], dim=-1))
        loss = loss + F.cross_entropy(scores, batch[SPAN_PAIR].relation,
                                      reduction='sum')
        return loss / batch.num_graphs

    def training_step(self, batch: HeteroData, batch_idx: int) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16,
                            enabled=use_bf16(self.config, self.device)):
            loss = self.loss(batch)
        self.log('loss', loss.detach(), prog_bar=True, batch_size=batch.num_graphs)
        return loss

    def configure_optimizers(self) -> Any:
        return configure_optimizer(self, self.config,
                                   int(self.trainer.estimated_stepping_batches))


def pretrain_words(model: EEGA, data: Sequence[HeteroData], config: TrainConfig,
                   progress: bool = True) -> None:
    r"""Trains the text encoder and the word features of a model in place, on all
    entities and pairs of MNRE's lines, for ``pretrain_epochs`` with batches of twice
    ``batch_size`` texts.

    Args:
        model (EEGA): The model.
        data (sequence of HeteroData): The texts, see :class:`MarkedTextTransform`.
        config (TrainConfig): The training configuration.
        progress (bool, optional): If set to :obj:`False`, shows no progress bar.
            (default: :obj:`True`)
    """
    batch_size = 2 * config.batch_size
    sampler = LengthGroupedSampler([d[PIECE].num_nodes for d in data], batch_size,
                                   config.seed)
    trainer = L.Trainer(
        max_epochs=config.pretrain_epochs,
        gradient_clip_val=config.clip,
        callbacks=[EpochProgressBar()] if progress else [],
        logger=False,
        accelerator='auto',
        devices=1,
        enable_checkpointing=False,
        enable_progress_bar=progress,
        enable_model_summary=False,
        deterministic=True,
    )
    trainer.fit(
        EntityPretraining(model, config),
        DataLoader(data, batch_size, sampler=sampler, generator=torch.Generator()))


def words_of_graphs(texts: Sequence[MarkedText], parser: Parser, examples: Examples,
                    max_words: int,
                    progress: bool) -> Iterator[Union[Parse, HeteroData]]:
    r"""For each text the graph that has been built of it, and where there is none, its
    parse.

    Args:
        texts (sequence of MarkedText): The texts.
        parser (Parser): Parses them.
        examples (Examples): The graphs.
        max_words (int): What has so many words may be a window of a longer text.
        progress (bool): Shows a progress bar.
    """
    wanted = {text.words for text in texts}
    built: Dict[Tuple[str, ...], Tuple[Sequence[HeteroData], int]] = {}
    for graphs in texts_of(examples):
        words = graphs.words if isinstance(graphs, Graphs) else (d.words
                                                                 for d in graphs)
        for i, key in enumerate(map(tuple, words)):
            if key in wanted and len(key) < max_words:
                built.setdefault(key, (graphs, i))
    left = [text.words for text in texts if text.words not in built]
    parses = iter(parser.parse(left, progress))
    for text in texts:
        if text.words in built:
            graphs, i = built[text.words]
            yield graphs[i]
        else:
            yield next(parses)


def pretrain(model: EEGA, config: Config, train: PairDataset, examples: Examples,
             path: Path, progress: bool) -> None:
    r"""Pretrains the text encoder and the word features of a model on a data set's
    training texts and those of the further sets, and writes them to a file, or reads
    them where a stopped run has written them. Texts that are among the examples are
    not parsed again.

    Raises:
        ValueError: If the file is broken.
    """
    parts = torch.nn.ModuleDict({'text_encoder': model.text_encoder})
    if model.word_features is not None:
        parts['word_features'] = model.word_features
    if not path.is_file():
        tags = config.tags.tag_set()
        if isinstance(train, JMERE):  # Its other lines name entities too.
            held_out = train.held_out_texts()
            texts = [
                text for text in read_marked_texts(train.raw_paths[0], tags)
                if text.words not in held_out
            ]
        else:
            texts = [marked_text(record) for record in train.records()]
        for name in config.train.also:
            if name != UNRELATED:  # They are among the texts of the split's own file.
                texts += map(marked_text, read_further(name, train))
        texts = [t for t in texts if len(t.words) <= config.data.max_words]
        if progress:
            Console(stderr=True).print(f'Training the text encoder on the entities of '
                                       f'{len(texts):,} texts first')
        parser = cached_parser(config.data.spacy_model, config.data.word_vectors)
        words = words_of_graphs(texts, parser, examples, config.data.max_words,
                                progress)
        transform = MarkedTextTransform(train.vocabularies,
                                        cached_pieces(config.data.encoder), tags)
        pretrain_words(model, list(map(transform, texts, words)), config.train,
                       progress)
        with atomic(path) as temporary:
            safetensors.torch.save_model(parts, temporary)
    try:
        safetensors.torch.load_model(parts, path)
    except (safetensors.SafetensorError, RuntimeError) as e:
        raise ValueError(f"'{path}' is broken: remove it to train the text encoder "
                         f"again ({short_reason(e)})") from e
