import csv
import json
import sys

import networkx as nx
import pytest
from PIL import Image

from eega_pyg import extractor
from eega_pyg.knowledge_graph import KnowledgeGraph

TEXT = 'Marco Bellini joins Harbor City FC in Lisbon'


@pytest.fixture(scope='module')
def results(trained, tmp_path_factory):
    r"""Results of two texts as ``eega extract`` writes them."""
    loaded = extractor.Extractor.from_pretrained(trained, 'cpu')
    items = [
        extractor.Item(TEXT, image_id='1.jpg', caption='a man with a ball'),
        extractor.Item('Nora Blake lives in Lisbon')
    ]
    path = tmp_path_factory.mktemp('results') / 'results.jsonl'
    found = loaded.batch(items, align=True)
    path.write_text(''.join(r.to_json() + '\n' for r in found), encoding='utf-8')
    return path


@pytest.mark.slow
def test_a_pair_is_explained_on_a_page_and_in_a_figure(eega, trained, tmp_path):
    Image.new('RGB', (40, 30)).save(tmp_path / 'photo.jpg')
    code, _, err = eega('explain', TEXT, '-m', trained, '--caption',
                        'a man with a ball', '--image', tmp_path / 'photo.jpg', '-o',
                        tmp_path / 'page.html', '-o', tmp_path / 'figure.pdf')
    assert code == 0, err
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    assert TEXT in page and 'data:image/jpeg;base64,' in page and '"ball"' in page
    assert (tmp_path / 'figure.pdf').read_bytes().startswith(b'%PDF')


def test_results_are_merged_without_a_model(eega, results, tmp_path):
    code, out, err = eega('graph', results, '-o', tmp_path / 'graph.jsonl', '-o',
                          tmp_path / 'graph.ttl', '-o', tmp_path / 'csv', '--images',
                          'nodes')
    assert code == 0 and out == '', err
    values = [json.loads(line) for line in results.read_text().splitlines()]
    graph = KnowledgeGraph.load(tmp_path / 'graph.jsonl')
    assert graph == KnowledgeGraph.from_results(values)
    assert f'{len(graph.nodes)} entities' in err
    assert {p.name
            for p in (tmp_path / 'csv').iterdir()} >= {'entities.csv', 'relations.csv'}


def test_annotated_texts_are_taken_as_they_are(eega, results, tmp_path):
    path = tmp_path / 'mine.jsonl'
    lines = (
        '{"text": "Ann works for Acme", "entities": [], "relations": []}',
        '{"words": ["Ann", "left", "Acme"], "id": 7, "entities": [{"start": 0, "end": '
        '1, "type": "per"}, {"start": 2, "end": 3, "type": "org"}], '
        '"relations": [{"head": 0, "tail": 1, "type": "member_of"}]}',
        '{"text": "Ann heads to Acme", "caption": "a dog", "entities": [{"start": 0, '
        '"end": 3, "type": "per"}, {"start": 13, "end": 17, "type": "org", '
        '"probability": 0.5, "box": [0, 0, 0.5, 1]}]}',
    )
    path.write_text('\n'.join(lines))
    code, _, err = eega('graph', path, '-o', tmp_path / 'graph.jsonl')
    assert code == 0 and '2 entities and 1 relations in 3 texts' in err, err
    graph = KnowledgeGraph.load(tmp_path / 'graph.jsonl')
    relation, = graph.relations
    assert relation.relation == 'member_of' and relation.evidence[0].probability == 1.0
    assert {s.text: s.metadata for s in graph.sentences}['Ann left Acme'] == {'id': 7}
    acme, = (node for node in graph.nodes.values() if node.type == 'org')
    assert sorted(m.probability for m in acme.mentions) == [0.5, 1.0]

    # They are what 'convert' makes of results.
    eega('convert', results, tmp_path / 'again.jsonl')
    for name in (results, tmp_path / 'again.jsonl'):
        code, _, err = eega('graph', name, '-o', tmp_path / f'{name.stem}.csv')
        assert code == 0, err
    again, before = (tmp_path / f'{x}.csv' for x in ('again', 'results'))
    assert again.read_text() == before.read_text()

    entities = [{'start': 0, 'end': 9, 'type': 'per'}]
    path.write_text(json.dumps({'text': 'Ann', 'entities': entities}))
    code, _, err = eega('graph', path, '-o', tmp_path / 'graph.jsonl')
    assert code == 1 and 'mine.jsonl:1: entities[0]: the span [0, 9) is not' in err


