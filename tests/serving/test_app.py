import asyncio
import base64
import io
import json
import re
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from eega_pyg.extraction.item import Item
from eega_pyg.knowledge_graph import KnowledgeGraph
from eega_pyg.serving import Limits, create_app
from eega_pyg.visualize.explain_page import explain_page

LIMITS = Limits(waiting=40, items=20, body=400_000, memory=4_000_000, pixels=10_000)
SENTENCES = [
    'Striker Marco Bellini joins Harbor City FC in Lisbon',
    'Sofia',
    'RT @news : singer Nora Blake and actor Tom Reed were seen in Paris , France',
    'Emmanuel Macron lives in Paris. ' * 4,
]


@pytest.fixture(scope='module')
def app(extractor):
    return create_app(extractor, LIMITS, name='tiny')


@pytest.fixture(scope='module')
def client(app):
    with TestClient(app) as client:
        yield client


def picture(size=(4, 2), color='red', form='PNG'):
    file = io.BytesIO()
    Image.new('RGB', size, color).save(file, form)
    return file.getvalue()


def same(a, b):
    r"""Whether values are equal, numbers to what another size of batch gives."""
    if isinstance(a, float):
        return a == pytest.approx(b, abs=1e-4)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def expected(extractor, items, threshold=None, align=False):
    results = extractor.batch(items, align=align, threshold=threshold)
    return [json.loads(result.to_json()) for result in results]


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_results_of_many_clients_at_once_are_those_of_the_extractor(client, extractor):
    graph = {'objects': [{'label': 'man'}, {'label': 'ball'}], 'predicates': []}
    asked = [{
        'items': [{
            'text': text,
            'caption': 'a man kicking a ball',
            'metadata': {
                'n': n
            }
        }, {
            'words': text.split(),
            'scene_graph': graph,
            'image_id': 'x.jpg'
        }, text][:1 + n % 3],
        'align':
        n % 2 == 0,
        'min_probability': (None, 0.0, 0.2)[n % 3]
    } for n, text in enumerate(SENTENCES * 4)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda x: client.post('/v1/extract', json=x), asked))
    assert [answer.status_code for answer in answers] == [200] * len(asked)
    for question, answer in zip(asked, answers):
        items = [
            Item(x) if isinstance(x, str) else Item.from_dict(x)
            for x in question['items']
        ]
        wanted = expected(extractor, items, question['min_probability'],
                          question['align'])
        assert same(answer.json()['results'], wanted)


def test_an_image_is_read_in_base64_and_as_an_upload(client, looker):
    content = picture((6, 3), 'blue')
    data = base64.b64encode(content).decode()
    text = 'Nora Blake in Paris'
    answers = [
        client.post('/v1/extract', json={'items': [{
            'text': text,
            'image': image
        }]}) for image in (data, f'data:image/png;base64,{data}')
    ]
    lines = base64.encodebytes(content).decode()
    assert '\n' in lines[:-1]
    assert client.post('/v1/extract', json={
        'items': [{
            'text': text,
            'image': lines
        }]
    }).json() == answers[0].json()
    answers.append(
        client.post('/v1/extract', data={'text': text},
                    files={'image': ('a/b.png', content)}))
    for answer, name in zip(answers, ('', '', 'b.png')):
        result, = answer.json()['results']
        labels = [x['label'] for x in result['scene_graph']['objects']]
        assert labels == ['6 by 3', '(0, 0, 255)']
        assert result['image_id'] == name and 'image' not in result
    # Beside a caption nobody looks at it.
    looker.sizes.clear()
    answer = client.post('/v1/extract', data={
        'text': text,
        'caption': 'a man',
        'align': 'true'
    }, files={'image': content})
    result, = answer.json()['results']
    assert [x['label'] for x in result['scene_graph']['objects']] == ['man']
    assert looker.sizes == []
    # As a browser sends a form of which no file was chosen.
    body = ('--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n'
            f'{text}\r\n--x\r\nContent-Disposition: form-data; name="image"; '
            'filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n'
            '--x--\r\n')
    answer = client.post('/v1/extract', content=body.encode(),
                         headers={'content-type': 'multipart/form-data; boundary=x'})
    assert answer.status_code == 200 and answer.json()['results'][0]['image_id'] == ''


