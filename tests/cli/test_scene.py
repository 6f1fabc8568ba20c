import json

import pytest
from PIL import Image

from eega_pyg.schema import SceneGraph


@pytest.fixture
def scene(eega, tmp_path):
    r"""Runs ``eega scene``; gives exit code, output and errors."""
    return lambda *args: eega('scene', *args, '--output', tmp_path / 'out')


RANDOM = ('--detector', 'ssdlite', '--weights', 'random', '--score', 0, '--top-k', 3)


def test_images_become_files_and_a_broken_one_an_exit_code(scene, tmp_path):
    pytest.importorskip('matplotlib')
    folder = tmp_path / 'in'
    folder.mkdir()
    Image.effect_noise((64, 48), 90).save(folder / 'a.png')
    code, out, err = scene(folder, *RANDOM, '--draw')
    assert (code, 'random weights' in err) == (0, True)
    assert '1 scene graphs' in out and '0 failed' in out
    graph = SceneGraph.from_json((tmp_path / 'out' / 'a.png.json').read_text())
    assert len(graph.objects) == 3 and graph.objects[0].feature is None
    assert Image.open(tmp_path / 'out' / 'a.png.png').size[0] > 64

    (folder / 'b.jpg').write_bytes(b'\xff\xd8\xff broken')
    code, out, err = scene(folder, tmp_path / 'gone.png', *RANDOM)
    assert code == 1
    assert '1 scene graphs' in out and '1 from the cache' in out and '2 failed' in out
    assert 'b.jpg' in err and 'gone.png' in err and 'Traceback' not in err
    summary = json.loads((tmp_path / 'out' / 'summary.json').read_text())
    assert set(summary['failed']) == {'b.jpg', 'gone.png'}


def test_captions_need_no_detector(scene, tmp_path, monkeypatch):
    from eega_pyg.vision import RCNNDetector
    monkeypatch.setattr(RCNNDetector, 'mask_rcnn', lambda *a, **k: pytest.fail('built'))
    line = {'img_id': 'x.jpg', 'caption': 'a man in a red hat'}
    (tmp_path / 'captions.jsonl').write_text(json.dumps(line))
    code, out, _ = scene(tmp_path / 'captions.jsonl')
    assert code == 0 and '1 scene graphs' in out
    graph = SceneGraph.from_json((tmp_path / 'out' / 'x.jpg.json').read_text())
    assert [o.label for o in graph.objects] == ['man', 'red hat']
    assert [p.predicate for p in graph.predicates] == ['in']


def test_an_image_and_its_caption_are_merged(scene, tmp_path):
    Image.effect_noise((64, 48), 90).save(tmp_path / 'x.png')
    line = {'img_id': 'x.png', 'caption': 'a man in a red hat'}
    (tmp_path / 'captions.jsonl').write_text(json.dumps(line))
    code, _, _ = scene(tmp_path / 'x.png', tmp_path / 'captions.jsonl', *RANDOM)
    graph = SceneGraph.from_json((tmp_path / 'out' / 'x.png.json').read_text())
    assert code == 0
    assert {'red hat'} <= {o.label for o in graph.objects}
    assert any(o.box is not None for o in graph.objects)


def test_errors_are_one_line(scene, tmp_path):
    (tmp_path / 'a.png').parent.joinpath('none').mkdir()
    for args, message in ((('none', ), 'holds no image'), (('a.png', '--weights',
                                                            'gone.pth'), 'gone.pth')):
        Image.new('RGB', (4, 4)).save(tmp_path / 'a.png')
        code, out, err = scene(tmp_path / args[0], *args[1:])
        assert code == 1 and out == ''
        assert err.splitlines()[-1].startswith('error: ') and message in err
        assert 'Traceback' not in err


def test_one_bad_caption_stops_no_other_and_brackets_are_no_markup(eega, tmp_path):
    names = ['first.jpg', 'summary', 'a\0[/b]', 'x' * 252, '../x', 'last[_red].jpg']
    path = tmp_path / 'captions.jsonl'
    path.write_text('\n'.join(
        json.dumps({
            'img_id': name,
            'caption': 'a man in a red hat'
        }) for name in names))
    folder = tmp_path / 'run[' / 'x]'
    code, out, err = eega('scene', path, '--out', folder)
    assert code == 1 and '2 scene graphs' in out and '4 failed' in out
    assert str(folder) in out and 'Traceback' not in err and '[/b]' in err
    assert (folder / 'first.jpg.json').is_file()
    assert (folder / 'last[_red].jpg.json').is_file()
