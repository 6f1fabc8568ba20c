r"""Two objects to a distribution over the predicates between them."""
import json
import os
from importlib import resources
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn

from eega_pyg.files import atomic, short_reason
from eega_pyg.identity import sha256, tensors_sha256
from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate
from eega_pyg.vision.predicates.geometry import pair_geometry
from eega_pyg.vision.predicates.label_embedder import ENCODER, LabelEmbedder
from eega_pyg.vision.predicates.network import PairNetwork

_FORMAT = 'eega_pyg.predicate_model.1'
_CHUNK = 4096


def weights_fingerprint() -> str:
    r"""Tells the package's weights from those of another version."""
    file = resources.files(
        'eega_pyg.vision.predicates') / 'weights' / 'vrd_predicates.safetensors'
    return sha256(file.read_bytes())[:12]


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
    """
    def __init__(self, predicates: Sequence[str], num_networks: int = 4,
                 label_size: int = 384, projection: int = 32, hidden: int = 128,
                 encoder: str = ENCODER) -> None:
        super().__init__()
        self.predicates = tuple(predicates)
        self.config: Dict[str, Any] = {
            'predicates': list(predicates),
            'num_networks': num_networks,
            'label_size': label_size,
            'projection': projection,
            'hidden': hidden,
            'encoder': encoder,
        }
        self.networks = nn.ModuleList(
            PairNetwork(label_size, len(self.predicates), projection, hidden)
            for _ in range(num_networks))
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
        from safetensors import SafetensorError, safe_open
        if not os.path.isfile(path):
            raise FileNotFoundError(f"'{path}': there is no such predicate model")
        try:
            with safe_open(os.fspath(path), 'pt') as f:
                metadata = f.metadata() or {}
                state = {key: f.get_tensor(key).float() for key in f.keys()}
        except (SafetensorError, ValueError, OSError) as e:
            raise OSError(f"'{path}' is no safetensors file: {e}") from None
        if metadata.get('format') != _FORMAT:
            raise OSError(f"'{path}' is no predicate model of this library (format "
                          f"{metadata.get('format')!r}, expected '{_FORMAT}')")
        try:
            model = cls(**json.loads(metadata['config']))
            model.load_state_dict(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as e:
            raise OSError(f"'{path}' is a damaged predicate model: "
                          f"{short_reason(e, 200)}") from None
        return model.eval()

    def save(self, path: Union[str, Path]) -> None:
        r"""Writes weights (in half precision) and configuration to one safetensors
        file."""
        from safetensors.torch import save_file
        state = {k: v.half().contiguous() for k, v in self.state_dict().items()}
        with atomic(path) as temporary:
            save_file(state, temporary, {
                'format': _FORMAT,
                'config': json.dumps(self.config)
            })

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
            See :meth:`forward`.

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
            parts.append(self(labels[s], labels[o], pair_geometry(boxes[s], boxes[o])))
        return torch.cat([p for p, _ in parts]), torch.cat([r for _, r in parts])

    def relate(self, graph: SceneGraph, max_objects: int = 32, max_predicates: int = 20,
               min_score: float = 0.1) -> SceneGraph:
        r"""Adds predicates between the objects of a scene graph.

        Of two objects, the likeliest predicate of the likelier direction is taken. Its
        score is the probability that they are related times that of the predicate.

        Args:
            graph (SceneGraph): Objects; those without a box are left alone.
            max_objects (int, optional): Only so many objects with the highest scores
                are related, for the pairs grow with the square.
                (default: :obj:`32`)
            max_predicates (int, optional): Predicates added at most, those with the
                highest scores. (default: :obj:`20`)
            min_score (float, optional): Lower scores are left out.
                (default: :obj:`0.1`)
        """
        boxed = [i for i, o in enumerate(graph.objects) if o.box is not None]
        boxed = sorted(boxed, key=lambda i: -graph.objects[i].score)[:max_objects]
        pairs = [(i, j) for i in boxed for j in boxed if i != j]
        if not pairs:
            return graph
        chosen = [graph.objects[i] for i in boxed]
        place = {i: n for n, i in enumerate(boxed)}
        predicates, related = self.predict(chosen,
                                           [(place[i], place[j]) for i, j in pairs])
        scores, names = (related[:, None] * predicates).max(1)
        best: Dict[Tuple[int, int], ScenePredicate] = {}
        for (i, j), score, name in zip(pairs, scores.tolist(), names.tolist()):
            key = (min(i, j), max(i, j))
            if score >= min_score and (key not in best or score > best[key].score):
                best[key] = ScenePredicate(i, self.predicates[name], j, score)
        found: List[ScenePredicate] = sorted(best.values(), key=lambda p: -p.score)
        return SceneGraph(graph.objects, (*graph.predicates, *found[:max_predicates]))

    def identity(self) -> List[Any]:
        r"""All that its distributions depend on, as plain values."""
        return [self.config, tensors_sha256(self.state_dict())]

    def __repr__(self) -> str:
        return (f"{self.__class__.__name__}({len(self.predicates)} predicates, "
                f"{len(self.networks)} networks)")