@pytest.mark.parametrize('name, reason', [('a.png', "'a.png': not an image"),
                                          ('', "'image': not an image")])
def test_an_image_that_cannot_be_read_is_named(client, name, reason):
    item = {'text': 'Ann', 'image': base64.b64encode(b'GIF').decode(), 'image_id': name}
    answer = client.post('/v1/extract', json={'items': [item]})
    assert f'image: {reason} that can be read' in answer.json()['detail']


def test_an_empty_image_is_called_empty(client):
    answer = client.post('/v1/extract', data={'text': 'Ann'},
                         files={'image': ('a.png', b'')})
    assert answer.json()['detail'] == 'items[0]: image: the file is empty'


def test_answers_are_without_the_features_of_objects(client):
    seen = {'objects': [{'label': 'man', 'feature': [0.5] * 1024}]}
    items = {'items': [{'text': 'Ann in Rome', 'scene_graph': seen}]}
    result, = client.post('/v1/extract', json=items).json()['results']
    explained = client.post('/v1/explain', json=items).json()['result']
    objects = [{'label': 'man', 'score': 1.0}]
    assert result['scene_graph'] == explained['scene_graph'] == {
        'objects': objects,
        'predicates': []
    }


FORM = (b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nAnn in Rome\r\n'
        b'--x\r\nContent-Disposition: form-data; name="min_probability"\r\n\r\n0.9\r\n'
        b'--x--\r\n')


@pytest.mark.parametrize('cut', [len(FORM), len(FORM) - 2, 6, 70, 8])
@pytest.mark.parametrize('boundary', ['x', '"x"'])
def test_a_form_that_is_cut_short_is_refused(client, cut, boundary):
    kind = f'multipart/form-data; boundary={boundary}'
    answer = client.post('/v1/extract', content=FORM[:cut],
                         headers={'content-type': kind})
    if cut >= len(FORM) - 2:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 400
        assert answer.json()['detail'].startswith('The form is cut short')


@pytest.mark.parametrize('kind, status', [
    ('boundary=x; charset=undefined', 415),
    ('boundary=x; charset=latin-1', 415),
    ('boundary=x; charset=UTF-8', 200),
    ('charset=utf-8', 400),
])
def test_a_form_is_in_utf_8_and_has_a_boundary(client, kind, status):
    answer = client.post('/v1/extract', content=FORM,
                         headers={'content-type': f'multipart/form-data; {kind}'})
    assert answer.status_code == status and 'json' in answer.headers['content-type']


def test_no_path_and_no_address_is_opened(client, looker, tmp_path, monkeypatch):
    path = tmp_path / 'a.png'
    path.write_bytes(picture())
    looker.sizes.clear()
    for image in (str(path), f'file://{path}', 'http://127.0.0.1:9/a.png', 'a.png',
                  'aaaa', '', 3, ['x'], {}):
        answer = client.post('/v1/extract',
                             json={'items': [{
                                 'text': 'Ann',
                                 'image': image
                             }]})
        assert answer.status_code == 422, image
        assert answer.json()['detail'].startswith('items[0]: image: ')
    assert looker.sizes == []


@pytest.mark.parametrize('item, reason', [
    ({'text': 'Ann', 'caption': 3}, 'caption: expected a string (got 3)'),
    ({'text': ' '}, 'The text is empty'),
    ({'caption': 'a man'}, "missing 'text'"),
    ({'text': 'Ann', 'captoin': 'a man'}, "unknown field 'captoin'"),
    ({'words': ['Ann', '']}, "words[1]: expected a non-empty string (got '')"),
    ({'text': 'Ann', 'scene_graph': {'objects': [{'label': 'a', 'score': 3}]}},
     'scene_graph.objects[0].score: expected a number <= 1 (got 3)'),
    ({'text': 'Ann', 'metadata': 3}, 'metadata: expected an object (got 3)'),
    (3, 'expected a text or an object (got 3)'),
    ({'text': 'Ann', 'image': base64.b64encode(picture((101, 100))).decode()},
     "image: 'image': the image has 101 x 100 pixels, more than 10,000"),
    ({'text': 'Ann', 'image': base64.b64encode(picture()[:-30]).decode()},
     "image: 'image': the image is damaged or cut short"),
    ({'text': 'Ann', 'image': base64.b64encode(b'%!PS').decode()},
     "image: 'image': not an image that can be read"),
])  # yapf: disable
def test_a_bad_item_is_named_and_nothing_is_read(client, item, reason):
    answer = client.post('/v1/extract', json={'items': ['Ann', item, 'Bob', item]})
    assert answer.status_code == 422
    errors = answer.json()['errors']
    assert [error['item'] for error in errors] == [1, 3]
    assert all(error['reason'].startswith(reason) for error in errors), errors
    assert answer.json()['detail'].startswith(f'items[1]: {reason}')


