r"""The average against its sum written out, and where it is used."""
import lightning as L
import torch

from eega_pyg.averaging import PolynomialDecayAveraging
from eega_pyg.config import Config
from eega_pyg.saved_model import load_model
from eega_pyg.training import PairTagging, fit


class Walk(L.LightningModule):
    r"""Weights of which every step is kept."""
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
        self.steps, self.validated = [], []

    def training_step(self, batch, batch_idx):
        return (self.w * batch[0]).sum()

    def on_train_batch_end(self, *args):
        self.steps.append(self.w.detach().clone())

    def validation_step(self, batch, batch_idx):
        self.validated.append(self.w.detach().clone())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def expected(steps, eta=8):
    r"""The closed form: the weight of step i is proportional to the product of
    (j + eta) / j over the steps j up to i - 1 (Shamir and Zhang, Section 4)."""
    shares, share = [], 1.0
    for i in range(1, len(steps) + 1):
        shares.append(share)
        share *= (i + eta) / i
    return sum(s * w for s, w in zip(shares, steps)) / sum(shares)


def test_it_is_the_weighted_sum_of_all_steps():
    torch.manual_seed(0)
    walk = Walk()
    batches = torch.utils.data.TensorDataset(torch.randn(20, 3, dtype=torch.float64))
    train = torch.utils.data.DataLoader(batches, shuffle=True)
    val = torch.utils.data.DataLoader(torch.zeros(1))
    L.Trainer(max_epochs=3, callbacks=[PolynomialDecayAveraging()], logger=False,
              enable_checkpointing=False, enable_progress_bar=False,
              enable_model_summary=False, num_sanity_val_steps=0).fit(walk, train, val)
    assert len(walk.steps) == 60
    for epoch, validated in enumerate(walk.validated, 1):
        torch.testing.assert_close(validated, expected(walk.steps[:20 * epoch]))
    # Validation has left training where it was: three epochs of plain steps.
    torch.testing.assert_close(walk.steps[-1], -0.1 * 3 * batches.tensors[0].sum(0))
    torch.testing.assert_close(walk.w.detach(), walk.validated[-1])


def test_the_average_is_what_is_saved(small_root, tiny_overrides, tmp_path,
                                      monkeypatch):
    steps = []
    monkeypatch.setattr(
        PairTagging, 'on_train_batch_end',
        lambda self, *args: steps.append(self.model.tagger.lin_row.bias.detach().clone(
        )), raising=False)
    config = Config.load('default',
                         [*tiny_overrides, 'train.average=true', 'train.epochs=1'])
    result = fit(config, small_root, tmp_path / 'run', progress=False)
    saved = load_model(result.folder).model.tagger.lin_row.bias
    torch.testing.assert_close(saved, expected(steps))
    assert not torch.allclose(saved, steps[-1])
