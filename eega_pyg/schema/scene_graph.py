r"""What is seen in an image."""
import json
from dataclasses import asdict, replace
from typing import Annotated, Any, Optional, Tuple

from pydantic import AfterValidator, model_validator

from eega_pyg.json_yaml import parse_json

from .checks import Index, Name, Number, Share, record, short, validated


def _ordered(box: Tuple[float, ...]) -> Tuple[float, ...]:
    if box[0] > box[2] or box[1] > box[3]:
        raise ValueError(f"expected x1 <= x2 and y1 <= y2 (got {list(box)})")
    return box


@record
class SceneObject:
    r"""An object seen in an image.

    Args:
        label (str): What it is, *e.g.*, ``'red uniform'``.
        score (float): Confidence in ``[0, 1]``.
        box (tuple of float, optional): ``(x1, y1, x2, y2)`` as fractions of the
            image's width and height; :obj:`None` where only a caption was read.
        feature (tuple of float, optional): A feature vector, *e.g.*, of a detector.

    Raises:
        ValueError: Naming the field, if the label is empty, a number is not finite, or
            the score or the box is out of range.
    """
    label: Name
    score: Share = 1.0
    box: Annotated[Optional[Tuple[Share, Share, Share, Share]],
                   AfterValidator(lambda box: box and _ordered(box))] = None
    feature: Optional[Tuple[Number, ...]] = None


@record
class ScenePredicate:
    r"""A typed edge between two objects, given by their positions in the graph.

    Args:
        subject (int): Index of the subject.
        predicate (str): *E.g.*, ``'holding'``.
        object (int): Index of the object.
        score (float): Confidence in ``[0, 1]``.

    Raises:
        ValueError: Naming the field, if an index is negative, the predicate is empty,
            or the score is out of range.
    """
    subject: Index
    predicate: Name
    object: Index
    score: Share = 1.0


@record
class SceneGraph:
    r"""What is seen in an image: objects and the predicates between them.

    Args:
        objects (tuple of SceneObject): The objects.
        predicates (tuple of ScenePredicate): The predicates.

    Raises:
        ValueError: Naming the field, if the features differ in size or a predicate
            points nowhere.
    """
    objects: Tuple[SceneObject, ...] = ()
    predicates: Tuple[ScenePredicate, ...] = ()

    @model_validator(mode='before')
    @classmethod
    def _has_objects(cls, value: Any) -> Any:
        if isinstance(value, dict) and 'objects' not in value:
            raise ValueError("missing 'objects'")
        return value

    def __post_init__(self) -> None:
        sizes = {len(o.feature) for o in self.objects if o.feature is not None}
        if len(sizes) > 1:
            raise ValueError(f"objects: features of different sizes {sorted(sizes)}")
        for i, predicate in enumerate(self.predicates):
            for name in ('subject', 'object'):
                if (index := getattr(predicate, name)) >= len(self.objects):
                    raise ValueError(f"predicates[{i}].{name}: there is no object "
                                     f"{short(index)} (the graph has "
                                     f"{len(self.objects)} objects)")

    def top(self, k: int) -> 'SceneGraph':
        r"""The subgraph of the :obj:`k` objects with the highest scores; of equal
        scores the earlier object stays. The order of the objects is kept."""
        ranked = sorted(range(len(self.objects)), key=lambda i:
                        (-self.objects[i].score, i))
        kept = sorted(ranked[:k])
        new = {old: i for i, old in enumerate(kept)}
        return SceneGraph(
            tuple(self.objects[i] for i in kept),
            tuple(
                ScenePredicate(new[p.subject], p.predicate, new[p.object], p.score)
                for p in self.predicates if p.subject in new and p.object in new))

    def without_features(self) -> 'SceneGraph':
        r"""The same objects and predicates, without the feature vectors."""
        return SceneGraph(tuple(replace(o, feature=None) for o in self.objects),
                          self.predicates)

    def to_dict(self) -> dict:
        r"""Plain lists and dicts; absent boxes and features are left out."""
        objects = [{
            k: list(v) if k in ('box', 'feature') else v
            for k, v in vars(o).items() if v is not None
        } for o in self.objects]
        return {'objects': objects, 'predicates': [asdict(p) for p in self.predicates]}

    @classmethod
    def from_dict(cls, value: Any) -> 'SceneGraph':
        r"""The inverse of :meth:`to_dict`; a :class:`ValueError` names the field."""
        return validated(SceneGraph, value)

    def to_json(self) -> str:
        r"""The JSON of :meth:`to_dict`, in one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> 'SceneGraph':
        r"""The inverse of :meth:`to_json`; a :class:`ValueError` says what is wrong."""
        return cls.from_dict(parse_json(text))
