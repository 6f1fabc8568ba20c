r"""The progress bar of a run."""
from lightning.pytorch.callbacks import RichProgressBar


class EpochProgressBar(RichProgressBar):
    r"""A :class:`~lightning.pytorch.callbacks.RichProgressBar` that counts epochs from
    one, as everything else here that a person reads."""
    def _get_train_description(self, current_epoch: int) -> str:
        most = self.trainer.max_epochs or -1  # Minus one is no end.
        text = f'Epoch {current_epoch + 1}' + (f'/{most}' if most > 0 else '')
        return f'{text:{len(self.validation_description)}}'
