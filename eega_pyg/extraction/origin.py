r"""Where a model came from, so that another process can load it again."""
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

from eega_pyg.identity import digest, tensors_sha256
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.saving.folder import DEFAULT_CHECKPOINT
from eega_pyg.saving.saved_model import SavedModel, load_model

_INSTEAD = "set 'pickle_weights', and the weights are sent too"


@dataclass(frozen=True)
class Origin:
    r"""The folder of a model and, where it has one, the name that leads to it on any
    machine.

    Args:
        folder (str): The folder.
        name (str, optional): A checkpoint of the package, or a model of the hub.
        revision (str, optional): The commit of the model on the hub.
        conv, fusion (torch.nn.Module or callable, optional): The graph layer and the
            fusion, where they are your own.
    """
    folder: str
    name: Optional[str] = None
    revision: Optional[str] = None
    conv: Optional[OwnConv] = None
    fusion: Optional[OwnFusion] = None

    @classmethod
    def of(cls, name: Optional[Union[str, Path]], revision: Optional[str], folder: str,
           conv: Optional[OwnConv], fusion: Optional[OwnFusion] = None) -> 'Origin':
        r"""The origin of what was loaded from :obj:`folder` by its name."""
        if name is None:
            name = DEFAULT_CHECKPOINT
        if os.path.isdir(name):
            return cls(folder, conv=conv, fusion=fusion)
        # The hub's cache has a folder for each commit; a branch may have moved since.
        if os.path.basename(os.path.dirname(folder)) == 'snapshots':
            revision = os.path.basename(folder)
        return cls(folder, str(name), revision, conv, fusion)

    def load(self, model: str) -> SavedModel:
        r"""Loads the model where a pickle is read.

        Args:
            model (str): Its :func:`fingerprint` when it was pickled.

        Raises:
            FileNotFoundError: If neither the folder nor the name leads to a model.
            ValueError: If it is another one.
        """
        there = os.path.isdir(self.folder)
        if not there and self.name is None:
            raise FileNotFoundError(f"The model was pickled without its weights, and "
                                    f"there is no folder '{self.folder}' here to load "
                                    f"it from: put it there, or {_INSTEAD}")
        saved = load_model(self.folder if there else self.name,
                           None if there else self.revision, conv=self.conv,
                           fusion=self.fusion)
        if fingerprint(saved) != model:
            raise ValueError(f"The model in '{saved.data.encoder}' is not the one that "
                             f"was pickled: its weights were changed since then")
        return saved

    def check(self, saved: SavedModel) -> str:
        r"""The fingerprint of a model, if it can be loaded again.

        Raises:
            pickle.PicklingError: If it cannot.
        """
        if not os.path.isdir(self.folder):
            raise pickle.PicklingError(f"The folder of the model, '{self.folder}', is "
                                       f"gone, and the model is loaded from it again: "
                                       f"{_INSTEAD}")
        try:
            again = load_model(self.folder, conv=self.conv, fusion=self.fusion)
        except (ValueError, OSError) as e:
            raise pickle.PicklingError(f"The model cannot be loaded again ({e}): "
                                       f"{_INSTEAD}") from e
        model = fingerprint(saved)
        if fingerprint(again) != model:
            raise pickle.PicklingError(f"The weights, or the scales of probabilities, "
                                       f"are not those of the folder '{self.folder}', "
                                       f"from which the model is loaded again: "
                                       f"{_INSTEAD}")
        return model

    def check_same(self, saved: SavedModel) -> None:
        r"""Raises a :class:`ValueError` if the folder holds another model, as far as
        what is there can be loaded."""
        try:
            again = load_model(self.folder, conv=self.conv, fusion=self.fusion)
        except (ValueError, OSError):
            return
        if (fingerprint(again), again.thresholds) != (fingerprint(saved),
                                                      saved.thresholds):
            raise ValueError(f"The weights, or the scales or thresholds of "
                             f"probabilities, are not those of the folder "
                             f"'{self.folder}', whose files are copied: load the model "
                             f"from there again, or train or calibrate it there")


def fingerprint(saved: SavedModel) -> str:
    r"""A digest of the weights, and of how probabilities are made of them."""
    weights = tensors_sha256(saved.model.state_dict())
    return digest([weights, saved.temperature, saved.scales])


class _Nowhere:
    def write(self, content: Any) -> int:
        return len(content)


def check_picklable(value: Any, what: str) -> None:
    r"""Raises a :class:`~pickle.PicklingError` that says what cannot be pickled."""
    try:
        pickle.Pickler(_Nowhere(), pickle.HIGHEST_PROTOCOL).dump(value)
    except Exception as e:  # Each kind of object has its own.
        raise pickle.PicklingError(f"The {what} cannot be pickled ({e}): define it at "
                                   f"the top of a module, not within a function, and "
                                   f"not as a lambda") from e
