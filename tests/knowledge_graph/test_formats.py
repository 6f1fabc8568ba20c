"""Each file is read back with the library of those whom it is written for."""
import csv
import json
import os
import re
import subprocess
import sys
import time

import ladybug
import networkx as nx
import pandas as pd
import pytest
import rdflib

from eega_pyg.knowledge_graph import KnowledgeGraph
from eega_pyg.knowledge_graph.formats.cypher import identifier, literal, statements
from eega_pyg.knowledge_graph.formats.graphml import scalars
from eega_pyg.knowledge_graph.formats.rdf import BASE, to_rdflib
from eega_pyg.knowledge_graph.records import SeenObject
from eega_pyg.visualize import layout

from .conftest import BOX

IMAGES = pytest.mark.parametrize('images', ['attributes', 'nodes'])


def plain(graph, images):
    r"""Nodes and edges as a file without lists can hold them."""
    net = graph.to_networkx(images)
    nodes = {n: scalars(a) for n, a in net.nodes(data=True)}
    edges = {(h, t, k): scalars(a) for h, t, k, a in net.edges(keys=True, data=True)}
    return nodes, edges


def test_json_lines_come_back_as_they_were(odd, tmp_path):
    odd.write(tmp_path / 'graph.jsonl')
    assert KnowledgeGraph.load(tmp_path / 'graph.jsonl') == odd


@IMAGES
def test_graphml_is_read_by_networkx(odd, tmp_path, images):
    odd.write(tmp_path / 'graph.graphml', images)
    found = nx.read_graphml(tmp_path / 'graph.graphml', force_multigraph=True)
    nodes, edges = plain(odd, images)
    assert dict(found.nodes(data=True)) == nodes
    assert {(h, t, a['relation']): a for h, t, a in found.edges(data=True)} == edges
    # Gephi and yEd keep one edge of each id.
    assert len({key for _, _, key in found.edges(keys=True)}) == len(edges)


@IMAGES
@pytest.mark.parametrize('suffix', ['.ttl', '.jsonld'])
def test_rdf_is_read_by_rdflib(odd, tmp_path, suffix, images):
    path = tmp_path / f'graph{suffix}'
    odd.write(path, images)
    found = rdflib.Graph().parse(
        path, format={
            '.ttl': 'turtle',
            '.jsonld': 'json-ld'
        }[suffix])
    assert set(found) == set(to_rdflib(odd, images))
    born = found.query(
        'SELECT ?who ?best WHERE { ?s rdf:predicate ?p ; rdf:subject ?x ;'
        f' <{BASE}best> ?best . ?x rdfs:label ?who . FILTER(?p = '
        f'<{BASE}relation/place_of_birth>) }}')
    (row, ) = born
    node = next(n for n in odd.nodes.values() if n.type == 'per')
    assert str(row.who) == node.name and float(row.best) == 1 / 3
    assert (None, rdflib.OWL.sameAs,
            rdflib.URIRef('http://www.wikidata.org/entity/Q4176')) in found
    assert len(set(found.subjects(
        rdflib.RDF.type,
        rdflib.URIRef(BASE + 'Image')))) == (2 if images == 'nodes' else 0)


@IMAGES
def test_csv_has_the_columns_and_rows_that_neo4j_imports(odd, tmp_path, images):
    odd.write(tmp_path / 'csv', 'nodes')  # Of which no file is left.
    odd.write(tmp_path / 'csv', images)
    nodes, edges = plain(odd, images)
    read = {
        path.stem: pd.read_csv(path, keep_default_na=False)
        for path in (tmp_path / 'csv').iterdir()
    }
    assert set(read) == {'entities', 'relations'
                         } | ({'images'} if images == 'nodes' else set())
    entities = read['entities']
    for row in entities.to_dict('records'):
        node = nodes[row['id:ID']]
        assert row['name'] == node['name'] and row['names'] == node['names']
        assert row['mentions'] == node['mentions']
        assert (row['count:long'], row['best:double']) == (node['count'], node['best'])
        assert re.fullmatch(r'Entity;\w+', row[':LABEL'])
    ids = set(
        entities['id:ID']) | set(read['images']['id:ID'] if images == 'nodes' else ())
    assert ids == set(nodes)
    relations = read['relations']
    found = {
        (r[':START_ID'], r[':END_ID'], r[':TYPE']): r
        for r in relations.to_dict('records')
    }
    assert found.keys() == edges.keys()
    for key, row in found.items():
        assert row['evidence'] == edges[key].get('evidence', '')
        assert int(row['count:long']) == edges[key]['count']
    for path in (tmp_path / 'csv').iterdir():  # Without --multiline-fields.
        with open(path, newline='', encoding='utf-8') as f:
            rows = list(csv.reader(f))
        assert len(rows) == path.read_text(encoding='utf-8').count('\n')


