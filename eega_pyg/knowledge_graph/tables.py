r"""A knowledge graph as data frames."""
from typing import NamedTuple

import pandas as pd

from .records import GraphData


class Tables(NamedTuple):
    r"""A knowledge graph in four tables.

    Args:
        entities (pandas.DataFrame): ``id`` (the index), ``name``, ``type``,
            ``wikidata``, ``count``, ``best``, ``mean``.
        relations (pandas.DataFrame): ``head``, ``relation``, ``tail``, ``directed``,
            ``count``, ``best``, ``mean``.
        mentions (pandas.DataFrame): ``entity``, ``name``, ``sentence``, ``image``,
            ``start``, ``end``, ``probability``, ``object``, ``strength``, ``box``.
        evidence (pandas.DataFrame): ``relation`` (the row in relations), ``sentence``,
            ``image``, ``head_start``, ``head_end``, ``tail_start``, ``tail_end``,
            ``probability``.
    """
    entities: pd.DataFrame
    relations: pd.DataFrame
    mentions: pd.DataFrame
    evidence: pd.DataFrame


def to_tables(graph: GraphData) -> Tables:
    r"""The four tables of a graph."""
    nodes, sentences = graph.nodes.values(), graph.sentences
    entities = pd.DataFrame(
        [(n.id, n.name, n.type, n.wikidata, n.count, n.best, n.mean) for n in nodes],
        columns=['id', 'name', 'type', 'wikidata', 'count', 'best', 'mean'])
    relations = pd.DataFrame(
        [(r.head, r.relation, r.tail, r.directed, r.count, r.best, r.mean)
         for r in graph.relations],
        columns=['head', 'relation', 'tail', 'directed', 'count', 'best', 'mean'])
    mentions = pd.DataFrame(
        [(n.id, m.name, sentences[m.sentence].text, sentences[m.sentence].image_id,
          m.start, m.end, m.probability, m.object and m.object.label, m.object
          and m.object.strength, m.object and m.object.box) for n in nodes
         for m in n.mentions], columns=[
             'entity', 'name', 'sentence', 'image', 'start', 'end', 'probability',
             'object', 'strength', 'box'
         ])
    evidence = pd.DataFrame(
        [(i, sentences[e.sentence].text, sentences[e.sentence].image_id, *e.head,
          *e.tail, e.probability) for i, r in enumerate(graph.relations)
         for e in r.evidence], columns=[
             'relation', 'sentence', 'image', 'head_start', 'head_end', 'tail_start',
             'tail_end', 'probability'
         ])
    return Tables(entities.set_index('id'), relations, mentions, evidence)
