r"""Two objects to a distribution over the predicates between them."""
from importlib import resources
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn

from eega_pyg.identity import sha256, tensors_sha256
from eega_pyg.network_file import load_network, save_network
from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate, short
from eega_pyg.vision.predicates.geometry import pair_geometry
from eega_pyg.vision.predicates.label_embedder import ENCODER, LabelEmbedder
from eega_pyg.vision.predicates.network import PairNetwork
from eega_pyg.vision.predicates.ranking import RANKING_RULES, SPATIAL, chosen

#: Predicates that change places when an image is mirrored.
MIRRORED = ('on the left of', 'on the right of')

_FORMAT = 'eega_pyg.predicate_model.1'
_CHUNK = 4096
# A predicate of fewer annotations is weighted as if it had so many.
_RARE = 50


def _mirror(boxes: Tensor) -> Tensor:
    x1, y1, x2, y2 = boxes.unbind(-1)
    return torch.stack([1 - x2, y1, 1 - x1, y2], -1)


def weights_fingerprint() -> str:
    r"""Tells the predicates of the package's weights from those of another version."""
    file = resources.files(
        'eega_pyg.vision.predicates') / 'weights' / 'vrd_predicates.safetensors'
    return sha256(file.read_bytes() + bytes([RANKING_RULES]))[:12]


