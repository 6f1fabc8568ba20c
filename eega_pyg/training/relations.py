r"""Training a classifier of relations between given entities."""
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Union

import lightning as L
import torch
import yaml
from torch import Tensor
from torch_geometric.data import HeteroData

from eega_pyg.config import Config, TrainConfig
from eega_pyg.datasets import JMERE, PairDataset, Record
from eega_pyg.datasets.graphs import Graphs
from eega_pyg.datasets.mnre import MarkedText, read_marked_texts
from eega_pyg.device import find_device
from eega_pyg.files import write_text
from eega_pyg.nn.models import EEGA, RelationClassifier, predict
from eega_pyg.schema import Signatures
from eega_pyg.scoring import Counts
from eega_pyg.training.checkpoints import BEST, find_last, finish, read_checkpoint
from eega_pyg.training.evaluation import SentenceScores, sorted_loader
from eega_pyg.training.loaders import loaders
from eega_pyg.training.module import TrainingModule
from eega_pyg.training.optimizer import use_bf16
from eega_pyg.training.prepare import build_model
from eega_pyg.training.resume import check_same, goes_further
from eega_pyg.training.run import alone, make_trainer
from eega_pyg.training.settings import settings_restored
from eega_pyg.transforms.span_pairs import SPAN_PAIR, TOKEN_OF_SPAN, add_span_pairs


class RelatedPairs(Sequence[HeteroData]):
    r"""The texts of a split of MNRE with the entities and pairs that its lines name,
    ``'None'`` lines included, as :func:`~eega_pyg.transforms.span_pairs.add_span_pairs`
    adds them. A pair's ``relation`` is :obj:`0` where its line says that there is none.
    Pairs without a line are left out: nothing is known of them. So are texts of more
    than :obj:`max_words` words.

    Args:
        data (JMERE): The split, with whose vocabularies and visual sources the graphs
            are built; they are kept in its ``processed``.
    """
    def __init__(self, data: JMERE) -> None:
        held_out = data.held_out_texts()
        self.texts: List[MarkedText] = [
            text for text in read_marked_texts(data.raw_paths[-1], data.tags)
            if len(text.words) <= data.max_words and (
                text.words in held_out) == data.held_out
        ]
        self.graphs: Graphs = data.build(
            [Record(t.words, t.image_id, (), ' '.join(t.words)) for t in self.texts],
            'texts of all lines', keep=True)
        names: Sequence[Optional[str]] = (None, *data.tags.relations)
        self.number = {name: i for i, name in enumerate(names)}

    @property
    def num_pieces(self) -> List[int]:
        r"""The number of word pieces of each text."""
        return self.graphs.num_pieces

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: Any) -> Any:
        text = self.texts[index]
        return add_span_pairs(self.graphs[index], text.types, text.relations,
                              [self.number[r] for r in text.relations.values()])


def loss_of_pairs(model: RelationClassifier, batch: HeteroData) -> Dict[str, Tensor]:
    r"""The loss of a classifier on a batch of :class:`RelatedPairs`."""
    pairs = batch[SPAN_PAIR]
    return model.loss(batch, batch[TOKEN_OF_SPAN].edge_index, pairs.edge_index,
                      pairs.relation)


class RelationTraining(TrainingModule):
    r"""Trains a :class:`~eega_pyg.nn.models.RelationClassifier` on
    :class:`RelatedPairs`. Of the validation split's pairs, those count as right whose
    relation is, whichever of the two the head is; precision and recall are of what is,
    or is to be, a relation.

    Args:
        model (RelationClassifier): The model.
        config (TrainConfig): Optimiser and schedule.
    """
    def __init__(self, model: RelationClassifier, config: TrainConfig) -> None:
        super().__init__(config)
        self.model = model
        self._counts = torch.zeros(4, dtype=torch.long)

    def training_step(self, batch: HeteroData, batch_idx: int) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16,
                            enabled=use_bf16(self.config, self.device)):
            parts = loss_of_pairs(self.model, batch)
        self.log_dict({
            f'train/{k}': v.detach()
            for k, v in parts.items()
        }, on_step=False, on_epoch=True, batch_size=batch.num_graphs)
        self.log('loss', parts['loss'].detach(), prog_bar=True)
        return parts['loss']

    def on_validation_epoch_start(self) -> None:
        self._counts.zero_()

    def validation_step(self, batch: HeteroData, batch_idx: int) -> None:
        scores = self.model(batch, batch[TOKEN_OF_SPAN].edge_index,
                            batch[SPAN_PAIR].edge_index)
        self._counts += pair_counts(scores, batch[SPAN_PAIR].relation).cpu()

    def on_validation_epoch_end(self) -> None:
        found = self.compute()
        self.log_validation(found, found['relation_f1'], ('relation_f1', ))

    def compute(self) -> Dict[str, float]:
        r"""The scores of the last validation, as fractions."""
        either, one_way, predicted, given = self._counts.tolist()
        counts = Counts(either, predicted, given)
        return {
            'relation_precision': counts.precision,
            'relation_recall': counts.recall,
            'relation_f1': counts.f1,
            'relation_directed_f1': Counts(one_way, predicted, given).f1,
        }