@pytest.mark.parametrize('body, status, reason', [
    (b'{', 422, 'The request is not valid JSON in UTF-8'),
    (b'{"items": ["\xff"]}', 422, 'The request is not valid JSON in UTF-8'),
    (b'{"items": [NaN]}', 422, 'The request is not valid JSON in UTF-8'),
    (b'{"items": [{"text": "a", "metadata": {"a": 1e999}}]}', 422,
     'The request is not valid JSON in UTF-8: 1e999 is no number'),
    (b'{"items": [{"text": "a", "metadata": {"a": ' + b'[' * 60 + b']' * 60 + b'}}]}',
     422, 'The request is not valid JSON in UTF-8: more than 50 lists'),
    (b'[' * 100_000, 422, 'The request is not valid JSON in UTF-8'),
    (b'[]', 422, 'Expected an object'),
    (b'{}', 422, "missing 'items'"),
    (b'{"items": []}', 422, 'items: expected a length of at least 1'),
    (b'{"items": ["a"], "align": 1}', 422, 'align: expected true or false (got 1)'),
    (b'{"items": ["a"], "min_probability": 2}', 422, 'min_probability: expected'),
    (b'{"items": ["a"], "alig": true}', 422, "unknown field 'alig'"),
    (b'{"items": ["a", "b"], "pairs": true}', 422, 'pairs: the probabilities'),
    (json.dumps({
        'items': ['a'] * 21
    }).encode(), 413, 'items: has 21 items, and at'),
    (json.dumps({
        'items': ['a', 'b' * 20_001]
    }).encode(), 413, 'items[1]: text: has 20,001 characters'),
    (b'"' + b'a' * 400_000 + b'"', 413, 'The request has more than 400,000 bytes'),
])
def test_a_bad_request_is_refused(client, body, status, reason):
    answer = client.post('/v1/extract', content=body,
                         headers={'content-type': 'application/json'})
    assert answer.status_code == status
    assert answer.json()['detail'].startswith(reason)


def test_a_form_has_one_item(client):
    url, file = '/v1/extract', {'image': picture()}
    for data, files, reason in (
        ({'caption': 'a'}, {'text': b'a'}, "'text': expected the only file to be"),
        ({'text': 'a', 'captoin': 'b'}, file, "unknown field 'captoin' (known: text"),
        ({'text': 'a', 'align': 'yes'}, file, "'align': expected JSON (got 'yes')"),
        ({'text': ['a', 'b']}, file, "'text': is there twice"),
        ({'text': 'a', 'items': '[]'}, file, 'items: a form has the fields of one'),
    ):  # yapf: disable
        answer = client.post(url, data=data, files=files)
        assert (answer.status_code,
                answer.json()['detail'].startswith(reason)) == (422, True), answer.text
    # As browsers send fields that nobody has filled in.
    empty = {'text': 'Ann', 'metadata': '', 'scene_graph': '', 'min_probability': ''}
    assert client.post(url, data=empty, files={'x': ('', b'')}).status_code == 200
    answer = client.post(url, content='text=a', headers={'content-type': 'text/plain'})
    assert answer.status_code == 415


def test_pairs_are_the_probabilities_of_the_extractor(client, extractor):
    answer = client.post('/v1/extract', json={'items': SENTENCES[:1], 'pairs': True})
    pairs = answer.json()['results'][0]['pairs']
    result = extractor(SENTENCES[0], pairs=True)
    assert pairs['tags'] == list(result.pairs.tags.names)
    assert pairs['words'] == [list(x) for x in result.offsets]
    assert len(pairs['windows']) == len(result.pairs.windows)
    for window, (places, table) in zip(pairs['windows'], result.pairs.windows):
        assert window['places'] == list(places)
        assert same(window['probabilities'], table.tolist())


