r"""Run by torchrun in several processes: writes into a folder how far gradients and
validation are from those of one process."""
import json
import sys
from copy import deepcopy
from pathlib import Path

import lightning as L
import torch
from torch.nn.functional import one_hot
from torch.utils.data import Subset
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from eega_pyg.config import TrainConfig
from eega_pyg.datasets import FakeJMERE
from eega_pyg.nn.models import EEGA
from eega_pyg.schema import OBJECT, PAIR, UNKNOWN, UNSTATED
from eega_pyg.training.devices import device_options
from eega_pyg.training.evaluation import collect_scores
from eega_pyg.training.loaders import loaders
from eega_pyg.training.pair_tagging import PairTagging

ENCODER = {
    'hidden_dropout_prob': 0.0,
    'attention_probs_dropout_prob': 0.0,
    'model_type': 'bert',
    'vocab_size': 200,
    'hidden_size': 24,
    'num_hidden_layers': 1,
    'num_attention_heads': 2,
    'intermediate_size': 32,
    'max_position_embeddings': 128,
}


class Gradients(L.Callback):
    def __init__(self):
        self.found = {}

    def on_before_optimizer_step(self, trainer, module, optimizer):
        self.found = {
            name: None if p.grad is None else p.grad.clone()
            for name, p in module.model.named_parameters() if p.requires_grad
        }


class Prompted(EEGA):
    r"""Finds most of what is there, but not all."""
    def forward(self, data, align=False):
        out = super().forward(data, align)
        given = one_hot(data[PAIR].tag.long().clamp(min=0), out.logits.size(-1))
        return out._replace(logits=out.logits.sin() + 10 * given)


def build(data, kind=EEGA, **options):
    torch.manual_seed(0)
    model = kind(ENCODER, data.tags.to_dict(), data.vocabularies.sizes, heads=4,
                 edge_dim=6, channel_dim=5, outer_iters=10, dropout=0.0, **options)
    last = (model.image_to_text.lin_out
            if model.fusion is None else model.fusion.addition.lin)
    torch.nn.init.normal_(last.weight, std=0.3)
    return model


def trainer_of(config, *callbacks):
    return L.Trainer(max_steps=1, logger=False, enable_checkpointing=False,
                     enable_progress_bar=False, enable_model_summary=False,
                     num_sanity_val_steps=0, limit_val_batches=None,
                     callbacks=list(callbacks), **device_options(config))


def partly_known(graphs):
    r"""Cells whose tag is known in part, more of them in some texts than in others."""
    for i, data in enumerate(graphs):
        tag = data[PAIR].tag
        hidden = torch.rand(tag.shape, generator=torch.Generator().manual_seed(i))
        tag[hidden < 0.1 * (i % 5)] = UNKNOWN
        tag[hidden > 1 - 0.1 * (i % 3)] = UNSTATED
    return graphs


def taught(graphs):
    for i, data in enumerate(graphs):
        shape = data[PAIR].tag.numel(), data.annotated.size(-1)
        generator = torch.Generator().manual_seed(i)
        data[PAIR].target = torch.rand(shape, generator=generator).softmax(dim=-1)
    return graphs


def gradients(graphs, data, **options):
    r"""How far the gradients of a batch of 16 are from those of one process, beside the
    largest of these; and whether each weight has one."""
    config = TrainConfig(batch_size=len(graphs), precision='float32')
    model = build(data, **options)
    alone = deepcopy(model)
    alone.train().loss(Batch.from_data_list(graphs))['loss'].backward()
    seen = Gradients()
    trainer = trainer_of(config, seen)
    rank, size = trainer.global_rank, trainer.world_size
    own = DataLoader(graphs, batch_sampler=[list(range(len(graphs)))[rank::size]])
    trainer.fit(PairTagging(model, config), own)
    expected = {n: p.grad for n, p in alone.named_parameters() if p.requires_grad}
    assert expected.keys() == seen.found.keys()
    missing = [n for n, grad in seen.found.items() if grad is None]
    largest = max(float(g.abs().max()) for g in expected.values())
    apart = {n: float((seen.found[n] - g).abs().max()) for n, g in expected.items()}
    return {'missing': missing, 'apart': max(apart.values()), 'largest': largest}


def validation(data, num):
    r"""What several processes find in the validation, and what one finds."""
    config = TrainConfig(batch_size=4)
    part = Subset(data, range(num))
    module = PairTagging(build(data, Prompted).eval(), config)
    trainer = trainer_of(config)
    _, val = loaders(part, part, config, trainer.global_rank, trainer.world_size)
    trainer.validate(module, val, verbose=False)
    one = collect_scores(module.model, part, None, 2 * config.batch_size)
    found = module._scores

    def content(scores):
        return {
            str(key): sorted((offset, str(x)) for offset, x in windows)
            for key, windows in scores.windows.items()
        }

    return {
        'batches': len(val),
        'sentences': len(found.targets),
        'expected': len(one.targets),
        'found': sum(len(x.entities) for x in found.extractions()),
        'windows': content(found) == content(one),
        'scores': found.compute() == one.compute(),
    }


def main():
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    data = FakeJMERE(num_pairs=90, avg_words=8, avg_objects=3, num_piece_ids=200)
    seen = [d for d in data if d[OBJECT].num_nodes > 0][:16]
    blind = [d for d in data if d[OBJECT].num_nodes == 0][:8]
    # The second of two processes gets those without objects.
    mixed = [d for pair in zip(seen, blind) for d in pair]
    facts = {
        'mean': gradients(seen, data),
        'sum': gradients(seen, data, reduction='sum'),
        'options': gradients(seen, data, pair_features=True, token_features=True),
        'blind': gradients(mixed, data),
        'no alignment': gradients(mixed, data, lambda_graph=0.0),
        'fusion': gradients(mixed, data, fusion='agban'),
        'partly known': gradients(partly_known(deepcopy(seen)), data),
        'taught': gradients(taught(deepcopy(seen)), data),
    }
    # Two windows of a sentence, which are in batches of different processes.
    windows = [data[i] for i in range(40)]
    order = sorted(range(40), key=lambda i: len(windows[i].words))
    for i, offset in ((order[0], 0), (order[-1], 1)):
        windows[i].image_id, windows[i].sentence = 'long', torch.tensor([99])
        windows[i].offset = torch.tensor([offset])
    data.data, data.slices = data.collate(windows)
    facts['validation'] = [validation(data, num) for num in (40, 34, 5)]
    rank = torch.distributed.get_rank()
    (folder / f'{rank}.json').write_text(json.dumps(facts))


if __name__ == '__main__':
    main()