class PredicateModel(nn.Module):
    r"""Subject label, object label and the geometry of their boxes to a distribution
    over predicates, as visual relationship detection has it (`"Visual Relationship
    Detection with Language Priors" <https://arxiv.org/abs/1608.00187>`_).

    Labels enter through the vectors of a text encoder, so that any label works. The
    distributions of several
    :class:`~eega_pyg.vision.predicates.network.PairNetwork` are averaged.

    .. code-block:: python

        model = PredicateModel.pretrained()
        graph = model.relate(SceneGraph((SceneObject('man', box=(.3, .1, .6, .9)),
                                         SceneObject('horse', box=(.2, .4, .8, 1.)))))

    Args:
        predicates (sequence of str): The predicates.
        num_networks (int, optional): Networks that are averaged. (default: :obj:`4`)
        label_size (int, optional): Size of a label's vector. (default: :obj:`384`)
        projection (int, optional): Size of a projected label. (default: :obj:`32`)
        hidden (int, optional): Size of the hidden layers. (default: :obj:`128`)
        encoder (str, optional): The text encoder of the labels.
            (default: :obj:`"sentence-transformers/all-MiniLM-L6-v2"`)
        counts (sequence of int, optional): How often each predicate was annotated in
            training, for :meth:`weighted`. (default: :obj:`None`)
        rarity (float, optional): What the mean recall over predicates is worth beside
            the recall, for :meth:`weighted`. (default: :obj:`0`)

    Raises:
        ValueError: If there is not one positive count for each predicate, or
            :obj:`rarity` is negative.
    """
    def __init__(self, predicates: Sequence[str], num_networks: int = 4,
                 label_size: int = 384, projection: int = 32, hidden: int = 128,
                 encoder: str = ENCODER, counts: Optional[Sequence[int]] = None,
                 rarity: float = 0.) -> None:
        super().__init__()
        self.predicates = tuple(predicates)
        if counts is not None and (len(counts) != len(self.predicates)
                                   or min(counts, default=1) < 1):
            raise ValueError(f"Expected counts to be {len(self.predicates)} positive "
                             f"numbers (got {short(counts)})")
        if rarity < 0:
            raise ValueError(f"Expected rarity >= 0 (got {rarity})")
        self.config: Dict[str, Any] = {
            'predicates': list(predicates),
            'num_networks': num_networks,
            'label_size': label_size,
            'projection': projection,
            'hidden': hidden,
            'encoder': encoder,
            'counts': None if counts is None else list(counts),
            'rarity': rarity,
        }
        self.networks = nn.ModuleList(
            PairNetwork(label_size, len(self.predicates), projection, hidden)
            for _ in range(num_networks))
        other = dict(zip(MIRRORED, reversed(MIRRORED)))
        self._mirrored = [
            self.predicates.index(other.get(p, p))
            if other.get(p, p) in predicates else i
            for i, p in enumerate(self.predicates)
        ]
        self._embedder: Optional[LabelEmbedder] = None

    @classmethod
    def pretrained(cls) -> 'PredicateModel':
        r"""The model that comes with the package, trained on VRD; its card is beside
        it, ``eega_pyg/vision/predicates/weights/vrd_predicates.md``."""
        file = resources.files('eega_pyg.vision.predicates') / 'weights'
        with resources.as_file(file / 'vrd_predicates.safetensors') as path:
            return cls.load(path)

    @classmethod
    def load(cls, path: Union[str, Path]) -> 'PredicateModel':
        r"""Reads what :meth:`save` has written.

        Raises:
            OSError: If the file is missing, damaged, or not a predicate model.
        """
        return load_network(cls, path, _FORMAT, 'predicate model')

    def save(self, path: Union[str, Path]) -> None:
        r"""Writes weights (in half precision) and configuration to one safetensors
        file."""
        save_network(self, path, _FORMAT, torch.half)

    @property
    def embedder(self) -> LabelEmbedder:
        r"""The text encoder of the labels, loaded when it is first asked for."""
        if self._embedder is None:
            self._embedder = LabelEmbedder(self.config['encoder'])
        return self._embedder

    def forward(self, subject: Tensor, object: Tensor,
                geometry: Tensor) -> Tuple[Tensor, Tensor]:
        r"""Averages the networks.

        Args:
            subject (torch.Tensor): Vectors of the subjects' labels :obj:`[P, D]`.
            object (torch.Tensor): Vectors of the objects' labels :obj:`[P, D]`.
            geometry (torch.Tensor): See
                :func:`~eega_pyg.vision.predicates.geometry.pair_geometry`
                :obj:`[P, 44]`.

        Returns:
            The probability of each predicate, if the two are related :obj:`[P, C]`, and
            that they are :obj:`[P]`.
        """
        logits = torch.stack([n(subject, object, geometry) for n in self.networks])
        predicates = logits[..., :-1].softmax(-1).mean(0)
        return predicates, logits[..., -1].sigmoid().mean(0)

    @torch.no_grad()
    def predict(self, objects: Sequence[SceneObject],
                pairs: Sequence[Tuple[int, int]]) -> Tuple[Tensor, Tensor]:
        r"""The distributions of pairs of objects.

        Args:
            objects (sequence of SceneObject): Objects with boxes.
            pairs (sequence of tuple): Positions of subject and object.

        Returns:
            See :meth:`of_boxes`.

        Raises:
            ValueError: If an object of a pair has no box.
        """
        if not pairs:
            return torch.zeros(0, len(self.predicates)), torch.zeros(0)
        for i in sorted({i for pair in pairs for i in pair}):
            if objects[i].box is None:
                raise ValueError(f"objects[{i}].box: the predicate model needs a box")
        like = next(self.parameters())
        labels = self.embedder([o.label for o in objects]).to(like)
        boxes = torch.tensor([o.box or (0., 0., 0., 0.) for o in objects]).to(like)
        parts = []
        for chunk in torch.tensor(pairs).split(_CHUNK):
            s, o = chunk.t()
            parts.append(self.of_boxes(labels[s], labels[o], boxes[s], boxes[o]))
        return torch.cat([p for p, _ in parts]), torch.cat([r for _, r in parts])

    def of_boxes(self, subject: Tensor, object: Tensor, subject_box: Tensor,
                 object_box: Tensor) -> Tuple[Tensor, Tensor]:
        r"""The mean of :meth:`forward` over a picture and its mirror image, where what
        is on the left is on the right.

        Args:
            subject (torch.Tensor): Vectors of the subjects' labels :obj:`[P, D]`.
            object (torch.Tensor): Vectors of the objects' labels :obj:`[P, D]`.
            subject_box (torch.Tensor): Boxes of the subjects :obj:`[P, 4]`.
            object_box (torch.Tensor): Boxes of the objects :obj:`[P, 4]`.
        """
        seen, related = self(subject, object, pair_geometry(subject_box, object_box))
        mirrored, again = self(subject, object,
                               pair_geometry(_mirror(subject_box), _mirror(object_box)))
        return (seen + mirrored[:, self._mirrored]) / 2, (related + again) / 2

    def weighted(self, predicates: Tensor) -> Tensor:
        r"""What choosing a predicate is worth:

        .. math::
            w_c(\mathbf{x}) = p_c(\mathbf{x})
            \Big(1 + \rho \frac{N}{\max(n_c, m)}\Big),

        where :math:`n_c` of the :math:`N` training triples have the predicate. Of all
        ways to choose one predicate a pair, the largest :math:`w_c` has the highest
        expected sum of the recall and :math:`\rho` times the number of predicates times
        the mean recall over predicates, if :math:`p_c` are the probabilities. They are
        poor where a predicate was hardly ever seen, hence :math:`m`.

        Args:
            predicates (torch.Tensor): Probabilities :obj:`[P, C]`.
        """
        counts, rarity = self.config['counts'], self.config['rarity']
        if counts is None or rarity == 0:
            return predicates
        n = torch.tensor(counts).to(predicates)
        return predicates * (1 + rarity * n.sum() / n.clamp(min=_RARE))

    def relate(self, graph: SceneGraph, max_objects: int = 32, max_predicates: int = 20,
               min_score: float = 0.1, repeat: float = 0.5,
               spatial: bool = True) -> SceneGraph:
        r"""Adds predicates between the objects of a scene graph.

        A predicate's score is the probability that the two objects are related times
        that of the predicate. Of two objects, the one that is worth most
        (:meth:`weighted`), in the better direction, comes first; which of all the graph
        keeps, tells ``ranking.chosen``.

        Args:
            graph (SceneGraph): Objects; those without a box are left alone.
            max_objects (int, optional): Only so many objects with the highest scores
                are related, for the pairs grow with the square.
                (default: :obj:`32`)
            max_predicates (int, optional): Predicates added at most.
                (default: :obj:`20`)
            min_score (float, optional): Lower scores are left out.
                (default: :obj:`0.1`)
            repeat (float, optional): What each repeat of a spatial predicate between
                the same labels counts of the one before. (default: :obj:`0.5`)
            spatial (bool, optional): If :obj:`False`, predicates that only tell where
                two boxes are to each other ("behind", "next to") are not looked at.
                (default: :obj:`True`)
        """
        boxed = [i for i, o in enumerate(graph.objects) if o.box is not None]
        boxed = sorted(boxed, key=lambda i: -graph.objects[i].score)[:max_objects]
        pairs = [(i, j) for i in boxed for j in boxed if i != j]
        if not pairs:
            return graph
        objects = [graph.objects[i] for i in boxed]
        place = {i: n for n, i in enumerate(boxed)}
        predicates, related = self.predict(objects,
                                           [(place[i], place[j]) for i, j in pairs])
        if not spatial:
            here = torch.tensor([p not in SPATIAL for p in self.predicates])
            predicates = predicates * here.to(predicates)
        scores = related[:, None] * predicates
        worth = related[:, None] * self.weighted(predicates)
        likely = scores >= min_score
        candidates = [(value,
                       ScenePredicate(pairs[row][0], self.predicates[name],
                                      pairs[row][1], score))
                      for (row, name), value, score in zip(likely.nonzero().tolist(
                      ), worth[likely].tolist(), scores[likely].tolist())]
        found = chosen(graph.objects, candidates, max_predicates, min_score, repeat)
        return SceneGraph(graph.objects, (*graph.predicates, *found))

    def identity(self) -> List[Any]:
        r"""All that its distributions depend on, as plain values."""
        return [self.config, tensors_sha256(self.state_dict())]

    def __repr__(self) -> str:
        return (f"{self.__class__.__name__}({len(self.predicates)} predicates, "
                f"{len(self.networks)} networks)")