@IMAGES
def test_cypher_is_run_by_a_graph_database(odd, tmp_path, images):
    odd.write(tmp_path / 'graph.cypher', images)
    nodes, edges = plain(odd, images)
    database = ladybug.Connection(ladybug.Database(':memory:'))
    # This one wants its tables first, and its names hold no backtick.
    database.execute(
        'CREATE NODE TABLE Entity(id STRING PRIMARY KEY, name STRING, type '
        'STRING, names STRING, wikidata STRING, `count` INT64, best '
        'DOUBLE, mean DOUBLE, mentions STRING)')
    database.execute('CREATE NODE TABLE Image(id STRING PRIMARY KEY, name STRING)')
    for relation in {key[2] for key in edges if '`' not in key[2]}:
        to = 'Image' if relation == 'mentioned_with' else 'Entity'
        database.execute(f'CREATE REL TABLE `{relation}`(FROM Entity TO {to}, directed '
                         f'BOOLEAN, `count` INT64, best DOUBLE, mean DOUBLE, evidence '
                         f'STRING, object STRING, strength DOUBLE, box STRING)')
    lines = (tmp_path / 'graph.cypher').read_text(encoding='utf-8').splitlines()
    assert lines == list(statements(odd.to_networkx(images)))
    lines = [line for line in lines if '``' not in line]
    for line in lines * 2:  # Merged, not doubled.
        database.execute(line)
    for label in ('Entity', 'Image'):
        for (row, ) in database.execute(f'MATCH (n:{label}) RETURN n').get_all():
            expected = nodes.pop(row['id'])
            for name in expected.keys() - {'kind'}:
                assert row[name] == expected[name]
    assert nodes == {}
    rows = database.execute(
        'MATCH (h)-[r]->(t) RETURN h.id, t.id, label(r), r').get_all()
    found = {(h, t, label): r for h, t, label, r in rows}
    expected = {k: a for k, a in edges.items() if '`' not in k[2]}
    assert found.keys() == expected.keys() and len(rows) == len(expected)
    for key, row in found.items():
        for name in expected[key].keys() - {'relation'}:
            assert row[name] == expected[key][name]


def test_characters_beyond_four_digits_stay_as_they_are():
    database = ladybug.Connection(ladybug.Database(':memory:'))
    england = '\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f'
    assert database.execute(f'RETURN {literal(england)}').get_next() == [england]


def test_a_name_cannot_leave_its_backticks(odd):
    (line, ) = [s for s in statements(odd.to_networkx()) if 'own' in s]
    assert '-[r:`my ``own`` relation`]->' in line


def test_images_are_linked_with_their_boxes(odd):
    net = odd.to_networkx('nodes')
    (edge, ) = [
        a for _, t, a in net.edges(data=True)
        if t.startswith('image:../../etc') and 'box' in a
    ]
    assert edge['object'] == 'a "man"' and edge['box'] == [0.0, 0.1, 0.7, 1.0]


def test_what_an_entity_is_goes_before_what_it_is_aligned_with(seen):
    ann, rome = sorted(seen.nodes.values(), key=lambda n: n.name)
    assert ann.mentions[0].object == SeenObject('woman', 0.9375, BOX)
    assert rome.mentions[0].object is None


@IMAGES
@pytest.mark.parametrize(
    'ending',
    ['.jsonl', '.json', '.graphml', '.ttl', '.jsonld', '.cypher', '.html', ''])
def test_a_box_is_in_every_format_with_its_image(seen, tmp_path, ending, images):
    path = tmp_path / f'graph{ending}'
    seen.write(path, images)
    files = [path] if ending else list(path.iterdir())
    content = '\n'.join(f.read_text(encoding='utf-8') for f in files)
    for number in BOX:
        assert str(number) in content
    assert '1.jpg' in content and 'woman' in content
    if ending == '.jsonl':
        assert KnowledgeGraph.load(path).nodes == seen.nodes


