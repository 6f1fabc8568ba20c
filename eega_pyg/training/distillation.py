r"""Training on what other models say beside what the data say."""
from pathlib import Path
from typing import List, Sequence, Union

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import HeteroData

from eega_pyg.config import DataConfig
from eega_pyg.datasets import JMERE
from eega_pyg.device import find_device
from eega_pyg.nn.models import EEGA
from eega_pyg.saving.saved_model import load_model
from eega_pyg.schema import PAIR, TOKEN, TagSet
from eega_pyg.training.evaluation import sorted_loader


class TaughtPairs(Dataset):
    r"""A data set whose word pairs carry the distribution of tags that is to be
    learned, ``data['token', 'pair', 'token'].target`` (``[n * n, T]``): of the tag
    that is given and of what teachers say (`"Distilling the Knowledge in a Neural
    Network" <https://arxiv.org/abs/1503.02531>`_).

    Args:
        dataset (JMERE): The data set.
        log_probs (sequence of Tensor): What the teachers say, see
            :func:`ensemble_log_probs`.
        share (float): The teachers' share of the target; the rest is the given tag's.
    """
    def __init__(self, dataset: JMERE, log_probs: Sequence[Tensor],
                 share: float) -> None:
        self.dataset = dataset
        self.log_probs = log_probs
        self.share = share

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> HeteroData:
        data = self.dataset[index]
        said = self.log_probs[index].float().exp()
        # A cell that is not scored has no tag, and its target is not looked at.
        given = F.one_hot(data[PAIR].tag.long().clamp(min=0), said.size(1))
        data[PAIR].target = (1 - self.share) * given + self.share * said
        return data


def ensemble_log_probs(models: Sequence[Union[str, Path]], root: Union[str, Path],
                       split: str, tags: TagSet, data: DataConfig,
                       progress: bool = True) -> List[Tensor]:
    r"""What several models together say of the word pairs of a data set: the geometric
    mean of their distributions of tags, normalised. Each reads the data through its own
    parser, word pieces and vocabularies.

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
        own = saved.data.model_copy(update={
            'version': data.version,
            'max_words': data.max_words
        })
        dataset = JMERE(str(root), split=split, vocabularies=saved.vocabularies,
                        tags=tags, log=progress, **own.arguments())
        said = _log_probs(saved.model, dataset, progress)
        total = [a + b for a, b in zip(total, said)] if total else said
    return [(x / len(models)).log_softmax(dim=-1).half() for x in total]


@torch.no_grad()
def _log_probs(model: EEGA, dataset: JMERE, progress: bool) -> List[Tensor]:
    device = find_device()
    model.to(device)
    out: List[Tensor] = [torch.empty(0)] * len(dataset)
    loader = sorted_loader(dataset, 32)
    order = iter(loader.sampler)
    for batch in track(loader, 'Asking a model', console=Console(stderr=True),
                       disable=not progress):
        log_probs = model(batch.to(device)).logits.float().log_softmax(dim=-1).cpu()
        sizes = batch[TOKEN].ptr.diff().tolist()
        for part in log_probs.split([n * n for n in sizes]):
            out[next(order)] = part
    return out
