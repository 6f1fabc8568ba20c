r"""Which object of the image an entity is."""
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eega_pyg.extraction.found import Grounding
from eega_pyg.extraction.grounding_features import NOTHING_SIZE, PAIR_SIZE, choices
from eega_pyg.identity import tensors_sha256
from eega_pyg.network_file import load_network, save_network
from eega_pyg.schema import Entity, SceneGraph, SceneObject

if TYPE_CHECKING:
    from eega_pyg.extraction.result import Alignment

_FORMAT = 'eega_pyg.grounding.1'
_WEIGHTS = 'gmner_grounding.safetensors'


class GroundingHead(nn.Module):
    r"""Chooses for each entity of a text one of the objects of its image, or none of
    them, as grounded multimodal entity recognition has it (`"Grounded Multimodal Named
    Entity Recognition on Social Media" <https://aclanthology.org/2023.acl-long.508>`_):

    .. math::
        p(o \mid e) = \frac{\exp f(\mathbf{x}_{e,o})}{\exp g(\mathbf{z}_e) + \sum_{o'}
        \exp f(\mathbf{x}_{e,o'})}, \qquad
        p(\text{none} \mid e) = 1 - \sum_o p(o \mid e),

    where :math:`f` is a network with two hidden layers, :math:`g` one with a single
    one, and :math:`\mathbf{x}` and :math:`\mathbf{z}` are what
    :func:`~eega_pyg.extraction.grounding_features.choices` says of the entity, the
    object and both.

    .. code-block:: python

        head = GroundingHead.pretrained()
        found = head.ground([Entity(0, 2, 'per')], scene_graph.objects,
                            ['Ann', 'Lee', 'smiles'])

    Args:
        hidden (int, optional): Size of the hidden layers. (default: :obj:`64`)
        pair_size (int, optional): Size of :math:`\mathbf{x}`. (default: :obj:`29`)
        dropout (float, optional): Dropout in training. (default: :obj:`0.2`)

    Shapes:
        - **input:** what describes the pairs :math:`(m, k, 29)` and an unseen entity
          :math:`(m, 17)`
        - **output:** a logit of each object and, last, of none :math:`(m, k + 1)`
    """
    def __init__(self, hidden: int = 64, pair_size: int = PAIR_SIZE,
                 dropout: float = 0.2) -> None:
        super().__init__()
        self.config: Dict[str, Any] = {'hidden': hidden, 'pair_size': pair_size}
        self.dropout = dropout
        self.pair = nn.ModuleList([
            nn.Linear(pair_size, hidden),
            nn.Linear(hidden, hidden),
            nn.Linear(hidden, 1)
        ])
        self.nothing = nn.ModuleList(
            [nn.Linear(NOTHING_SIZE, hidden),
             nn.Linear(hidden, 1)])
        # Statistics of the training choices; saved with the weights.
        self.pair_mean: Tensor
        self.pair_std: Tensor
        self.nothing_mean: Tensor
        self.nothing_std: Tensor
        for name, size in (('pair', pair_size), ('nothing', NOTHING_SIZE)):
            self.register_buffer(f'{name}_mean', torch.zeros(size))
            self.register_buffer(f'{name}_std', torch.ones(size))

    def forward(self, pairs: Tensor, nothing: Tensor) -> Tensor:
        f = self._network(self.pair, (pairs - self.pair_mean) / self.pair_std)
        g = self._network(self.nothing,
                          (nothing - self.nothing_mean) / self.nothing_std)
        return torch.cat([f.squeeze(-1), g], dim=-1)

    def _network(self, layers: nn.ModuleList, x: Tensor) -> Tensor:
        x = x.clamp(-5, 5)  # What is far from all that was trained on says no more.
        for layer in layers[:-1]:
            x = F.dropout(F.gelu(layer(x)), self.dropout, self.training)
        return layers[-1](x)

    @torch.no_grad()
    def ground(self, entities: Sequence[Entity], objects: Sequence[SceneObject],
               words: Sequence[str]) -> Dict[Entity, Grounding]:
        r"""The choice of each entity, with its probability, see :func:`assigned`.
        Objects without a box are not chosen; if no object has one, nothing is said of
        any entity.

        Args:
            entities (sequence of Entity): The entities of a text.
            objects (sequence of SceneObject): The objects of its image.
            words (sequence of str): The words of the text.
        """
        boxed = [i for i, o in enumerate(objects) if o.box is not None]
        if not boxed or not entities:
            return {}
        entities, like = sorted(entities), self.pair_mean
        made = choices(entities, [objects[i] for i in boxed], len(words))
        shares = self(*(x.to(like) for x in made)).log_softmax(-1).cpu()
        best = assigned(shares, names_of(entities, words))
        return {
            e: _grounding(objects, boxed[b] if b < len(boxed) else None, p)
            for e, b, p in zip(entities, best,
                               shares.exp()[range(len(best)), best].tolist())
        }

    @classmethod
    def pretrained(cls) -> 'GroundingHead':
        r"""The head that comes with the package, trained on GMNER; its card is beside
        it, ``eega_pyg/extraction/weights/gmner_grounding.md``."""
        file = resources.files('eega_pyg.extraction') / 'weights' / _WEIGHTS
        with resources.as_file(file) as path:
            return cls.load(path)

    @classmethod
    def load(cls, path: Union[str, Path]) -> 'GroundingHead':
        r"""Reads what :meth:`save` has written.

        Raises:
            OSError: If the file is missing, damaged, or not a grounding head.
        """
        def make(**config: Any) -> 'GroundingHead':
            if config['pair_size'] != PAIR_SIZE:
                raise ValueError(
                    f"it reads {config['pair_size']} numbers of a pair, and "
                    f"{PAIR_SIZE} are known")
            return cls(**config)

        return load_network(make, path, _FORMAT, 'grounding head')

    def save(self, path: Union[str, Path]) -> None:
        r"""Writes weights and configuration to one safetensors file."""
        save_network(self, path, _FORMAT)

    def identity(self) -> List[Any]:
        r"""All that its choices depend on, as plain values."""
        return [self.config, tensors_sha256(self.state_dict())]

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(hidden={self.config['hidden']})"


