r"""Detectors of transformers that look for whatever they are told to."""
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from eega_pyg.identity import digest
from eega_pyg.schema import short
from eega_pyg.vision.detectors.detection import Detection
from eega_pyg.vision.detectors.families import probabilities
from eega_pyg.vision.detectors.text_labels import TextLabels
from eega_pyg.vision.detectors.transformers_detector import TransformersDetector

if TYPE_CHECKING:
    from PIL.Image import Image

    from eega_pyg.vision.detectors.transformers_detector import Labels

# OWL was trained with sentences like this one.
_SENTENCE = 'a photo of a {}'


class ZeroShotDetector(TransformersDetector):
    r"""A detector of transformers that is given its labels: Grounding DINO or OWL.
    :func:`~eega_pyg.vision.from_transformers` loads one.

    The labels are either :obj:`labels`, or those that
    :class:`~eega_pyg.vision.detectors.text_labels.TextLabels` finds in the text beside
    the image, so that what is seen depends on what is said.

    =============================  ===================================================
    family                         feature of an object, and its score
    =============================  ===================================================
    Grounding DINO (also MM)       the query behind the decoder's last layer
                                   (``d_model``); the mean probability of the word
                                   pieces of its label
    OWL-ViT, OWLv2                 the class embedding of its patch, which the model
                                   compares with those of the labels
                                   (``text_config.hidden_size``); the probability of
                                   its label
    =============================  ===================================================

    Args:
        model (transformers.PreTrainedModel): The model.
        processor (transformers.ProcessorMixin): Scales images and cuts texts.
        labels (sequence of str, optional): What is looked for; by default what is named
            in the texts.
        **kwargs (optional): Further arguments of
            :class:`~eega_pyg.vision.TransformersDetector`.

    Raises:
        ValueError: If there are no labels, or more than the model can read at once.
    """
    def __init__(self, model: Any, processor: Any,
                 labels: Optional[Sequence[str]] = None, **kwargs: Any) -> None:
        super().__init__(model, processor, labels, **kwargs)
        self.text_labels = TextLabels() if labels is None else None

    def _checked(self, labels: Optional[Sequence[str]],
                 processor: Any) -> Optional['Labels']:
        self.tokenizer = processor.tokenizer
        if labels is None:
            return None
        if isinstance(labels, str) or not labels or not all(
                isinstance(label, str) and label.strip() for label in labels):
            raise ValueError(f"Expected labels to look for, e.g. ['person', 'red cup'] "
                             f"(got {short(labels)})")
        labels = tuple(dict.fromkeys(labels))
        if (n := len(self._fitting(labels))) < len(labels):
            raise ValueError(f"The model reads the first {n} of {len(labels)} labels "
                             f"only: give fewer")
        return labels

    @property
    def reads_text(self) -> bool:
        r"""Whether its labels are those in the text beside an image."""
        return self.labels is None

    def batch(self, images: Sequence['Image'],
              texts: Optional[Sequence[str]] = None) -> List[Detection]:
        r"""Detects objects in upright RGB pictures, in their order.

        Args:
            images (sequence of PIL.Image.Image): The pictures.
            texts (sequence of str, optional): The text beside each; needed if no labels
                were given.

        Raises:
            ValueError: If there is not a text for each picture.
        """
        if self.labels is not None:
            return super().batch(images)
        if texts is None or len(texts) != len(images):
            raise ValueError(f"Expected a text beside each of {len(images)} images, "
                             f"whose words are looked for (got "
                             f"{'none' if texts is None else len(texts)}): give texts, "
                             f"or give the detector its labels")
        assert self.text_labels is not None
        labels = [self._fitting(found) for found in self.text_labels(texts)]
        spoken = [i for i, found in enumerate(labels) if found]
        found = dict(
            zip(spoken,
                self._detect([images[i] for i in spoken], [labels[i] for i in spoken])))
        nothing = Detection(torch.zeros(0, 4), [], torch.zeros(0))
        return [found.get(i, nothing) for i in range(len(images))]

    def _pieces(self, label: str) -> List[int]:
        # In a text of phrases, a full stop ends one.
        text = ' '.join(label.lower().replace('.', ' ').split())
        return self.tokenizer(text, add_special_tokens=False)['input_ids']

    def _fitting(self, labels: 'Labels') -> 'Labels':
        r"""The first labels that the model can read at once."""
        if self.family.prompt == 'queries':
            return labels
        length, kept = 2, 0  # The marks of the text's beginning and end.
        for label in labels:
            length += len(self._pieces(label)) + 1
            kept += length <= self.model.config.max_text_len
        return labels[:kept]

    def _scored(self, inputs: Dict[str, Tensor],
                labels: 'Labels') -> Tuple[Any, Tensor]:
        n = len(inputs['pixel_values'])
        if self.family.prompt == 'queries':
            text = self._queries(labels, n)
            outputs = self.model(**inputs, **text)
            return outputs, probabilities(self.family, outputs.logits.float())
        ids, places = self._phrases(labels)
        text = {
            'input_ids': torch.tensor([ids] * n, device=self.device),
            'token_type_ids': torch.zeros(n, len(ids), dtype=torch.long,
                                          device=self.device),
            'attention_mask': torch.ones(n, len(ids), dtype=torch.long,
                                         device=self.device),
        }
        outputs = self.model(**inputs, **text)
        each = probabilities(self.family, outputs.logits.float())  # [B, Q, pieces]
        return outputs, torch.stack(
            [each[..., start:stop].mean(-1) for start, stop in places], -1)

    def _phrases(self, labels: 'Labels') -> Tuple[List[int], List[Tuple[int, int]]]:
        r"""The word pieces of "label. label. label." and the place of each label."""
        begin, *_, end = self.tokenizer('')['input_ids']
        stop, = self.tokenizer('.', add_special_tokens=False)['input_ids']
        ids, places = [begin], []
        for label in labels:
            pieces = self._pieces(label)
            places.append((len(ids), len(ids) + len(pieces)))
            ids += [*pieces, stop]
        return [*ids, end], places

    def _queries(self, labels: 'Labels', n: int) -> Dict[str, Tensor]:
        r"""The word pieces of a sentence for each label, for each of some images."""
        length = self.model.config.text_config.max_position_embeddings
        text = self.tokenizer([_SENTENCE.format(label) for label in labels],
                              padding='max_length', truncation=True, max_length=length,
                              return_tensors='pt')
        return {
            key: text[key].repeat(n, 1).to(self.device)
            for key in ('input_ids', 'attention_mask')
        }

    def identity(self) -> List[Any]:
        r"""All that its detections depend on, as plain values."""
        return [
            *super().identity(),
            digest(self.tokenizer.get_vocab()), self.text_labels
            and self.text_labels.identity()
        ]
