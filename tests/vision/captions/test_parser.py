import json
import re
import time

import pytest
import spacy

from eega_pyg.parsing import Parser
from eega_pyg.vision import CaptionParser, read_captions


@pytest.fixture(scope='module')
def nlp():
    return Parser().nlp


@pytest.fixture(scope='module')
def parser(nlp):
    return CaptionParser(nlp)


def triples(graph):
    labels = [obj.label.split()[-1] for obj in graph.objects]
    return {
        f'{labels[p.subject]} {p.predicate} {labels[p.object]}'
        for p in graph.predicates
    }


# Written by hand: the caption, its objects in order, its triples by head nouns.
CAPTIONS = [
    ('a man in a red uniform posing for a photo with a trophy',
     ['man', 'red uniform', 'trophy'], {'man in uniform', 'man pose with trophy'}),
    ('A photo of a man and a woman holding flags.', ['man', 'woman', 'flag'],
     {'man hold flag', 'woman hold flag'}),
    ('two police cars and an ambulance are parked in front of a building',
     ['police car', 'ambulance', 'building'
      ], {'car park in front of building', 'ambulance park in front of building'}),
    ('a car is parked in a lot', ['car', 'lot'], {'car park in lot'}),
    ('a man is surrounded by a crowd of people', ['man', 'crowd', 'people'],
     {'crowd surround man', 'crowd of people'}),
    ('A woman with long black hair and red lipstick smiling at the camera. '
     'She is wearing a red top.',
     ['woman', 'long black hair', 'red lipstick',
      'red top'], {'woman with hair', 'woman with lipstick', 'woman wear top'}),
    ('A man in a suit and tie standing at a podium with a microphone.',
     ['man', 'suit', 'tie', 'podium', 'microphone'],
     {'man in suit', 'man in tie', 'man stand at podium', 'podium with microphone'}),
    ('a horse ridden by two soldiers', ['horse', 'soldier'], {'soldier ride horse'}),
    ('a woman who holds a camera', ['woman', 'camera'], {'woman hold camera'}),
    ('a bag with a picture on it', ['bag',
                                    'picture'], {'bag with picture', 'picture on bag'}),
    ('The image shows a sign with the word "STOP" in white letters.',
     ['sign', 'word', 'white letter'], {'sign with word', 'word in letter'}),
    ('A boy is kicking a red ball. The boy wears a blue shirt.',
     ['boy', 'red ball', 'blue shirt'], {'boy kick ball', 'boy wear shirt'}),
    ("a man's hand holding up a phone", ['man', 'hand', 'phone'],
     {'man have hand', 'hand hold up phone'}),
    ('A man and a woman standing next to each other, with a city in the background.',
     ['man', 'woman',
      'city'], {'man stand next to woman', 'man with city', 'woman with city'}),
    ('Two women in a crowd, one with a black top and the other with a floral dress.',
     ['woman', 'crowd', 'black top',
      'floral dress'], {'woman in crowd', 'woman with top', 'woman with dress'}),
    ('a cat sitting on top of a car', ['cat', 'car'], {'cat sit on top of car'}),
    ('A man holds a dog. A woman stands behind him. She is wearing glasses.',
     ['man', 'dog', 'woman',
      'glasses'], {'man hold dog', 'woman stand behind man', 'woman wear glasses'}),
    ('a bus and a truck driving down the street', ['bus', 'truck', 'street'],
     {'bus drive down street', 'truck drive down street'}),
    ('a woman in a red dress holding a baby', ['woman', 'red dress', 'baby'],
     {'woman in dress', 'woman hold baby'}),
    ('a group of men playing soccer in a field at night', ['man', 'soccer', 'field'],
     {'man play soccer', 'man play in field'}),
    ('The man appears to be a politician. He is wearing a hat.', ['man', 'hat'],
     {'man wear hat'}),
    ('a man wearing a hat and a woman in a black dress',
     ['man', 'hat', 'woman', 'black dress'], {'man wear hat', 'woman in dress'}),
]


@pytest.mark.parametrize('caption, objects, expected', CAPTIONS)
def test_caption(parser, caption, objects, expected):
    graph, = parser.parse([caption])
    assert [obj.label for obj in graph.objects] == objects
    assert triples(graph) == expected


def test_batch_gives_what_each_caption_gives_alone(parser):
    captions = [caption for caption, _, _ in CAPTIONS]
    alone = [parser.parse([caption])[0] for caption in captions]
    assert parser.parse(captions + captions[::-1]) == alone + alone[::-1]


@pytest.mark.parametrize('caption', ['', '  ', '"', '...', '🙂', 'the', '# @ $ 3'])
def test_caption_without_a_noun_is_an_empty_graph(parser, caption):
    graph, = parser.parse([caption])
    assert graph.objects == () and graph.predicates == ()


