r"""Image captions to scene graphs."""
import json
import os
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Sequence, Union

from eega_pyg.parsing import Parser, tracked
from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate
from eega_pyg.vision.captions.graph import CaptionGraph
from eega_pyg.vision.captions.words import simplified

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

#: Raised whenever a rule or word list changes: a data set's processed files carry it.
CAPTION_RULES = 3


class CaptionParser:
    r"""Reads a caption into a scene graph: noun phrases are its objects, verbs and
    prepositions its predicates (the role that a scene-graph detector has in
    `"Joint Multimodal Entity-Relation Extraction Based on Edge-enhanced Graph
    Alignment Network and Word-pair Relation Tagging"
    <https://arxiv.org/abs/2211.15028>`_).

    The rules:

    - An object's label is the lemma of the head noun behind its adjectives and
      compound parts, in lower case (``'red uniform'``). Counts are dropped: "two men"
      are one object ``'man'``, and "a group of men" are ``'man'``, too.
    - A predicate is the lemma of a verb with its particle, preposition or both
      (``'hold'``, ``'sit at'``), or a preposition (``'in front of'``); a passive
      with its agent is turned round; a possessor ("Ann's coat", "his hand") is the
      subject of ``'have'``.
    - Coordination distributes over subjects and objects. A mention is a new object
      after "a", "another" or a number, and else an earlier one with the same noun, if
      there is one. "He" is the last person named (at the beginning of a sentence,
      the first person of the sentence before), "it" the same among things.
    - No object is what speaks of the picture itself ("a photo of", "for the camera"),
      a place that belongs to a preposition ("in the background"), what is absent
      ("without a hat"), written text in quotes, a time, a bare colour, what has no
      shape ("importance"), or a conclusion ("This suggests that …").
    - Of more than :obj:`max_objects` objects, those in most predicates stay; of
      equals, the earlier ones. Their order is kept.

    Args:
        nlp (spacy.language.Language or Parser): A pipeline with a tagger, a parser
            and a lemmatizer for English.
        max_objects (int): The number of objects that are kept at most.
            (default: :obj:`10`)

    Raises:
        ValueError: If the pipeline lacks a part or :obj:`max_objects` is not positive.
    """
    def __init__(self, nlp: Union['Language', Parser], max_objects: int = 10) -> None:
        if max_objects < 1:
            raise ValueError(f"Expected max_objects >= 1 (got {max_objects})")
        self.nlp = nlp.nlp if isinstance(nlp, Parser) else nlp
        for name in ('tagger', 'parser', 'lemmatizer'):
            if name not in self.nlp.pipe_names:
                raise ValueError(f"Captions need a spaCy pipeline with a {name} (got "
                                 f"{', '.join(self.nlp.pipe_names) or 'an empty one'})")
        self.max_objects = max_objects

    def parse(self, captions: Sequence[str],
              progress: bool = False) -> List[SceneGraph]:
        r"""Reads captions; equal ones are parsed once.

        Args:
            captions (list of str): One caption an image; an empty one gives an empty
                graph.
            progress (bool): Shows a progress bar. (default: :obj:`False`)

        Raises:
            ValueError: If a caption is not a string.
        """
        if isinstance(captions, str):
            raise ValueError('Expected a list of captions (got a single string)')
        for i, caption in enumerate(captions):
            if not isinstance(caption, str):
                raise ValueError(f"Caption {i}: expected a string (got {caption!r})")
        texts = [simplified(caption) for caption in captions]
        distinct = list(dict.fromkeys(texts))
        docs = self.nlp.pipe(distinct, batch_size=256, disable=['ner'])
        graphs: Dict[str, SceneGraph] = {}
        for text, doc in zip(distinct, tracked(docs, len(distinct), progress)):
            graphs[text] = self._graph(doc)
        return [graphs[text] for text in texts]

    def _graph(self, doc: 'Doc') -> SceneGraph:
        graph = CaptionGraph(doc)
        degree = [0] * len(graph.objects)
        for subject, _, obj in graph.triples:
            degree[subject] += 1
            degree[obj] += 1
        ranked = sorted(range(len(degree)), key=lambda i: (-degree[i], i))
        new = {old: i for i, old in enumerate(sorted(ranked[:self.max_objects]))}
        return SceneGraph(
            tuple(SceneObject(graph.objects[i].label) for i in new),
            tuple(
                ScenePredicate(new[s], name, new[o]) for s, name, o in graph.triples
                if s in new and o in new))

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(max_objects={self.max_objects})"


def read_captions(
    paths: Union[str, 'os.PathLike[str]', Iterable[Union[str, 'os.PathLike[str]']]]
) -> Dict[str, str]:
    r"""Reads captions from JSONL files with a line
    ``{"img_id": "…", "caption": "…"}`` an image; blank lines are skipped.

    Args:
        paths (path or list of paths): The files.

    Returns:
        The caption of each image, in the order of the files.

    Raises:
        OSError: If a file cannot be opened.
        ValueError: Naming file and line, if a line is something else, or if an image
            has two different captions.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    captions: Dict[str, str] = {}
    for path in paths:
        with open(path, 'rb') as f:
            for number, line in enumerate(f, start=1):
                if not line.strip():
                    continue
                where = f'{os.fspath(path)}:{number}'
                image, caption = _record(where, line)
                if captions.setdefault(image, caption) != caption:
                    raise ValueError(f"{where}: image '{image}' has another caption "
                                     f"already ({captions[image]!r})")
    return captions


def _record(where: str, line: bytes) -> 'tuple[str, str]':
    try:
        value: Any = json.loads(line.decode('utf-8-sig'))
    except UnicodeDecodeError:
        raise ValueError(f"{where}: not UTF-8") from None
    except (ValueError, RecursionError) as e:
        raise ValueError(f"{where}: not valid JSON: {e}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object with 'img_id' and 'caption' "
                         f"(got {type(value).__name__})")
    for key in ('img_id', 'caption'):
        if key not in value:
            raise ValueError(f"{where}: missing '{key}'")
        if not isinstance(value[key], str):
            raise ValueError(f"{where}: expected a string in '{key}' "
                             f"(got {value[key]!r})")
        try:
            value[key].encode()
        except UnicodeEncodeError:
            raise ValueError(f"{where}: half of a surrogate pair in '{key}'") from None
    if not value['img_id'].strip():
        raise ValueError(f"{where}: expected a non-empty 'img_id'")
    return value['img_id'], value['caption']
