r"""Training on the predictions of other models beside the tags of the data."""
from pathlib import Path
from typing import List, Sequence, Union

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset
from torch_geometric.data import HeteroData

from eega_pyg.config import Config, DataConfig
from eega_pyg.datasets import JMERE, PairDataset, open_dataset
from eega_pyg.datasets.mnre import UNRELATED
from eega_pyg.device import find_device
from eega_pyg.files import atomic, short_reason
from eega_pyg.nn.models import EEGA, predict
from eega_pyg.nn.tag_loss import possible_tags
from eega_pyg.parsing import tracked
from eega_pyg.saving.saved_model import load_model
from eega_pyg.schema import PAIR, UNSCORED, TagSet
from eega_pyg.training.evaluation import sorted_loader


class DistillationDataset(Dataset):
    r"""A data set whose word pairs carry the distribution of tags that is to be
    learned, ``data['token', 'pair', 'token'].target`` (``[n * n, T]``): the mean of
    the given tag and of the predictions of teachers (`"Distilling the Knowledge in a
    Neural Network" <https://arxiv.org/abs/1503.02531>`_). Where a pair's tag
    is known in part, the tags that it may have get the probabilities that the teachers
    give them.

    Args:
        dataset (PairDataset): The data set.
        log_probs (sequence of Tensor): The predictions of the teachers, see
            :func:`ensemble_log_probs`.
        share (float): The teachers' share of the target; the rest is the given tag's.
    """
    def __init__(self, dataset: PairDataset, log_probs: Sequence[Tensor],
                 share: float) -> None:
        self.dataset = dataset
        self.log_probs = log_probs
        self.share = share

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> HeteroData:
        data = self.dataset[index]
        taught = self.log_probs[index].float().exp()
        # A cell that is not scored has no tag; the loss does not read its target.
        tag = data[PAIR].tag.long()
        tag = tag.masked_fill(tag == UNSCORED, 0)
        possible = possible_tags(tag, torch.zeros_like(tag), data.annotated,
                                 self.dataset.tags)
        given = taught.clamp(min=1e-30) * possible
        given = given / given.sum(dim=-1, keepdim=True)
        data[PAIR].target = (1 - self.share) * given + self.share * taught
        return data


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
    if not models:
        raise ValueError('Expected at least one model')
    total: List[Tensor] = []
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
                for name in ('version', 'max_words', 'entities', 'widen')
            })
        dataset = open_dataset(root, split, own, tags, saved.vocabularies, progress)
        log_probs = _log_probs(saved.model, dataset, progress)
        total = [a + b for a, b in zip(total, log_probs)] if total else log_probs
    return [(x / len(models)).log_softmax(dim=-1).half() for x in total]


def _log_probs(model: EEGA, dataset: PairDataset, progress: bool) -> List[Tensor]:
    loader = sorted_loader(dataset, 32)
    batches = tracked(loader, len(loader), progress, 'Asking a model')
    parts = (part for out in predict(model.to(find_device()), batches)
             for part in out.split(out.logits.log_softmax(dim=-1)))
    of_pair = dict(zip(loader.sampler, parts))
    return [of_pair[i] for i in range(len(dataset))]


def distillation_data(config: Config, train: PairDataset, path: Path,
                      progress: bool) -> ConcatDataset:
    r"""The training split, and the texts without tags if they are asked for, with the
    predictions of the teachers. These are written to a file, or read where a stopped
    run has written them.

    Raises:
        ValueError: If the file is broken, or as :func:`ensemble_log_probs`.
        FileNotFoundError: If there is no such teacher.
    """
    tags, share = config.tags.tag_set(), config.train.distillation
    parts = [(train, share)]
    if config.train.unlabelled:
        if not isinstance(train, JMERE):
            raise ValueError('train.unlabelled: only a data set of lines of MNRE has '
                             'texts without tags')
        kwargs = {**config.data.arguments(), 'version': UNRELATED}
        parts.append((JMERE(train.root, vocabularies=train.vocabularies, tags=tags,
                            log=progress, **kwargs), 1.0))
    if not path.is_file():
        log_probs = {
            data.version:
            torch.cat(
                ensemble_log_probs(
                    config.train.teachers, train.root, 'train', tags,
                    config.data.model_copy(update={'version': data.version}), progress))
            for data, _ in parts
        }
        with atomic(path) as temporary:
            safetensors.torch.save_file(log_probs, temporary)
    try:
        log_probs = safetensors.torch.load_file(path)
        datasets = []
        for data, part in parts:
            sizes = [d[PAIR].tag.numel() for d in data]
            datasets.append(
                DistillationDataset(data, log_probs[data.version].split(sizes), part))
        return ConcatDataset(datasets)
    except (safetensors.SafetensorError, KeyError, RuntimeError) as e:
        raise ValueError(f"'{path}' is broken: remove it to ask the teachers again "
                         f"({short_reason(e)})") from e
