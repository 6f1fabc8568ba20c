r"""How each family of transformers' detectors says what it has found."""
from typing import Any, Dict, NamedTuple

from torch import Tensor


class Family(NamedTuple):
    r"""What tells one family from another.

    Args:
        softmax (bool): Whether the classes of a query exclude each other, and the last
            one is "no object". Otherwise each class has a probability of its own.
        features (str): The output that has a vector for each query.
        prompt (str): How labels are given as text: ``''`` if the classes are fixed,
            ``'phrases'`` in one text, or ``'queries'``, a text each.
        square (bool): Whether pictures are filled up to a square, so that boxes are
            fractions of their longer side.
        score (float): The least score of an object, if nothing else is asked for; of
            zero-shot models what transformers takes, for their scores are lower.
    """
    softmax: bool = False
    features: str = 'last_hidden_state'
    prompt: str = ''
    square: bool = False
    score: float = 0.3


#: The families by the ``model_type`` of their configuration.
FAMILIES: Dict[str, Family] = {
    'conditional_detr': Family(),
    'd_fine': Family(),
    'deformable_detr': Family(),
    'detr': Family(softmax=True),
    'grounding-dino': Family(prompt='phrases', score=0.25),
    'mm-grounding-dino': Family(prompt='phrases', score=0.25),
    'owlv2': Family(features='class_embeds', prompt='queries', square=True, score=0.1),
    'owlvit': Family(features='class_embeds', prompt='queries', score=0.1),
    'rt_detr': Family(),
    'rt_detr_v2': Family(),
    'yolos': Family(softmax=True),
}


def family_of(name: str, model_type: Any) -> Family:
    r"""The family of a model.

    Args:
        name (str): What an error calls the model.
        model_type (str): The ``model_type`` of its configuration.

    Raises:
        ValueError: If it is none of :obj:`FAMILIES`.
    """
    family = FAMILIES.get(model_type) if isinstance(model_type, str) else None
    if family is None:
        raise ValueError(f"'{name}' is no detector that can be used here: its "
                         f"'model_type' is {str(model_type)[:60]!r}, expected one of "
                         f"{', '.join(FAMILIES)}")
    return family


def probabilities(family: Family, logits: Tensor) -> Tensor:
    r"""The probability that a query is of a class :obj:`[B, Q, classes]`. The logits
    have one class more where the last one is "no object"."""
    return logits.softmax(-1)[..., :-1] if family.softmax else logits.sigmoid()


def query_states(family: Family, outputs: Any) -> Tensor:
    r"""The vector of each query :obj:`[B, Q, D]`. The last ones, because YOLOS has
    those of the patches in front of them."""
    return getattr(outputs, family.features)[:, -outputs.logits.shape[1]:]