@pytest.mark.parametrize('caption', [
    'a photo of a dog',
    'A blurry image of a dog.',
    'The image features a dog.',
    'In this picture, there is a dog.',
    'a close up of a dog at night',
    'there is an image of a dog in the background',
])
def test_phrases_about_the_picture_leave_no_object(parser, caption):
    graph, = parser.parse([caption])
    assert [obj.label for obj in graph.objects] == ['dog']


def test_what_is_absent_is_no_object(parser):
    graph, = parser.parse(['a man without a hat next to a truck'])
    assert [obj.label for obj in graph.objects] == ['man', 'truck']


def test_an_indefinite_mention_is_new_and_a_definite_one_is_not(parser):
    graph, = parser.parse(['A man is talking to another man. The man wears a hat.'])
    assert [obj.label for obj in graph.objects] == ['man', 'man', 'hat']


def test_objects_in_most_predicates_stay(nlp):
    caption = 'A cat. A dog. A man in a hat holding a flag.'
    everything, = CaptionParser(nlp).parse([caption])
    assert [o.label for o in everything.objects] == ['cat', 'dog', 'man', 'hat', 'flag']
    graph, = CaptionParser(nlp, max_objects=3).parse([caption])
    assert [o.label for o in graph.objects] == ['man', 'hat', 'flag']
    assert triples(graph) == triples(everything) == {'man in hat', 'man hold flag'}
    graph, = CaptionParser(nlp, max_objects=1).parse([caption])
    assert [o.label for o in graph.objects] == ['man'] and graph.predicates == ()


def test_bad_arguments_are_named(nlp, parser):
    with pytest.raises(ValueError, match=r'max_objects >= 1 \(got 0\)'):
        CaptionParser(nlp, max_objects=0)
    with pytest.raises(ValueError, match='pipeline with a tagger'):
        CaptionParser(spacy.blank('en'))
    with pytest.raises(ValueError, match='single string'):
        parser.parse('a dog')
    with pytest.raises(ValueError, match='Caption 1: expected a string.*None'):
        parser.parse(['a dog', None])


def test_captions_are_read_in_order_and_repeats_agree(tmp_path):
    first, second = tmp_path / 'a.jsonl', tmp_path / 'b.jsonl'
    lines = [{'img_id': 'x.jpg', 'caption': 'É'}, {'img_id': 'y.jpg', 'caption': ''}]
    first.write_text('\n\n'.join(map(json.dumps, lines)), encoding='utf-8')
    second.write_text(json.dumps(lines[0], ensure_ascii=False) + '\n', encoding='utf-8')
    expected = {'x.jpg': 'É', 'y.jpg': ''}
    assert read_captions([first, str(second)]) == expected
    assert list(read_captions(first)) == ['x.jpg', 'y.jpg']


@pytest.mark.parametrize('line, message', [
    (b'{"img_id": "x", ', 'not valid JSON'),
    (b'["x", "a dog"]', r'expected an object .got \[.x., .a dog.\]'),
    (b'{"img_id": "x"}', "missing 'caption'"),
    (b'{"caption": "a dog"}', "missing 'img_id'"),
    (b'{"img_id": 3, "caption": "a dog"}', 'img_id: expected a string .got 3'),
    (b'{"img_id": "x", "caption": null}', 'caption: expected a string .got None'),
    (b'{"img_id": " ", "caption": "a dog"}', 'img_id: expected a non-empty string'),
    (b'{"img_id": "ok", "caption": "a dog"}', "'ok' has another caption"),
    (b'{"img_id": "x", "caption": "\xff"}', 'not UTF-8'),
    (b'{"img_id": "x", "caption": "\\ud800"}', 'caption: .* half of a surrogate pair'),
    (b'[' * 100_000, 'not valid JSON'),
])
def test_a_bad_line_is_named_by_file_and_number(tmp_path, line, message):
    path = tmp_path / 'captions.jsonl'
    path.write_bytes(b'{"img_id": "ok", "caption": "a cat"}\n' + line + b'\n')
    with pytest.raises(ValueError, match=f'captions.jsonl:2: .*{message}'):
        read_captions([path])


@pytest.mark.real
def test_real_captions_are_read_and_parsed(parser, shared_data):
    captions = read_captions(shared_data / 'captions' / 'instructblip_val.jsonl')
    assert len(captions) == 931
    graphs = parser.parse(list(captions.values())[:300])
    assert sum(len(g.objects) > 0 for g in graphs) >= 295
    assert all(len(g.objects) <= 10 for g in graphs)


