r"""Image captions to scene graphs."""
import os
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, List, Sequence, Union

from typing_extensions import TypedDict

from eega_pyg.json_yaml import read_lines
from eega_pyg.parsing import Parser, tracked
from eega_pyg.schema import (
    Name,
    SceneGraph,
    SceneObject,
    ScenePredicate,
    Text,
    short,
    validated,
)
from eega_pyg.vision.captions.graph import CaptionGraph
from eega_pyg.vision.captions.words import simplified

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

#: A number that grows whenever a rule or a word list changes. The names of processed
#: files depend on it, so that a change rebuilds them.
CAPTION_RULES = 5
#: What comes after so many words or characters of a caption is not read.
MAX_WORDS, MAX_CHARACTERS = 1000, 10_000


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
    - Coordination distributes over subjects and objects. Two who do something to each
      other ("hugging each other on a court") are related by it, and each is where they
      do it (``'on'``).
    - Some names have two words ("hot dog" is no dog), and what is written stands for
      itself with or without quotes ("the word love" is a word).
    - After "a", "another" or a number, a mention is a new object. Otherwise it is the
      earlier object with the same noun, if there is one. "He" is the last person named
      (at the beginning of a sentence: the first person of the sentence before), and
      "it" the last thing.
    - These make no object: words about the picture itself ("a photo of", "for the
      camera"), places that belong to a preposition ("in the background"), what is
      absent ("without a hat"), quoted text, times, bare colours, what has no shape
      ("importance"), and conclusions ("This suggests that …").
    - If there are more than :obj:`max_objects` objects, those in most predicates are
      kept, and among equals the earlier ones. Their order does not change.
    - Of a caption, the first :obj:`MAX_WORDS` words and :obj:`MAX_CHARACTERS`
      characters are read.

    Args:
        nlp (spacy.language.Language or Parser): A pipeline with a tagger, a parser
            and a lemmatizer for English.
        max_objects (int): The most objects that are kept.
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
                raise ValueError(
                    f"Caption {i}: expected a string (got {short(caption)})")
        texts = [
            simplified(' '.join(caption[:MAX_CHARACTERS].split()[:MAX_WORDS]))
            for caption in captions
        ]
        distinct = list(dict.fromkeys(texts))
        docs = self.nlp.pipe(distinct, batch_size=256, disable=['ner'])
        graphs: Dict[str, SceneGraph] = {}
        for text, doc in tracked(zip(distinct, docs), len(distinct), progress):
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


class _Line(TypedDict):
    img_id: Name
    caption: Text


def read_captions(
        paths: Union[str, Path, Iterable[Union[str, Path]]]) -> Dict[str, str]:
    r"""Reads captions from files of JSON lines. Each image has a line ``{"img_id": "…",
    "caption": "…"}``; blank lines are skipped.

    Args:
        paths (path or list of paths): The files.

    Returns:
        The caption of each image, in the order of the files.

    Raises:
        OSError: If a file cannot be opened.
        ValueError: Naming file, line and field, if a line is wrong, or if an image has
            two different captions.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    captions: Dict[str, str] = {}
    for path in paths:
        for number, value in read_lines(path):
            where = f'{path}:{number}'
            line: _Line = validated(_Line, value, where)
            image, caption = line['img_id'], line['caption']
            if captions.setdefault(image, caption) != caption:
                raise ValueError(f"{where}: image {short(image)} has another caption "
                                 f"already ({short(captions[image])})")
    return captions