def test_an_explanation_is_a_result_and_its_page(client, extractor):
    content = picture((6, 3), 'blue')
    data = {'text': SENTENCES[0], 'caption': 'a man', 'min_probability': '0'}
    answer = client.post('/v1/explain', data=data, files={'image': content}).json()
    item = Item(SENTENCES[0], caption='a man', image_id='upload',
                image=Image.open(io.BytesIO(content)))
    result, = extractor.batch([item], align=True, pairs=True, threshold=0)
    assert same(answer['result'], json.loads(result.to_json()))
    shown, wanted = (json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
                     for page in (answer['page'], explain_page(result)))
    assert shown['image'].startswith('data:image/jpeg;base64,')
    assert same(shown, wanted)
    answer = client.post('/v1/explain', json={'items': ['Ann', 'Bob']})
    assert answer.status_code == 422
    assert answer.json()['detail'].startswith('items: expected a length of at most 1')


def test_a_graph_is_that_of_the_library(client, extractor, tmp_path):
    found = expected(extractor, [Item(x) for x in SENTENCES], align=True)
    graph = KnowledgeGraph.from_results(found)
    for ending in ('jsonl', 'ttl', 'csv'):
        graph.write(tmp_path / f'a.{ending}')
        answer = client.post('/v1/graph', json={'results': found, 'format': ending})
        assert answer.content == (tmp_path / f'a.{ending}').read_bytes()
    # Of items the same entities and relations come out.
    answer = client.post('/v1/graph', json={'items': SENTENCES})
    (tmp_path / 'b.jsonl').write_bytes(answer.content)
    other = KnowledgeGraph.load(tmp_path / 'b.jsonl')
    assert other.nodes.keys() == graph.nodes.keys()
    assert [(r.head, r.relation, r.tail) for r in other.relations
            ] == [(r.head, r.relation, r.tail) for r in graph.relations]
    assert other.sentences == graph.sentences


def test_every_format_of_a_graph_is_written(client, extractor):
    entity = {'text': 'Ann', 'type': 'per', 'start': 0, 'end': 3, 'probability': 0.9}
    other = {'text': 'Bob', 'type': 'per', 'start': 8, 'end': 11, 'probability': 0.9}
    result = {
        'text':
        'Ann and Bob',
        'entities': [entity, other],
        'quintuples': [{
            'head': entity,
            'relation': 'peer',
            'tail': other,
            'probability': 0.8
        }]
    }
    formats = client.get('/v1/model').json()['graph_formats']
    assert len(formats) >= 10
    for form in formats:
        answer = client.post('/v1/graph', json={'results': [result], 'format': form})
        assert answer.status_code == 200 and answer.content, form
        ending = 'zip' if form == 'neo4j' else form
        assert f'filename="graph.{ending}"' in answer.headers['content-disposition']
    assert sorted(
        zipfile.ZipFile(
            io.BytesIO(
                client.post('/v1/graph', json={
                    'results': [result],
                    'format': 'neo4j'
                }).content)).namelist())
    for body, reason in (
        ({}, "missing 'items' or 'results'"),
        ({'results': [result], 'format': '../a.ttl'}, 'format: expected one of jsonl'),
        ({'results': [result], 'images': 'no'}, "images: expected 'attributes'"),
        ({'results': [result, {'text': 3}]}, 'results[1]: text: expected a string'),
        ({'results': [{**result, 'quintuples': []}], 'format': 'svg'}, 'format: There'),
    ):  # yapf: disable
        answer = client.post('/v1/graph', json=body)
        assert answer.status_code == 422
        assert answer.json()['detail'].startswith(reason), answer.text


def number(client, name):
    lines = client.get('/metrics').text.splitlines()
    return next(float(x.split()[1]) for x in lines if x.startswith(name + ' '))


def test_over_the_bound_a_client_is_told_when_to_come_again(client, looker):
    image = base64.b64encode(picture()).decode()
    body = {'items': [{'text': 'Ann', 'image': image}]}
    looker.free.clear()
    calls = looker.calls
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(client.post, '/v1/extract', json=body)
        try:
            until(lambda: looker.calls > calls)  # It is being read; 40 others wait.
            others = [
                pool.submit(client.post, '/v1/extract', json={'items': ['Bob'] * 20})
                for _ in range(2)
            ]
            until(lambda: number(client, 'eega_waiting_items') == 40)
            assert client.get('/readyz').status_code == 503
            assert client.get('/healthz').status_code == 200
            assert client.head('/healthz').status_code == 200
            answer = client.post('/v1/extract', json={'items': ['Cid']})
            assert answer.status_code == 503
            assert 1 <= int(answer.headers['retry-after']) <= 60
        finally:
            looker.free.set()
        assert [x.result().status_code for x in (first, *others)] == [200] * 3
    assert client.get('/readyz').status_code == 200
    assert number(client, 'eega_requests_total{path="/v1/extract",status="503"}') == 1


