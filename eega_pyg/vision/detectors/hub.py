r"""Detectors of transformers by name, folder or object."""
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Tuple, Union

import torch

from eega_pyg.resolve import load_pretrained
from eega_pyg.vision.detectors.families import Family, family_of
from eega_pyg.vision.detectors.transformers_detector import TransformersDetector
from eega_pyg.vision.detectors.zero_shot import ZeroShotDetector

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def from_transformers(
        model: Union[str, Path, 'PreTrainedModel'], processor: Any = None,
        labels: Optional[Sequence[str]] = None, top_k: int = 10,
        score_threshold: Optional[float] = None, nms_threshold: float = 0.5,
        batch_size: int = 4,
        device: Optional[Union[str, torch.device]] = None) -> TransformersDetector:
    r"""Makes a detector of an object-detection or zero-shot-object-detection model of
    transformers. The families are those of
    :obj:`~eega_pyg.vision.detectors.families.FAMILIES`: DETR, Conditional and
    Deformable DETR, RT-DETR, RT-DETR v2, D-FINE and YOLOS, and, as zero-shot models,
    Grounding DINO, OWL-ViT and OWLv2.

    .. code-block:: python

        parser = SceneParser(from_transformers('PekingU/rtdetr_v2_r18vd'))
        graph, = parser(['photo.jpg'])

        parser = SceneParser(from_transformers('IDEA-Research/grounding-dino-tiny'))
        graph, = parser(['photo.jpg'], ['A woman raises a red cup in Rome'])

    Weights are read from safetensors files only, and no code that lies beside them is
    run.

    Args:
        model (str, Path or transformers.PreTrainedModel): A model of the Hugging Face
            hub, which is downloaded once; a folder; or the model itself.
        processor (optional): What prepares the inputs of a model that is given itself,
            an image processor, or for zero-shot models a processor with a tokenizer.
        labels (sequence of str, optional): For a zero-shot model, what is looked for;
            by default what is named in the text beside an image. For any other model,
            the names of its classes; by default those of its configuration.
        top_k, score_threshold, nms_threshold, batch_size, device (optional): As of
            :class:`~eega_pyg.vision.TransformersDetector`.

    Raises:
        ImportError: If the model needs a library that is not installed (timm), naming
            it.
        OSError: If the model can be neither found nor downloaded, or its files are
            damaged, telling what to do.
        ValueError: If it is of no known family, if this version of transformers does
            not know it, or if a number is out of range.
    """
    if isinstance(model, (str, Path)):
        if processor is not None:
            raise ValueError('A model that is loaded brings its own processor: leave '
                             'out the other one')
        model, processor = _load(os.fspath(model))
    elif processor is None:
        raise ValueError(
            f"A {type(model).__name__} needs its processor beside it, e.g. "
            f"AutoImageProcessor.from_pretrained(...)")
    family = family_of(type(model).__name__, model.config.model_type)
    if family.prompt and not hasattr(processor, 'tokenizer'):
        raise ValueError(f"Expected a processor with a tokenizer for a "
                         f"{type(model).__name__} (got a {type(processor).__name__})")
    kind = ZeroShotDetector if family.prompt else TransformersDetector
    return kind(model, processor, labels, top_k=top_k, score_threshold=score_threshold,
                nms_threshold=nms_threshold, batch_size=batch_size, device=device)


def _load(name: str) -> Tuple['PreTrainedModel', Any]:
    import transformers
    if os.path.isdir(name) and not os.path.isfile(os.path.join(name, 'config.json')):
        raise OSError(f"The folder '{name}' is no detector of transformers: it holds "
                      f"no 'config.json'")
    family = _family(name)
    if family.prompt:
        network: Any = transformers.AutoModelForZeroShotObjectDetection
        prepare: Any = transformers.AutoProcessor
    else:
        network = transformers.AutoModelForObjectDetection
        prepare = transformers.AutoImageProcessor
    processor = load_pretrained(prepare, name, name, 'detector')
    model, info = load_pretrained(network, name, name, 'detector', use_safetensors=True,
                                  output_loading_info=True)
    if missing := sorted(filter(_is_of_head, info['missing_keys'])):
        raise OSError(f"The detector '{name}' lacks the weights that tell classes and "
                      f"boxes ('{missing[0]}', …): it was not trained to detect")
    return model.float(), processor


def _family(name: str) -> Family:
    from transformers import CONFIG_MAPPING, __version__
    config = load_pretrained(_PlainConfig, name, name, 'detector')
    family = family_of(name, model_type := config.get('model_type'))
    if model_type not in CONFIG_MAPPING:
        raise ValueError(f"transformers {__version__} does not know '{model_type}', "
                         f"which '{name}' is: run 'pip install -U transformers'")
    return family


class _PlainConfig:
    # A configuration as it is written, of whatever architecture.
    @staticmethod
    def from_pretrained(path: str, **kwargs: Any) -> Dict[str, Any]:
        from transformers import PretrainedConfig
        kwargs.pop('trust_remote_code')
        return PretrainedConfig.get_config_dict(path, **kwargs)[0]


def _is_of_head(key: str) -> bool:
    # Queries to learn from are no part of detection.
    return ('class' in key or 'box' in key) and 'denoising' not in key
