r"""Training on the predictions of other models beside the tags of the data."""
from collections import Counter
from copy import copy
from pathlib import Path
from typing import Any, List, Mapping, Sequence, Union

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset
from torch_geometric.data import HeteroData

from eega_pyg.config import Config, DataConfig
from eega_pyg.datasets import JMERE, PairDataset, open_dataset
from eega_pyg.datasets.further import TrainingSet, read_further, training_sets
from eega_pyg.datasets.graphs import Graphs
from eega_pyg.datasets.mnre import UNRELATED
from eega_pyg.datasets.record import Record
from eega_pyg.device import find_device
from eega_pyg.files import atomic, short_reason
from eega_pyg.nn.models import EEGA, predict
from eega_pyg.nn.tag_loss import possible_tags
from eega_pyg.parsing import tracked
from eega_pyg.saving.saved_model import load_model
from eega_pyg.schema import PAIR, UNSCORED, TagSet
from eega_pyg.training.evaluation import Pairs, sorted_loader


class DistillationDataset(Dataset):
    r"""Texts whose word pairs carry the distribution of tags that is to be learned,
    ``data['token', 'pair', 'token'].target`` (``[n * n, T]``): the mean of
    the given tag and of the predictions of teachers (`"Distilling the Knowledge in a
    Neural Network" <https://arxiv.org/abs/1503.02531>`_). Where a pair's tag
    is known in part, the tags that it may have get the probabilities that the teachers
    give them.

    Args:
        graphs (sequence of HeteroData): The texts.
        tags (TagSet): Their types and relations.
        log_probs (sequence of Tensor): The predictions of the teachers, see
            :func:`ensemble_log_probs`.
        share (float): The teachers' share of the target; the rest is the given tag's.
    """
    def __init__(self, graphs: Sequence[HeteroData], tags: TagSet,
                 log_probs: Sequence[Tensor], share: float) -> None:
        self.graphs = graphs
        self.tags = tags
        self.log_probs = log_probs
        self.share = share

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, index: int) -> HeteroData:
        data = copy(self.graphs[index])
        taught = self.log_probs[index].float().exp()
        # A cell that is not scored has no tag; the loss does not read its target.
        tag = data[PAIR].tag.long()
        tag = tag.masked_fill(tag == UNSCORED, 0)
        possible = possible_tags(tag, torch.zeros_like(tag), data.annotated, self.tags)
        given = taught.clamp(min=1e-30) * possible
        given = given / given.sum(dim=-1, keepdim=True)
        data[PAIR].target = (1 - self.share) * given + self.share * taught
        return data


class JoinedLogProbs(Sequence):
    r"""What teachers say of joined texts: of the words of one sentence what they say of
    that sentence alone, and of two words of different sentences that they have no tag.

    Args:
        log_probs (dict): What they say of each sentence, by its number.
            :math:`(n^2, T)`
        records (sequence of Record): The joined texts.
    """
    def __init__(self, log_probs: Mapping[int, Tensor],
                 records: Sequence[Record]) -> None:
        self.log_probs = log_probs
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: Any) -> Any:
        record = self.records[index]
        num_words = len(record.words)
        first = self.log_probs[record.sources[0]]
        out = first.new_full((num_words, num_words, first.size(-1)), float('-inf'))
        out[..., 0] = 0.0
        for (start, stop), source in zip(record.parts, record.sources):
            size = stop - start
            out[start:stop, start:stop] = self.log_probs[source].view(size, size, -1)
        return out.flatten(0, 1)


def ensemble_log_probs(models: Sequence[Union[str, Path]], root: Union[str, Path],
                       split: str, tags: TagSet, data: DataConfig,
                       progress: bool = True) -> List[Tensor]:
    r"""The predictions of an ensemble of models for the word pairs of a data set: the
    geometric mean of their distributions of tags, normalised. Each model reads the data
    through its own parser, word pieces and vocabularies.

    Args:
        models (sequence of str or Path): Saved models, as
            :func:`~eega_pyg.saving.saved_model.load_model` takes them.
        root (str or Path): The data set's folder.
        split (str): Its split.
        tags (TagSet): The tags that they must have.
        data (DataConfig): Which sentences and windows they are asked about, and the
            table that they must have.
        progress (bool, optional): If set to :obj:`False`, shows no progress bar.
            (default: :obj:`True`)

    Returns:
        list: For each pair of the split its log-probabilities in half precision, word
        pairs row-major. :math:`(n^2, T)`

    Raises:
        ValueError: Naming the model that has other tags or another table, or if there
            is none.
        FileNotFoundError: If there is no such model.
    """
    return _ask(models, root, split, tags, data, (), progress)[0]