async def ask(app, path, value=None, gone=None):
    r"""The status and the body of an answer, to a client that hangs up at an event."""
    content = b'' if value is None else json.dumps(value).encode()
    left = [{'type': 'http.request', 'body': content}]
    sent = []

    async def receive():
        if left:
            return left.pop()
        await (gone or asyncio.Event()).wait()
        return {'type': 'http.disconnect'}

    async def send(message):
        sent.append(message)

    await app({
        'type': 'http', 'method': 'GET' if value is None else 'POST', 'path': path,
        'query_string': b'', 'headers': [(b'content-type', b'application/json')]
    }, receive, send)  # yapf: disable
    return sent[0]['status'], b''.join(x.get('body', b'') for x in sent).decode()


def test_a_client_that_hangs_up_frees_its_place(extractor, looker):
    image = base64.b64encode(picture()).decode()

    async def test():
        app = create_app(extractor, LIMITS)

        def start(items, gone=None):
            return asyncio.ensure_future(ask(app, '/v1/extract', {'items': items},
                                             gone))

        async def waiting(count):
            line = f'eega_waiting_items {count:.1f}'
            while line not in (await ask(app, '/metrics'))[1].splitlines():
                await asyncio.sleep(0.005)

        async with app.router.lifespan_context(app):
            looker.free.clear()
            calls = looker.calls
            first = start([{'text': 'Ann', 'image': image}])
            while looker.calls == calls:
                await asyncio.sleep(0.005)
            gone = asyncio.Event()
            others = [start(['Bob'] * 20, gone) for _ in range(2)]
            await waiting(40)
            assert (await start(['Cid']))[0] == 503
            gone.set()
            assert [status for status, _ in await asyncio.gather(*others)] == [499] * 2
            await waiting(0)
            last = start(['Cid'])
            await waiting(1)
            looker.free.set()
            found = await asyncio.gather(first, last)
            assert [status for status, _ in found] == [200, 200]

    try:
        asyncio.run(asyncio.wait_for(test(), 60))
    finally:
        looker.free.set()


def test_the_examples_of_the_description_are_answered(client):
    schema = client.get('/openapi.json').json()
    asked = 0
    for path in ('/v1/extract', '/v1/explain', '/v1/graph'):
        body = schema['paths'][path]['post']['requestBody']['content']
        for example in body['application/json']['examples'].values():
            answer = client.post(path, json=example['value'])
            assert answer.status_code == 200, answer.text
            asked += 1
    assert asked == 5

    def references(value):
        if isinstance(value, dict):
            yield from [value['$ref']] if isinstance(value.get('$ref'), str) else []
            value = list(value.values())
        for part in value if isinstance(value, list) else ():
            yield from references(part)

    known = {f'#/components/schemas/{x}' for x in schema['components']['schemas']}
    assert set(references(schema)) <= known


def test_the_model_is_described(client, extractor):
    about = client.get('/v1/model').json()
    assert about['model'] == 'tiny' and about['images'] is True
    assert about['tags'] == extractor.model.tag_set.to_dict()
    assert (about['threshold'], about['entity_threshold']) == extractor.thresholds
    assert about['limits'] == LIMITS.to_dict()


def test_without_images_they_are_refused(extractor):
    image = base64.b64encode(picture()).decode()
    with TestClient(create_app(extractor, LIMITS, images=False)) as client:
        body = {'items': [{'text': 'Ann', 'image': image}]}
        answer = client.post('/v1/extract', json=body)
        assert answer.status_code == 422
        assert 'this service looks at no images' in answer.json()['detail']
        schemas = client.get('/openapi.json').json()['components']['schemas']
        assert 'image' not in schemas['Item']['properties']
        assert 'image' not in schemas['ExtractRequestForm']['properties']
