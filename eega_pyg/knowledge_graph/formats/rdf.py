r"""Knowledge graphs in RDF: Turtle and JSON-LD."""
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple, Union
from urllib.parse import quote

from eega_pyg.files import write_text
from eega_pyg.identity import digest
from eega_pyg.resolve import require

from ..network import IMAGE_RELATION, to_networkx
from ..records import GraphData

if TYPE_CHECKING:
    import rdflib

#: The beginning of the names of entities, relations and properties, by default.
BASE = 'urn:eega:'
_WIKIDATA = 'http://www.wikidata.org/entity/'
# The second part of a short name in Turtle (PN_LOCAL), where it needs no escapes.
_LOCAL = re.compile(r'(?:[A-Za-z0-9_]|%[0-9A-F]{2})(?:[A-Za-z0-9_-]|%[0-9A-F]{2})*')


def write(graph: GraphData, path: Union[str, Path], images: str = 'attributes') -> None:
    r"""Writes Turtle (``.ttl``) or JSON-LD (``.jsonld``)."""
    found = to_rdflib(graph, images)
    if Path(path).suffix.lower() == '.ttl':
        # rdflib's own writers take the square of the number of names, or gigabytes, and
        # order JSON-LD in another way each time.
        write_text(path, ''.join(f'{line}\n' for line in _turtle(found)))
    else:
        write_text(path, '[' + ',\n'.join(_json_ld(found)) + ']\n')


def to_rdflib(graph: GraphData, images: str = 'attributes',
              base: str = BASE) -> 'rdflib.Graph':
    r"""The graph as triples.

    - An entity is a ``BASE entity/ID`` of class ``BASE type/TYPE``, with its name as
      ``rdfs:label``, other names as ``skos:altLabel``, and ``owl:sameAs`` its Wikidata
      item; it has ``count``, ``best`` and ``mean``, and a ``mention`` for each.
    - A relation is the triple ``entity BASE relation/NAME entity`` and, for its
      ``count``, ``best``, ``mean``, ``directed`` and ``evidence``, an ``rdf:Statement``
      about it.
    - Mentions and evidence have ``sentence``, ``image``, ``probability`` and
      characters, and ``offset`` as in :func:`to_networkx`.
    - Statements, mentions and evidence are named by what they say, so that several
      graphs can be loaded into one store. What they share is there once; statements,
      and the ``count``, ``best`` and ``mean`` of an entity, are those of each graph.

    Args:
        graph (GraphData): The graph.
        images (str, optional): With :obj:`'nodes'`, images are resources and
            entities are ``mentioned_with`` them. (default: :obj:`'attributes'`)
        base (str, optional): The beginning of all names. (default: :obj:`BASE`)

    Raises:
        ImportError: If the extra ``rdf`` is not installed.
    """
    require('rdflib', 'rdf')
    from rdflib import OWL, RDF, RDFS, SKOS, Graph, Literal, Namespace, URIRef
    ns, out = Namespace(base), Graph('SimpleMemory')
    wikidata = Namespace(_WIKIDATA)
    for prefix, value in _prefixes(base).items():
        out.bind(prefix, value)

    def name(*parts: str) -> URIRef:
        return ns['/'.join(quote(part, safe='') for part in parts)]

    def describe(subject: URIRef, values: Any, *names: str) -> None:
        for key in names:
            if key in values and values[key] != '':
                out.add((subject, ns[key], Literal(_exact(values[key]))))

    plain = to_networkx(graph, images)
    for node, values in plain.nodes(data=True):
        if values['kind'] == 'image':
            subject = name('image', values['name'])
            out.add((subject, RDF.type, ns['Image']))
            out.add((subject, RDFS.label, Literal(values['name'])))
            continue
        subject = name('entity', node)
        out.add((subject, RDF.type, name('type', values['type'])))
        out.add((subject, RDFS.label, Literal(values['name'])))
        for other in values['names']:
            if other != values['name']:
                out.add((subject, SKOS.altLabel, Literal(other)))
        if values['wikidata']:
            out.add((subject, OWL.sameAs, wikidata[values['wikidata']]))
        describe(subject, values, 'count', 'best', 'mean')
        for mention in values['mentions']:
            item = name('mention', digest([node, mention]))
            out.add((subject, ns['mention'], item))
            describe(item, mention, 'sentence', 'offset', 'image', 'start', 'end',
                     'name', 'probability')
            describe(item, _flat(mention.get('object', {})), 'object', 'strength',
                     'box')

    for head, tail, values in plain.edges(data=True):
        to_image = values['relation'] == IMAGE_RELATION and (plain.nodes[tail]['kind']
                                                             == 'image')
        triple = (name('entity', head), name('relation', values['relation']),
                  name('image', plain.nodes[tail]['name']) if to_image else name(
                      'entity', tail))
        out.add(triple)
        statement = name('statement', digest([triple, values]))
        out.add((statement, RDF.type, RDF.Statement))
        for predicate, value in zip((RDF.subject, RDF.predicate, RDF.object), triple):
            out.add((statement, predicate, value))
        describe(statement, _flat(values), 'directed', 'count', 'best', 'mean',
                 'object', 'strength', 'box')
        for evidence in values.get('evidence', ()):
            item = name('evidence', digest([triple, evidence]))
            out.add((statement, ns['evidence'], item))
            spans = dict(
                zip(('head_start', 'head_end', 'tail_start', 'tail_end'),
                    _characters(evidence)))
            describe(item, {
                **evidence,
                **spans
            }, 'sentence', 'offset', 'image', 'probability', *spans)
    return out