def test_a_spreadsheet_has_the_boxes_of_its_sentence(seen, odd, tmp_path):
    seen.write(tmp_path / 'a.csv')
    with open(tmp_path / 'a.csv', encoding='utf-8-sig', newline='') as f:
        row, = csv.DictReader(f)
    assert (row['image'], row['tail_box']) == ('1.jpg', '')
    assert row['head_box'] == '0.0625 0.1875 0.4375 0.8125'
    assert seen.tables().mentions['box'].dropna().tolist() == [BOX]


def test_wrong_files_and_names_are_named(odd, tmp_path):
    with pytest.raises(ValueError, match='ends in no known format: expected .jsonl'):
        odd.write(tmp_path / 'graph.txt')
    with pytest.raises(ValueError, match='images as attributes or nodes'):
        odd.write(tmp_path / 'graph.ttl', 'pictures')
    path = tmp_path / 'graph.jsonl'
    odd.write(path)
    lines = path.read_text(encoding='utf-8').split('\n')
    for change, message in (
        ({
            'kind': 'sentence'
        }, "jsonl:2: missing 'text'"),
        ({
            'kind': 'thing'
        }, 'jsonl:2: kind: expected .sentence., .entity. or .relation.'),
        (3, 'jsonl:2: .*expected an object'),
    ):
        path.write_text('\n'.join([lines[0], json.dumps(change)]), encoding='utf-8')
        with pytest.raises(ValueError, match=message):
            KnowledgeGraph.load(path)
    for text in ('{"format": 9}\n', ''):
        path.write_text(text)
        with pytest.raises(ValueError, match='jsonl:1: .*expected {"format": 1}'):
            KnowledgeGraph.load(path)
    for kind, change, message in (
        ('entity', {
            'name': 5
        }, 'name: expected a string'),
        ('relation', {
            'directed': 'no'
        }, 'directed: expected true or false'),
        ('mentions', {
            'probability': 'high'
        }, r'mentions\[0\].probability: expected a number'),
        ('mentions', {
            'sentence': 0.5
        }, r'mentions\[0\].sentence: expected a whole number'),
        ('mentions', {
            'end': 999
        }, r'mentions\[0\].start: expected 0 <= start < end'),
        ('evidence', {
            'head': [1]
        }, r'evidence\[0\].head: expected 2 values'),
    ):
        values = [json.loads(line) for line in lines[:-1]]
        value = next(v for v in values if kind in (v.get('kind'), *v))
        inner = value[kind] if kind in ('mentions', 'evidence') else [value]
        inner[0].update(change)
        path.write_text('\n'.join(map(json.dumps, values)))
        with pytest.raises(ValueError, match=f'jsonl:[0-9]+: {message}'):
            KnowledgeGraph.load(path)
    entity = next(line for line in lines if '"entity"' in line)
    path.write_text('\n'.join([*lines[:-1], entity]), encoding='utf-8')
    with pytest.raises(ValueError, match='there is an entity .* before it'):
        KnowledgeGraph.load(path)
    path.write_text('\ufeff' + '\n\n'.join(lines), encoding='utf-8')
    assert KnowledgeGraph.load(path) == odd
    path.write_text('\n'.join([lines[0], lines[-2]]), encoding='utf-8')
    with pytest.raises(ValueError, match='jsonl:2: .*there is no'):
        KnowledgeGraph.load(path)


@pytest.mark.parametrize('name', [
    'a\\u0060]->(t) DETACH DELETE h //', '\\\\u0060', 'a`b', 'a\\b', '\\u005cu0060',
    '\\'
])
def test_a_name_ends_where_neo4j_reads_its_end(name):
    # Up to version 5 it replaces escapes before it looks for backticks.
    read = re.sub(r'\\u([0-9a-f]{4})', lambda m: chr(int(m[1], 16)), identifier(name))
    assert re.fullmatch(r'`(?:[^`]|``)*`', read)
    assert read[1:-1].replace('``', '`') == name


