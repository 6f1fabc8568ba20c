r"""A knowledge graph that knows the sentences of each of its parts."""
from dataclasses import replace
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    AbstractSet,
    Any,
    Iterable,
    Mapping,
    Optional,
    Sized,
    Union,
)

from eega_pyg.extraction.result import Result
from eega_pyg.parsing import tracked
from eega_pyg.schema import JMERE_SYMMETRIC, Share, validated

from .builder import Builder
from .formats import jsonl
from .formats.write import write
from .linking import Linker
from .network import to_networkx
from .records import GraphData

if TYPE_CHECKING:
    import networkx as nx

    from .tables import Tables


class ResultError(ValueError):
    r"""Raised if a mapping is not what :meth:`Result.to_dict` makes.

    Args:
        index (int): The position of the mapping among the results.
        reason (str): Which field is wrong, and how.
    """
    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f'Result {index}: {reason}')
        self.index = index
        self.reason = reason


class KnowledgeGraph(GraphData):
    r"""Entities and relations found in many texts.

    .. code-block:: python

        graph = KnowledgeGraph.from_results(extractor.batch(items, align=True))
        graph.write('graph.ttl')
        graph.write('graph.html')

    Args:
        sentences (tuple of Sentence): The texts.
        nodes (dict): The entities, by their ids.
        relations (list of Relation): The relations.
    """
    @classmethod
    def from_results(cls, results: Iterable[Union[Result, Mapping[str, Any]]],
                     linker: Optional[Linker] = None, merge_names: bool = False,
                     min_probability: float = 0.0,
                     symmetric: AbstractSet[str] = JMERE_SYMMETRIC,
                     names_relation: str = 'alternate_names', progress: bool = False,
                     streamed: bool = False,
                     max_mentions: Optional[int] = None) -> 'KnowledgeGraph':
        r"""Merges results into a graph.

        Mentions become the same entity if the linker gives them the same id, or, where
        it gives none, if type and :func:`normalized_name` are the same. A text that
        occurs twice with the same image counts once. A relation between an entity and
        itself (two of its names in one sentence) is left out.

        Args:
            results (iterable): Results, or what :meth:`Result.to_dict` makes of them.
            linker (callable, optional): Gives the id of a mention's entity, see
                :data:`Linker`. (default: :obj:`None`)
            merge_names (bool, optional): If set to :obj:`True`, entities of one type
                that are joined by :obj:`names_relation` become one. (default:
                :obj:`False`)
            min_probability (float, optional): Less probable quintuples are left out.
                So is a less probable mention, unless it is part of a quintuple that
                is kept. (default: :obj:`0.0`)
            symmetric (set of str, optional): Relations in which head and tail can be
                swapped. (default: those of JMERE)
            names_relation (str, optional): The relation between two names of one
                entity. (default: :obj:`'alternate_names'`)
            progress (bool, optional): If set to :obj:`True`, shows a progress bar.
                (default: :obj:`False`)
            streamed (bool, optional): If set to :obj:`True`, results are taken one by
                one and laid down in a temporary file, and sentences are in the order of
                their texts, so that the graph is the same in whichever order results
                come. (default: :obj:`False`)
            max_mentions (int, optional): The most mentions that are kept of an entity,
                and the most evidence of a relation: the most probable, and of equally
                probable ones those whose text, then image, then characters come first.
                Counts, means and names are those of all. Sentences that nothing kept
                stands in are left out. With :obj:`streamed`, memory then grows with the
                graph and not with the results. (default: :obj:`None`, all)

        Raises:
            ValueError: If :obj:`max_mentions` is not positive, or if
                :obj:`min_probability` is not in :math:`[0, 1]`.
            TypeError: If :obj:`results` is a single result.
            ResultError: Naming the result and the field, if a mapping is not what
                :meth:`Result.to_dict` gives.
        """
        if isinstance(results, (Result, Mapping)):
            raise TypeError('Expected an iterable of results (got a single one): put '
                            'it into a list')
        builder = Builder(linker, merge_names, min_probability, symmetric,
                          names_relation, streamed, max_mentions)
        try:
            total = len(results) if isinstance(results, Sized) else None
            for i, item in enumerate(tracked(results, total, progress, 'Merging')):
                try:
                    builder.add(item)
                except ValueError as e:
                    raise ResultError(i, str(e)) from None
            return cls(*builder.build())
        finally:
            builder.readings.close()

    def filter(self, min_probability: float = 0.0,
               min_count: int = 1) -> 'KnowledgeGraph':
        r"""A smaller graph. It has the relations whose best probability and whose count
        are at least the given ones, the entities of these relations, and the sentences
        of both.

        Raises:
            ValueError: If :obj:`min_probability` is not in :math:`[0, 1]`.
        """
        validated(Share, min_probability, 'min_probability')
        relations = [
            r for r in self.relations
            if r.best >= min_probability and r.count >= min_count
        ]
        kept = {i for r in relations for i in (r.head, r.tail)}
        nodes = {i: n for i, n in self.nodes.items() if i in kept}
        places = {m.sentence for n in nodes.values() for m in n.mentions}
        places.update(e.sentence for r in relations for e in r.evidence)
        number = {place: i for i, place in enumerate(sorted(places))}

        def moved(place: Any) -> Any:
            return replace(place, sentence=number[place.sentence])

        return KnowledgeGraph(
            tuple(self.sentences[place] for place in number),
            {
                i: replace(n, mentions=tuple(map(moved, n.mentions)))
                for i, n in nodes.items()
            },
            [replace(r, evidence=tuple(map(moved, r.evidence))) for r in relations],
        )

    def to_networkx(self, images: str = 'attributes') -> 'nx.MultiDiGraph':
        r"""The graph for networkx, see
        :func:`~eega_pyg.knowledge_graph.network.to_networkx`."""
        return to_networkx(self, images)

    def tables(self) -> 'Tables':
        r"""The graph as data frames, see
        :class:`~eega_pyg.knowledge_graph.tables.Tables`."""
        from .tables import to_tables
        return to_tables(self)

    def write(self, path: Union[str, Path], images: str = 'attributes',
              image_folder: Union[str, Path, None] = None) -> None:
        r"""Writes the graph to a file in one step, in the format of the path's ending.

        =============  ==============================================================
        ``.jsonl``     JSON lines, which :meth:`load` reads
        ``.json``      nodes and links, for networkx, D3 …
        ``.csv``       a relation a row, for a spreadsheet
        ``.graphml``   GraphML, for networkx, Gephi, yEd …
        ``.ttl``       Turtle (needs the extra ``rdf``)
        ``.jsonld``    JSON-LD (needs the extra ``rdf``)
        ``.cypher``    statements for Neo4j and other databases that speak openCypher
        ``.html``      one page to look at and search, which needs no other file
        ``.pdf`` …     a figure (also ``.png`` and ``.svg``; needs the extra ``plot``)
        no ending      a folder with CSV files for ``neo4j-admin database import``
        =============  ==============================================================

        Args:
            path (str or Path): The file or folder.
            images (str, optional): With :obj:`'nodes'`, each image becomes a node;
                with :obj:`'attributes'`, images are only named in mentions and
                evidence. JSON lines, page and figure are the same in both cases.
                (default: :obj:`'attributes'`)
            image_folder (str or Path, optional): Where the images are found by their
                names: a page then holds small copies of up to 300 of them, and shows
                where each entity is seen. (default: :obj:`None`)

        Raises:
            ValueError: If the ending or :obj:`images` is unknown.
            OSError: If there is a folder in the place of a file, or the reverse.
            ImportError: If a library of an extra is missing.
        """
        write(self, path, images, image_folder)

    @classmethod
    def load(cls, path: Union[str, Path]) -> 'KnowledgeGraph':
        r"""Reads JSON lines that :meth:`write` has written; a :class:`ValueError` names
        file and line."""
        parts = jsonl.read(path)
        return cls(parts.sentences, parts.nodes, parts.relations)

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}({len(self.nodes)} entities, '
                f'{len(self.relations)} relations, {len(self.sentences)} sentences)')