def pair_counts(scores: Tensor, relation: Tensor) -> Tensor:
    r"""How many relations are right in either direction, how many of them are in the
    right one, how many were predicted and how many were to be.

    Args:
        scores (Tensor): Of a :class:`~eega_pyg.nn.models.RelationClassifier`, from
            heads to tails. :math:`(P, 1 + 2R)`
        relation (Tensor): As of its loss. :math:`(P)`
    """
    p = scores.softmax(dim=-1)
    forth, back = p[:, 1:].chunk(2, dim=-1)
    best = torch.cat([p[:, :1], forth + back], dim=-1).argmax(dim=-1)
    right = (best == relation) & (relation > 0)
    first = forth >= back
    one_way = right & torch.cat([right[:, None], first], dim=-1).gather(
        1, best[:, None]).squeeze(1)
    return torch.stack([x.sum() for x in (right, one_way, best > 0, relation > 0)])


class TrainedRelations(NamedTuple):
    r"""What a training ended with: the classifier of the best epoch, that epoch's
    number (from 0), its scores on the pairs of the validation split, and the number of
    texts and pairs it was trained on."""
    model: RelationClassifier
    epoch: int
    scores: Dict[str, float]
    num_texts: int
    num_pairs: int


def fit_relations(config: Config, root: Union[str, Path], folder: Union[str, Path],
                  progress: bool = True) -> TrainedRelations:
    r"""Trains a classifier of relations on all lines of MNRE's training split, those of
    ``'None'`` included, and keeps the epoch with the best F1 on the lines of its
    validation split.

    ``folder/training`` holds the last and the best epoch, the configuration, and losses
    and scores of every epoch (``metrics.csv``), as of
    :func:`~eega_pyg.training.run.fit`. A run that was stopped goes on after its last
    epoch; of one that has ended, the model is read.

    Args:
        config (Config): The configuration: ``model`` makes the words, and of ``train``
            the optimiser, schedule, batches and seed are taken.
        root (str or Path): The folder of the data set, see
            :class:`~eega_pyg.datasets.JMERE`.
        folder (str or Path): Where the run is kept.
        progress (bool, optional): If set to :obj:`False`, shows no progress bar.
            (default: :obj:`True`)

    Raises:
        ValueError: If the folder holds a run of another configuration or of other data,
            if none of its checkpoints is whole, or if another process trains there.
    """
    state = Path(folder) / 'training'
    with alone(folder), settings_restored():
        trainer = make_trainer(config.train, state, progress)
        last = find_last(state)
        if last is not None:
            goes_further(state / 'config.yaml', config)
        write_text(state / 'config.yaml',
                   yaml.safe_dump(config.to_dict(), sort_keys=False))
        train, val, pairs, given = _open(config, root)
        check_same(state / 'data.json', [d.processed_file_names for d in (train, val)],
                   last is not None, 'was of other data')
        L.seed_everything(config.train.seed, verbose=False)
        model = RelationClassifier(build_model(config, train))
        module = RelationTraining(model, config.train)
        batches = loaders(pairs, given, config.train)
        trainer.fit(module, *batches, ckpt_path=last, weights_only=True)
        checkpoint = read_checkpoint(state / BEST, whole=False)
        module.load_state_dict(checkpoint['state_dict'])
        scores = trainer.validate(module, batches[1], verbose=False)[0]
        finish(state)
    model.to(find_device())  # The trainer leaves it on the CPU.
    return TrainedRelations(model.eval(), int(checkpoint['epoch']), {
        k.partition('/')[2]: v
        for k, v in scores.items() if '/' in k
    }, len(pairs), sum(len(t.relations) for t in pairs.texts))


def pipeline_scores(tagger: EEGA, classifier: RelationClassifier, dataset: PairDataset,
                    signatures: Optional[Signatures] = None,
                    batch_size: int = 32) -> SentenceScores:
    r"""What a pipeline finds in a data set, beside what it holds: the entities of a
    tagger, whose relations are not read, and of each two of them the relation of a
    classifier.

    Args:
        tagger (EEGA): Finds the entities.
        classifier (RelationClassifier): Finds their relations.
        dataset (PairDataset): A data set built with the vocabularies of both.
        signatures (set, optional): The (type, relation, type) triples that may be
            found, or :obj:`None` for all. (default: :obj:`None`)
        batch_size (int, optional): Pairs a batch. (default: :obj:`32`)
    """
    scores = SentenceScores()
    for prediction in predict(tagger, sorted_loader(dataset, batch_size)):
        entities = [found.entities for found in prediction.decode(signatures)]
        scores.update(prediction.batch,
                      classifier.relate(prediction.batch, entities, signatures))
    return scores


def _open(config: Config, root: Union[str, Path]) -> Any:
    tags, options = config.tags.tag_set(), config.data.arguments()
    train = JMERE(str(root), 'train', tags=tags, **options)
    val = JMERE(str(root), 'val', tags=tags, vocabularies=train.vocabularies, **options)
    return train, val, RelatedPairs(train), RelatedPairs(val)