@pytest.mark.parametrize('caption, objects, expected', [
    ('A woman is not wearing a hat', ['woman'], set()),
    ("A man isn't holding a phone", ['man'], set()),
    ('The players are not on the field', ['player'], set()),
    ('A woman who does not have a bag', ['woman'], set()),
    ('A woman holding neither a bag nor a phone', ['woman'], set()),
    ('A child never wears shoes', ['child'], set()),
    ('A cat that is not on the sofa', ['cat'], set()),
    ('A dog without a leash chasing a ball', ['dog', 'ball'], {'dog chase ball'}),
    ('A woman without a hat or a bag is walking a dog', ['woman', 'dog'
                                                         ], {'woman walk dog'}),
    ('The man does not wear a hat but holds a trophy', ['man', 'trophy'
                                                        ], {'man hold trophy'}),
    ('None of the men wear a tie', ['man'], set()),
    ('A kitchen lacking a stove', ['kitchen'], set()),
    ('An empty room with neither chairs nor tables', ['empty room'], set()),
    ('A plate with a sandwich but no knife', ['plate', 'sandwich'
                                              ], {'plate with sandwich'}),
])
def test_what_is_denied_is_not_seen(parser, caption, objects, expected):
    graph, = parser.parse([caption])
    assert [o.label for o in graph.objects] == objects
    assert triples(graph) == expected


@pytest.mark.parametrize('caption, expected', [
    ('A man riding a horse and a woman riding a bike',
     {'man ride horse', 'woman ride bike'}),
    ('A man holding a ball and a woman holding a racket',
     {'man hold ball', 'woman hold racket'}),
    ('A woman in a dress and a man in a suit', {'woman in dress', 'man in suit'}),
    ('A dog chasing a cat and a bird sitting on a fence',
     {'dog chase cat', 'bird sit on fence'}),
])
def test_two_who_do_something_each_are_not_mixed(parser, caption, expected):
    graph, = parser.parse([caption])
    assert triples(graph) == expected


@pytest.mark.parametrize('caption, objects, expected', [
    ('a man eating a hot dog next to a dog', ['man', 'hot dog', 'dog'],
     {'man eat dog', 'man eat next to dog'}),
    ('a child holding a teddy bear in front of a bear', ['child', 'teddy bear', 'bear'],
     {'child hold bear', 'child hold in front of bear'}),
    ('two men hugging each other on a court', ['man', 'court'], {'man on court'}),
    ('a man and a woman hugging on a court', ['man', 'woman', 'court'],
     {'man hug woman', 'man on court', 'woman on court'}),
    ('a man and a woman kissing each other in front of a church', [
        'man', 'woman', 'church'
    ], {'man kiss woman', 'man in front of church', 'woman in front of church'}),
    ('a player in a green shirt on the field', ['player', 'green shirt', 'field'],
     {'player in shirt', 'player on field'}),
    ('a man running on the beach with a surfboard', ['man', 'beach', 'surfboard'],
     {'man run on beach', 'man run with surfboard'}),
    ('people walking on a street with trees', ['people', 'street', 'tree'],
     {'people walk on street', 'street with tree'}),
    ('several boys run down a hill wearing helmets', ['boy', 'hill', 'helmet'
                                                      ], {'boy wear helmet'}),
    ('A character, a woman with red hair, holding a sword.', [
        'character', 'red hair', 'sword'
    ], {'character with hair', 'character hold sword'}),
    ('a man with the word love on his shirt', ['man', 'word', 'shirt'],
     {'man with word', 'word on shirt', 'man have shirt'}),
    ('children sitting on chairs with balloons around them', [
        'child', 'chair', 'balloon'
    ], {'child sit on chair', 'chair with balloon', 'balloon around child'}),
    ('a screenshot of a video game with a car', ['video game', 'car'
                                                 ], {'game with car'}),
])
def test_mistakes_of_version_4_are_mended(parser, caption, objects, expected):
    graph, = parser.parse([caption])
    assert [o.label for o in graph.objects] == objects
    assert triples(graph) == expected


@pytest.mark.slow
@pytest.mark.parametrize('text', [
    'a man riding a horse and ' * 100_000, 'man, woman, ' * 100_000,
    'x' * 2_000_000, 'a ' * 1_000_000
], ids=['and', 'commas', 'one word', 'articles'])  # yapf: disable
def test_a_caption_of_megabytes_is_read_up_to_a_bound(parser, text):
    start = time.process_time()
    parser.parse([text])
    assert time.process_time() - start < 10


def test_of_a_long_caption_the_first_words_are_read(parser):
    filler = 'the ' * 998
    first, last = (parser.parse([text])
                   for text in ('a dog ' + filler + 'cat', 'dog ' + filler + 'a cat'))
    assert [o.label for o in first[0].objects] == ['dog']
    assert 'cat' not in [o.label for o in last[0].objects]


def test_the_progress_bar_ends_with_the_last_caption(parser, monkeypatch, capsys):
    monkeypatch.setenv('FORCE_COLOR', '1')  # As on a terminal.
    monkeypatch.setenv('TERM', 'xterm')
    parser.parse(['a man with a hat', 'a dog on a sofa'] * 3, progress=True)
    assert re.findall(r'(\d+)%', capsys.readouterr().err)[-1] == '100'