def _ask(models: Sequence[Union[str, Path]], root: Union[str, Path], split: str,
         tags: TagSet, data: DataConfig, also: Sequence[str],
         progress: bool) -> List[List[Tensor]]:
    r"""As :func:`ensemble_log_probs`, of the split and then of each further set."""
    if not models:
        raise ValueError('Expected at least one model')
    different = list(dict.fromkeys(also))
    total: List[List[Tensor]] = []
    for name in models:
        saved = load_model(name)
        if saved.model.tag_set != tags:
            raise ValueError(f"The model '{name}' has other types or relations")
        if saved.model.table != data.table:
            raise ValueError(f"The model '{name}' was trained with data.table="
                             f"{saved.model.table}, not {data.table}")
        own = saved.data.model_copy(
            update={
                name: getattr(data, name)
                for name in ('version', 'max_words', 'entities', 'widen', 'validation',
                             'on_disk')
            })
        dataset = open_dataset(root, split, own, tags, saved.vocabularies, progress)
        sets: List[Pairs] = [
            dataset, *(dataset.build(read_further(further, dataset), further, keep=True)
                       for further in different)
        ]
        said = [_log_probs(saved.model, graphs, progress) for graphs in sets]
        total = [[a + b for a, b in zip(*both)]
                 for both in zip(total, said)] if total else said
    means = [[(x / len(models)).log_softmax(dim=-1).half() for x in log_probs]
             for log_probs in total]
    return [means[0], *(means[1 + different.index(further)] for further in also)]


def _log_probs(model: EEGA, graphs: Pairs, progress: bool) -> List[Tensor]:
    loader = sorted_loader(graphs, 32)
    batches = tracked(loader, len(loader), progress, 'Asking a model')
    parts = (part for out in predict(model.to(find_device()), batches)
             for part in out.split(out.logits.log_softmax(dim=-1)))
    of_pair = dict(zip(loader.sampler, parts))
    return [of_pair[i] for i in range(len(graphs))]


def distillation_data(config: Config, train: PairDataset, path: Path,
                      progress: bool) -> ConcatDataset:
    r"""The training split, its joined texts, the further sets with theirs, and the
    texts without tags if they are asked for, with the predictions of the teachers.
    These are written to a file, or read where a stopped run has written them.

    A text that was joined from a sentence of several windows is left out.

    Raises:
        ValueError: If the file is broken, or as :func:`ensemble_log_probs`.
        FileNotFoundError: If there is no such teacher.
    """
    tags, options = config.tags.tag_set(), config.train
    if options.unlabelled and not isinstance(train, JMERE):
        raise ValueError('train.unlabelled: only a data set of lines of MNRE has texts '
                         'without tags')
    if not path.is_file():
        said = _ask(options.teachers, train.root, 'train', tags, config.data,
                    options.also, progress)
        if options.unlabelled:
            said.append(
                ensemble_log_probs(
                    options.teachers, train.root, 'train', tags,
                    config.data.model_copy(update={'version': UNRELATED}), progress))
        with atomic(path) as temporary:
            safetensors.torch.save_file(
                {
                    str(i): torch.cat(part)
                    for i, part in enumerate(said)
                }, temporary)
    sets = training_sets(options, train)
    graphs: List[Sequence[HeteroData]] = [texts.graphs for texts in sets]
    if options.unlabelled:
        kwargs = {**config.data.arguments(), 'version': UNRELATED}
        graphs.append(
            JMERE(train.root, vocabularies=train.vocabularies, tags=tags, log=progress,
                  **kwargs))
    log_probs = _said(path, graphs)
    parts: List[Dataset] = []
    for i, (texts, single) in enumerate(zip(sets, log_probs)):
        taught = [DistillationDataset(texts.graphs, tags, single, options.distillation)]
        taught += _joined(texts, single, tags, options.distillation)
        parts += taught if i == 0 else [ConcatDataset(taught)]
    if options.unlabelled:
        parts.append(DistillationDataset(graphs[-1], tags, log_probs[-1], 1.0))
    return ConcatDataset(parts)


def _said(path: Path, sets: Sequence[Sequence[HeteroData]]) -> List[List[Tensor]]:
    r"""What the teachers have said of each text of some sets, from a file."""
    try:
        log_probs = safetensors.torch.load_file(path)
        return [
            list(log_probs[str(i)].split([d[PAIR].tag.numel() for d in graphs]))
            for i, graphs in enumerate(sets)
        ]
    except (safetensors.SafetensorError, KeyError, RuntimeError) as e:
        raise ValueError(f"'{path}' is broken: remove it to ask the teachers again "
                         f"({short_reason(e)})") from e


def _joined(texts: TrainingSet, log_probs: Sequence[Tensor], tags: TagSet,
            share: float) -> List[DistillationDataset]:
    windows = Counter(int(d.sentence) for d in texts.graphs)
    of_sentence = {int(d.sentence): x for d, x in zip(texts.graphs, log_probs)}
    kept = [
        i for i, record in enumerate(texts.records)
        if all(windows[source] == 1 for source in record.sources)
    ]
    if not kept:
        return []
    place = {int(d.sentence): i for i, d in enumerate(texts.joined)}
    return [
        DistillationDataset(
            Graphs(texts.joined[place[i]] for i in kept), tags,
            JoinedLogProbs(of_sentence, [texts.records[i] for i in kept]), share)
    ]