def test_graphs_can_be_loaded_into_one_store(make, tmp_path):
    store = rdflib.Graph()
    for day, names in (('mon', ('Ann', 'Bob')), ('tue', ('Cid', 'Dan'))):
        text = f'{names[0]} and {names[1]}'
        found = make(text, [(name, 'per', 0.9) for name in names],
                     [(0, 'couple', 1, 0.5 if day == 'mon' else 0.25)])
        KnowledgeGraph.from_results([found]).write(tmp_path / f'{day}.ttl')
        store.parse(tmp_path / f'{day}.ttl')
    rdf = rdflib.RDF
    for statement in store.subjects(rdf.type, rdf.Statement):
        best, = store.objects(statement, rdflib.URIRef(BASE + 'best'))
        subject, = store.objects(statement, rdf.subject)
        assert (float(best) == 0.5) == subject.endswith('ann')
        assert len(set(store.objects(statement, rdflib.URIRef(BASE + 'evidence')))) == 1
    assert len(list(store.subjects(rdf.type, rdf.Statement))) == 2
    assert len(set(store.objects(None, rdflib.URIRef(BASE + 'mention')))) == 4


def test_what_graphs_share_is_in_one_store_once(make, tmp_path):
    found = make('Ann lives in Rome', [('Ann', 'per', 0.9), ('Rome', 'loc', 0.9)],
                 [(0, 'place_of_residence', 1, 0.5)])
    before = make('A day: Ann lives', [('Ann', 'per', 0.9)])
    store = rdflib.Graph()
    for i, results in enumerate(([found], [before, found])):
        KnowledgeGraph.from_results(results).write(tmp_path / f'{i}.ttl')
        store.parse(tmp_path / f'{i}.ttl')
    count = lambda name: len(set(store.objects(None, rdflib.URIRef(BASE + name))))
    assert count('mention') == 3 and count('evidence') == 1


LONG = ' '.join(f'Ann met Bob on day {i}, as was to be expected of both.'
                for i in range(200))


@pytest.fixture
def document(make):
    spans = [(m.start(), m.end()) for m in re.finditer('Ann|Bob', LONG)]
    found = make(LONG, [('Ann', 'per', 0.9)])
    found['entities'] = [{
        'type': 'per',
        'start': start,
        'end': end,
        'probability': 0.9
    } for start, end in spans]
    found['quintuples'] = [{
        'head': found['entities'][i],
        'relation': 'peer',
        'tail': found['entities'][i + 1],
        'probability': 0.5
    } for i in range(0, len(spans), 2)]
    return KnowledgeGraph.from_results([found])


@pytest.mark.parametrize(
    'name', ['g.json', 'g.graphml', 'g.ttl', 'g.jsonld', 'g.cypher', 'csv', 'g.csv'])
def test_a_long_text_is_not_written_with_each_of_its_places(document, tmp_path, name):
    document.write(tmp_path / name)
    files = [f for f in tmp_path.rglob('*') if f.is_file()]
    # 600 places of a text of 12,000 characters.
    assert sum(f.stat().st_size for f in files) < 1_500_000


def test_an_excerpt_has_the_places_of_what_it_shows(document):
    net = document.to_networkx()
    mentions = [m for _, node in net.nodes(data=True) for m in node['mentions']]
    assert len(mentions) == 400
    for m in mentions:
        assert m['sentence'][m['start']:m['end']] == m['name']
        offset = m.get('offset', 0)
        assert LONG[offset:offset + len(m['sentence'])] == m['sentence']
        assert offset == 0 or LONG[offset - 1] == ' '
    for _, _, edge in net.edges(data=True):
        for e in edge['evidence']:
            names = [e['sentence'][slice(*e[side])] for side in ('head', 'tail')]
            assert sorted(names) == ['Ann', 'Bob']


def test_rdf_of_one_graph_is_one_file(odd, tmp_path):
    for name in ('g.ttl', 'g.jsonld'):
        odd.write(tmp_path / name)
        code = ('import sys; from eega_pyg import KnowledgeGraph as K; '
                'K.load(sys.argv[1]).write(sys.argv[2])')
        odd.write(tmp_path / 'g.jsonl')
        subprocess.run([
            sys.executable, '-c', code, tmp_path / 'g.jsonl', tmp_path / f'again_{name}'
        ], check=True, env={**os.environ, 'PYTHONHASHSEED': '7'})  # yapf: disable
        assert (tmp_path / name).read_bytes() == (tmp_path /
                                                  f'again_{name}').read_bytes()