def _prefixes(base: str) -> Dict[str, str]:
    parts = ('entity', 'relation', 'type', 'mention', 'statement', 'evidence')
    return {'': base, **{part: f'{base}{part}/' for part in parts}, 'wd': _WIKIDATA}


def _turtle(graph: 'rdflib.Graph', base: str = BASE) -> Iterator[str]:
    from rdflib import OWL, RDF, RDFS, SKOS, XSD, Literal
    prefixes = {
        **_prefixes(base), 'owl': str(OWL),
        'rdf': str(RDF),
        'rdfs': str(RDFS),
        'skos': str(SKOS)
    }
    # The longest first, for one begins with another.
    known = sorted(prefixes.items(), key=lambda item: -len(item[1]))
    plain = {str(XSD.integer), str(XSD.decimal), str(XSD.boolean)}
    names: Dict[Any, str] = {RDF.type: 'a'}

    def term(value: Any) -> str:
        if isinstance(value, Literal):
            return str(value) if str(value.datatype) in plain else value.n3()
        if value not in names:
            names[value] = next(
                (f'{prefix}:{value[len(start):]}' for prefix, start in known
                 if value.startswith(start) and _LOCAL.fullmatch(value, len(start))),
                value.n3())
        return names[value]

    for prefix, start in prefixes.items():
        yield f'@prefix {prefix}: <{start}> .'
    about: Dict[Any, List[Tuple[str, str]]] = {}
    for subject, predicate, value in graph:
        about.setdefault(subject, []).append((term(predicate), term(value)))
    for subject, found in sorted(about.items(), key=lambda item: str(item[0])):
        yield ''
        lines = [f'    {predicate} {value}' for predicate, value in sorted(found)]
        yield f'{term(subject)}\n' + ' ;\n'.join(lines) + ' .'


def _json_ld(graph: 'rdflib.Graph') -> Iterator[str]:
    r"""An object for each subject, in the expanded form."""
    from rdflib import RDF, Literal

    def value(term: Any) -> Any:
        if not isinstance(term, Literal):
            return {'@id': str(term)}
        kind = {} if term.datatype is None else {'@type': str(term.datatype)}
        return {**kind, '@value': str(term)}

    about: Dict[str, Dict[str, List[Any]]] = {}
    for subject, predicate, term in graph:
        found = about.setdefault(str(subject), {})
        if predicate == RDF.type:
            found.setdefault('@type', []).append(str(term))
        else:
            found.setdefault(str(predicate), []).append(value(term))
    for name in sorted(about):
        values = {k: sorted(v, key=json.dumps) for k, v in sorted(about[name].items())}
        yield json.dumps({'@id': name, **values}, ensure_ascii=False)


def _exact(value: Any) -> Any:
    # rdflib writes a double with seven digits but a decimal with all of them.
    return Decimal(repr(value)) if isinstance(value, float) else value


def _flat(values: Any) -> Any:
    flat = dict(values)
    if 'label' in flat:
        flat['object'] = flat.pop('label')
    if 'box' in flat:
        flat['box'] = ' '.join(str(v) for v in flat['box'])
    return flat


def _characters(evidence: Any) -> Tuple[int, ...]:
    return (*evidence['head'], *evidence['tail'])