def test_a_file_may_be_one_text(eega, trained, tmp_path):
    path = tmp_path / 'news.txt'
    path.write_text(
        'Marco Bellini joins\nHarbor City FC in Lisbon\n\nNora Blake sings.\n')
    for unit, number in (('line', 3), ('paragraph', 2), ('document', 1)):
        code, _, err = eega('graph', path, '-m', trained, '-o', tmp_path / 'g.json',
                            '--sample-by', unit)
        assert code == 0 and f'in {number} texts' in err, err
        code, out, err = eega('extract', path, '-m', trained, '--sample-by', unit)
        assert code == 0 and len(out.splitlines()) == number, err


@pytest.mark.parametrize('arguments, message', [
    (['extract', TEXT], '--sample-by is of files: TEXT is read as one text'),
    (['extract', 'a.jsonl', '--engine', 'ray', '-o', 'out'], '--engine ray reads JSON'),
])
def test_where_a_text_is_none_of_a_plain_file(eega, arguments, message):
    code, _, err = eega(*arguments, '--sample-by', 'document')
    assert code == 1 and message in err


def test_a_page_has_the_images_of_a_folder(eega, results, tmp_path):
    Image.new('RGB', (40, 30)).save(tmp_path / '1.jpg')
    code, _, err = eega('graph', results, '-o', tmp_path / 'page.html',
                        '--image-folder', tmp_path)
    assert code == 0, err
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    assert '"1.jpg":"data:image/jpeg;base64,' in page
    code, _, err = eega('graph', results, '-o', tmp_path / 'page.html',
                        '--image-folder', tmp_path / 'gone')
    assert code == 1 and f"There is no folder '{tmp_path / 'gone'}'" in err


def test_texts_are_extracted_from_and_linked(eega, trained, results, tmp_path):
    source = tmp_path / 'texts.jsonl'
    source.write_text(
        json.dumps({
            'text': TEXT,
            'image_id': '1.jpg',
            'caption': 'a man with a ball'
        }) + '\n\n' + results.read_text().splitlines()[1] + '\n')
    links = tmp_path / 'links.csv'
    links.write_text('name,type,id\nlisbon,,Q597\n')
    code, _, err = eega('graph', source, '-m', trained, '-o', tmp_path / 'graph.jsonl',
                        '--links', links)
    assert code == 0, err
    values = [json.loads(line) for line in results.read_text().splitlines()]
    found = KnowledgeGraph.load(tmp_path / 'graph.jsonl')
    expected = KnowledgeGraph.from_results(values)
    names = lambda graph: sorted(m.name for n in graph.nodes.values()
                                 for m in n.mentions)
    assert names(found) == names(expected)
    named = any(m.name == 'Lisbon' for n in found.nodes.values() for m in n.mentions)
    assert ('Q597' in found.nodes) == named


@pytest.mark.slow
def test_what_was_extracted_is_kept_where_it_cannot_be_written(
        eega, trained, results, tmp_path, monkeypatch):
    source, page = tmp_path / 'texts.jsonl', tmp_path / 'page.html'
    source.write_text('{"text": "a"}\n' + results.read_text())
    command = ['graph', source, '-m', trained, '-o', page]

    def fails(*args):
        raise OSError('No room')

    monkeypatch.setattr(KnowledgeGraph, 'write', fails)
    code, _, err = eega(*command)
    part = tmp_path / 'page.html.part'
    assert code == 1 and f"1 results are in '{part}'" in err and 'No room' in err
    monkeypatch.undo()
    monkeypatch.setattr(extractor.Extractor, 'stream', lambda self, items, **_: iter(())
                        if not items else fails())
    assert eega(*command)[0] == 1 and part.is_file()
    assert eega(*command, '--resume')[0] == 0 and page.is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ['page.html', 'texts.jsonl']


def test_a_folder_with_other_files_is_refused(eega, results, tmp_path):
    target = tmp_path / 'g'
    for _ in range(2):  # Its own files are replaced.
        code, _, err = eega('graph', results, '-o', target)
        assert code == 0, err
    (target / 'entities.csv').write_text('mine')
    code, _, err = eega('graph', results, '-o', target)
    assert code == 1 and "holds other files ('entities.csv')" in err
    assert (target / 'entities.csv').read_text() == 'mine'
    (tmp_path / 'a.txt').touch()
    code, _, err = eega('graph', results, '-o', tmp_path)
    assert code == 1 and "holds other files ('a.txt')" in err