def test_two_entities_of_one_name_are_told_apart_in_a_spreadsheet(make, tmp_path):
    ids = {'Paris in France': 'Q90', 'Paris in Texas': 'Q830149'}
    results = [
        make(text, [('Paris', 'loc', 0.9), (text[9:], 'loc', 0.9)],
             [(1, 'contain', 0, 0.9)]) for text in ids
    ]
    graph = KnowledgeGraph.from_results(
        results, linker=lambda name, kind, text: ids[text] if name == 'Paris' else None)
    graph.write(tmp_path / 'g.csv')
    table = pd.read_csv(tmp_path / 'g.csv')
    assert list(table['tail']) == ['Paris', 'Paris']
    assert dict(zip(table.head_id, table.tail_id)) == {
        'loc:france': 'Q90',
        'loc:texas': 'Q830149'
    }


@pytest.mark.parametrize('ending', ['csv', 'json', 'jsonl'])
def test_odd_metadata_and_carriage_returns_are_readable(make, tmp_path, ending):
    found = {**make('Ann lives\rin Rome', [('Ann', 'per', 0.9)]),
             'metadata': {'likes': float('nan')}}  # yapf: disable
    KnowledgeGraph.from_results([found]).write(tmp_path / f'graph.{ending}')
    if ending == 'csv':
        table = pd.read_csv(tmp_path / 'graph.csv')
        assert list(table.sentence) == ['Ann lives\rin Rome']
    else:
        for line in (tmp_path / f'graph.{ending}').read_text().splitlines():
            json.loads(line, parse_constant=pytest.fail)


def test_a_type_named_image_is_no_image(make, tmp_path):
    graph = KnowledgeGraph.from_results([
        make('a.jpg shows Ann', [('a.jpg', 'image', 0.5), ('Ann', 'per', 0.5)],
             [(0, 'shows', 1, 0.5)], 'a.jpg')
    ])
    net = graph.to_networkx('nodes')
    assert {
        n: a['kind']
        for n, a in net.nodes(data=True)
    } == {
        'image:a.jpg': 'entity',
        'per:ann': 'entity',
        'image:image:a.jpg': 'image'
    }
    for name in ('g.ttl', 'g.graphml', 'g.cypher', 'csv'):
        graph.write(tmp_path / name, 'nodes')


def test_control_characters_in_a_file_reach_no_other_format(odd, tmp_path):
    odd.write(tmp_path / 'graph.jsonl')
    text = (tmp_path / 'graph.jsonl').read_text(encoding='utf-8')
    (tmp_path / 'graph.jsonl').write_text(text.replace('Dom', 'Do\\u0000m'),
                                          encoding='utf-8')
    graph = KnowledgeGraph.load(tmp_path / 'graph.jsonl')
    assert graph.nodes['Q4176'].name == 'Do m'
    for name in ('g.ttl', 'g.jsonld', 'g.graphml', 'g.cypher', 'g.html', 'csv'):
        graph.write(tmp_path / name)
    assert 'Do m' in [
        n['name'] for _, n in nx.read_graphml(tmp_path / 'g.graphml').nodes(data=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize('name', ['g.html', 'g.ttl', 'g.graphml', 'g.cypher', 'csv'])
def test_four_times_the_entities_take_about_four_times_as_long(make, tmp_path, name):
    def seconds(number):
        results = [
            make(f'A{i} B{i // 2} C{i % 50} {i}', [(f'A{i}', 'per', 0.5),
                                                   (f'B{i // 2}', 'org', 0.5),
                                                   (f'C{i % 50}', 'loc', 0.5)],
                 [(0, 'of', 1, 0.5), (1, 'in', 2, 0.5)]) for i in range(number)
        ]
        graph, times = KnowledgeGraph.from_results(results), []
        for _ in range(2):  # The least, for a machine may have other work.
            layout._points.cache_clear()
            start = time.process_time()
            graph.write(tmp_path / name)
            times.append(time.process_time() - start)
        return min(times)

    assert seconds(2400) < 10 * seconds(600)  # Quadratic: sixteen times.