def names_of(entities: Sequence[Entity], words: Sequence[str]) -> List[str]:
    r"""What entities are called, whatever the case."""
    return [' '.join(words[e.start:e.end]).casefold() for e in entities]


def assigned(shares: Tensor, names: Sequence[str]) -> List[int]:
    r"""The likeliest choices of all entities of a text together, if no two entities are
    the same object; those with one name are one.

    Of 991 entities with a box in GMNER's dev split, ten share it with another entity.

    Args:
        shares (torch.Tensor): The logarithms of the probabilities of each object and,
            last, of none. :math:`(m, k + 1)`
        names (sequence of str): What each entity is called.

    Returns:
        list: For each entity an object, or :math:`k` for none.
    """
    from scipy.optimize import linear_sum_assignment
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    group = torch.tensor([number[name] for name in names], dtype=torch.long)
    total = shares.double().new_zeros(len(number), shares.size(1))
    total.index_add_(0, group, shares.double())
    gain = (total[:, :-1] - total[:, -1:]).clamp(min=0)
    best = [shares.size(1) - 1] * len(number)
    for i, j in zip(*linear_sum_assignment(gain.numpy(), maximize=True)):
        if gain[i, j] > 0:
            best[i] = int(j)
    return [best[i] for i in group.tolist()]


def by_plan(entities: Sequence[Entity], scene_graph: SceneGraph,
            alignment: 'Alignment') -> Dict[Entity, Grounding]:
    r"""The object with a box to which most of an entity's mass goes by the plan of the
    Wasserstein distance; the score is that share of its mass. A plan has no place for
    what is not seen, so every entity is some object.

    Args:
        entities (sequence of Entity): The entities of a text.
        scene_graph (SceneGraph): What is seen in its image.
        alignment (Alignment): The alignment of the two.
    """
    objects = scene_graph.objects
    boxed = [i for i, o in enumerate(objects) if o.box is not None]
    if not boxed:
        return {}
    found = {}
    for entity in entities:
        share = alignment.of(entity)[0]
        best = max(boxed, key=lambda i: share[i])
        found[entity] = _grounding(objects, best, float(share[best]))
    return found


def _grounding(objects: Sequence[SceneObject], index: Optional[int],
               score: float) -> Grounding:
    box = None if index is None else objects[index].box
    return Grounding(index, min(score, 1.0), box)