def test_a_graph_is_written_as_nodes_and_links_and_as_a_table(eega, results, tmp_path):
    code, _, err = eega('graph', results, '-o', tmp_path / 'a.json', '-o',
                        tmp_path / 'a.csv', '-o', tmp_path / 'a.jsonl', '--quiet')
    assert code == 0 and err == ''
    graph = KnowledgeGraph.load(tmp_path / 'a.jsonl')
    value = json.loads((tmp_path / 'a.json').read_text(encoding='utf-8'))
    net = nx.node_link_graph(value, edges='links')
    assert nx.utils.graphs_equal(net, graph.to_networkx())
    with (tmp_path / 'a.csv').open(encoding='utf-8-sig', newline='') as file:
        rows = list(csv.DictReader(file))
    name = {i: n.name for i, n in graph.nodes.items()}
    assert [(r['head'], r['relation'], r['tail']) for r in rows if r['relation']
            ] == [(name[r.head], r.relation, name[r.tail]) for r in graph.relations]
    related = {i for r in graph.relations for i in (r.head, r.tail)}
    assert sorted(r['head'] for r in rows
                  if not r['relation']) == sorted(n for i, n in name.items()
                                                  if i not in related)


def test_a_model_is_shrunk(eega, trained, tmp_path):
    code, _, err = eega('shrink', trained, '-o', tmp_path / 'small', '--dtype',
                        'bfloat16')
    assert code == 0 and ' MB' in err
    assert json.loads((tmp_path / 'small' /
                       'pipeline.json').read_text())['weights']['dtype'] == 'bfloat16'


def test_errors_are_one_clear_line(eega, trained, results, tmp_path, monkeypatch):
    def fails(message, *args):
        code, out, err = eega(*args)
        assert code == 1 and out == '' and err.count('\n') == 1, err
        assert err.startswith('error: ') and message in err, err

    page = tmp_path / 'page.html'
    fails('ends in no known format', 'explain', TEXT, '-o', 'page.htm', '-m', trained)
    fails('The text is empty', 'explain', ' ', '-o', page, '-m', trained)
    fails('no such image file', 'explain', TEXT, '-o', page, '-m', trained, '--caption',
          'a', '--image', '../../etc/no-such.jpg')
    plain_file = tmp_path / 'file'
    plain_file.touch()
    broken = tmp_path / 'broken.jsonl'
    broken.write_text('{"text": "a"}\n{"txt": 1}\n')
    fails("broken.jsonl:2: missing 'text' (fields: txt)", 'graph', broken, '-o', page,
          '-m', trained)
    broken.write_text('{"text": "a", "quintuples": [], "entities": [3]}\n')
    fails('broken.jsonl:1: entities[0]: expected an object', 'graph', broken, '-o',
          page)
    fails('is the file that is read', 'graph', results, '-o', results)
    fails('cannot be written: ', 'graph', results, '-o', plain_file / 'a.jsonl')
    broken.write_text('\n')
    fails('holds neither a result nor a text', 'graph', broken, '-o', page)
    fails('ends in no known format', 'graph', results, '-o', 'graph.xlsx')
    for stream in ('-', '/dev/stdout'):
        fails(f"'{stream}' has no ending", 'graph', results, '-o', stream)
    assert eega('graph', results, '-o', tmp_path / 'graph.jsonl')[0] == 0
    fails('is a graph already', 'graph', tmp_path / 'graph.jsonl', '-o', page)
    folder = tmp_path / 'folder.ttl'
    folder.mkdir()
    # What cannot be written is told of before anything is read.
    fails('is a folder: name a file', 'graph', results, '-o', folder)
    fails('is a folder: name a file', 'explain', ' ', '-o', tmp_path / 'a.PDF', '-o',
          folder)
    plain = tmp_path / 'plain'
    plain.write_text('')
    fails('is a file: name a folder', 'graph', results, '-o', plain)
    for module in ('rdflib', 'matplotlib'):
        monkeypatch.setitem(sys.modules, module, None)
    fails('eega_pyg[rdf]', 'graph', results, '-o', tmp_path / 'graph.ttl')
    fails('eega_pyg[plot]', 'graph', results, '-o', tmp_path / 'graph.pdf')
    fails('eega_pyg[plot]', 'explain', ' ', '-o', tmp_path / 'figure.svg')


def test_a_100_megapixel_image_is_a_clear_answer(eega, trained, tmp_path):
    Image.new('1', (10_001, 10_000)).save(tmp_path / 'huge.png')
    code, _, err = eega('explain', TEXT, '-m', trained, '--caption', 'a man', '--image',
                        tmp_path / 'huge.png', '-o', tmp_path / 'page.html')
    assert code == 1
    assert 'huge.png' in err and '10,001 x 10,000 pixels' in err
