r"""A training step, and the validation."""
from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from eega_pyg.config import TrainConfig
from eega_pyg.nn.models import EEGA, predict
from eega_pyg.nn.tag_loss import num_counted
from eega_pyg.schema import OBJECT, PAIR, Signatures, TagSet
from eega_pyg.training.devices import num_processes
from eega_pyg.training.evaluation import SentenceScores
from eega_pyg.training.module import TrainingModule
from eega_pyg.training.optimizer import use_bf16


def choice(scores: Dict[str, float], tags: TagSet) -> float:
    r"""By what epochs are compared: the F1 of quintuples, and where it is the same that
    of entities. On ten sentences many epochs have the same few quintuples right, and
    the first ones have none: they would look as if nothing were learned.
    Where there are no relations, it is the F1 of entities.

    Args:
        scores (dict): See :meth:`SentenceScores.compute
            <eega_pyg.training.evaluation.SentenceScores.compute>`.
        tags (TagSet): The types and relations.
    """
    if not tags.relations:
        return scores['entity_f1']
    # Less than what one quintuple of thousands makes.
    return scores['quintuple_f1'] + scores['entity_f1'] / 10_000


class PairTagging(TrainingModule):
    r"""Trains an :class:`~eega_pyg.nn.models.EEGA` on word-pair tags.

    Args:
        model (EEGA): The model.
        config (TrainConfig): Optimiser and schedule.
        signatures (set, optional): The (type, relation, type) triples that decoding may
            use, or :obj:`None` for all.
        slack (float, optional): How far below the best epoch before it one may be that
            is kept in its place. (default: :obj:`0.0`)
    """
    def __init__(self, model: EEGA, config: TrainConfig,
                 signatures: Optional[Signatures] = None, slack: float = 0.0) -> None:
        super().__init__(config, slack)
        self.model = model
        self.signatures = signatures
        self._scores = SentenceScores()

    def training_step(self, batch: HeteroData, batch_idx: int) -> Tensor:
        bf16 = use_bf16(self.config, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            parts = self.model.loss(batch)
        num, several = batch.num_graphs, num_processes() > 1
        if several:
            parts, num = self._of_all(parts, batch)
        self.log_dict({
            f'train/{k}': v.detach()
            for k, v in parts.items()
        }, on_step=False, on_epoch=True, batch_size=num, sync_dist=several)
        self.log('loss', parts['loss'].detach(), prog_bar=True)
        return parts['loss']

    def _of_all(self, parts: Dict[str, Tensor],
                batch: HeteroData) -> Tuple[Dict[str, Tensor], int]:
        r"""Scales the losses of a process so that their mean over the processes is that
        of one batch of all examples; gives also how many these are.

        Each loss is a mean: Eq. 12 over cells, or over pairs where their cells are
        added up, what is learned beside it over the pairs with objects.
        """
        pairs = batch.num_graphs
        cells = pairs
        if self.model.reduction == 'mean':
            cells = num_counted(batch[PAIR].tag, 'target' in batch[PAIR])
        aligned = batch[OBJECT].batch.unique().numel()
        own = torch.tensor([cells, aligned, pairs], device=self.device)
        every: Any = self.all_gather(own)
        total = every.sum(dim=0)
        share = len(every) * own / total.clamp(min=1)
        scaled = {k: v * share[0 if k == 'main' else 1] for k, v in parts.items()}
        return {**scaled, 'loss': self.model.joint_loss(scaled)}, int(total[2])

    def on_train_epoch_start(self) -> None:
        rank = self.global_rank
        if rank > 0:  # Dropout is another one in each process, and known to no file.
            torch.manual_seed((self.config.seed * 10_007 + rank) * 1_000_003 +
                              self.current_epoch)

    def on_validation_epoch_start(self) -> None:
        self._scores = SentenceScores()

    def validation_step(self, batch: HeteroData, batch_idx: int) -> None:
        for prediction in predict(self.model, [batch]):
            self._scores.update(batch, prediction.decode(self.signatures))

    def on_validation_epoch_end(self) -> None:
        if num_processes() > 1:
            self._scores = _gathered(self._scores)
        found = self._scores.compute()
        self.log_validation(found, choice(found, self.model.tag_set),
                            ('quintuple_f1', 'entity_f1'))


def _gathered(scores: SentenceScores) -> SentenceScores:
    r"""What all processes have collected, the same in each of them."""
    parts: List[Any] = [None] * num_processes()
    torch.distributed.all_gather_object(parts, scores)
    for part in parts[1:]:
        parts[0].merge(part)
    return parts[0]
