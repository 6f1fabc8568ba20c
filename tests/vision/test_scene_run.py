import errno
import json
import os
import shutil

import pytest
from PIL import Image

from eega_pyg.schema import SceneGraph, SceneObject
from eega_pyg.vision.scene_run import SceneRun


class Counting:
    r"""An image parser that counts its pictures and names them by their colour."""
    def __init__(self):
        self.seen = 0

    def __call__(self, images):
        self.seen += len(images)
        if any(i.size == (13, 13) for i in images):
            raise RuntimeError('out of memory')
        colour = {(255, 0, 0): 'red', (0, 0, 255): 'blue'}
        return [
            SceneGraph((SceneObject(colour[i.getpixel((0, 0))], 0.5, (0, 0, 1, 1),
                                    (1., 2.)), )) for i in images
        ]


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / 'in'
    folder.mkdir()
    Image.new('RGB', (4, 4), 'red').save(folder / 'a.png')
    Image.new('RGB', (4, 4), 'blue').save(folder / 'b.png')
    (folder / 'notes.txt').write_text('no image')
    return folder


@pytest.fixture
def run(tmp_path):
    parser = Counting()

    def run(*sources, merge=None, **kwargs):
        runner = SceneRun(tmp_path / 'out', lambda: parser, lambda: Captions(), merge,
                          kwargs.pop('settings', {'top_k': 3}), **kwargs)
        return runner.run(sources)

    run.parser, run.folder = parser, tmp_path / 'out'
    return run


class Captions:
    def parse(self, captions):
        return [SceneGraph((SceneObject(c), )) for c in captions]


def read(folder, name):
    return SceneGraph.from_json((folder / f'{name}.json').read_text())


def test_every_image_of_a_folder_becomes_a_file(run, images):
    summary = run(images)
    assert summary.written == ['a.png', 'b.png'] and not summary.failed
    assert read(run.folder, 'a.png').objects[0].label == 'red'
    assert read(run.folder, 'b.png').objects[0].feature is None
    told = json.loads((run.folder / 'summary.json').read_text())
    assert (told['written'], told['cached'], told['top_k']) == (2, 0, 3)


def test_what_was_done_is_not_done_again_under_any_name(run, images):
    run(images)
    shutil.copy(images / 'a.png', images / 'copy.png')
    summary = run(images)
    assert run.parser.seen == 2 and summary.cached == 3
    assert read(run.folder, 'copy.png') == read(run.folder, 'a.png')
    Image.new('RGB', (5, 5), 'blue').save(images / 'a.png')
    run(images)
    assert run.parser.seen == 3
    assert read(run.folder, 'a.png').objects[0].label == 'blue'


def test_other_settings_have_another_cache(run, images):
    run(images)
    run(images, settings={'top_k': 4})
    assert run.parser.seen == 4
    run(images, features=True)
    assert read(run.folder, 'a.png').objects[0].feature == (1., 2.)


def test_a_stopped_run_goes_on_where_it_was(run, images):
    def stop(done, total):
        raise KeyboardInterrupt

    runner = SceneRun(run.folder, lambda: run.parser, Captions, None, {'top_k': 3},
                      batch_size=1)
    with pytest.raises(KeyboardInterrupt):
        runner.run([images], stop)
    assert run.parser.seen == 1
    assert run(images).cached == 1 and run.parser.seen == 2


def test_a_damaged_cache_is_computed_anew(run, images):
    run(images)
    for name in os.listdir(run.folder / 'cache'):
        (run.folder / 'cache' / name).write_text('{')
    run(images)
    assert run.parser.seen == 4


def test_what_cannot_be_read_is_reported_and_stops_nothing(run, images):
    content = (images / 'a.png').read_bytes()
    (images / 'cut.png').write_bytes(content[:len(content) // 2])
    (images / 'empty.jpg').write_bytes(b'')
    (images / 'text.gif').write_text('text')
    Image.new('RGB', (13, 13), 'red').save(images / 'large.png')
    summary = run(images, images / 'gone.png')
    assert summary.written == ['a.png', 'b.png']
    assert set(summary.failed) == {
        'cut.png', 'empty.jpg', 'text.gif', 'large.png', 'gone.png'
    }
    assert 'out of memory' in summary.failed['large.png']
    assert json.loads(
        (run.folder / 'summary.json').read_text())['failed'] == summary.failed


def test_captions_alone_and_with_their_image(run, images, tmp_path):
    lines = [{'img_id': 'a.png', 'caption': 'x'}, {'img_id': 'c.png', 'caption': 'y'}]
    path = tmp_path / 'captions.jsonl'
    path.write_text('\n'.join(map(json.dumps, lines)))

    def merge(image, caption):
        return SceneGraph((*image.objects, *caption.objects))

    summary = run(images, path, merge=merge)
    assert sorted(summary.written) == ['a.png', 'b.png', 'c.png']
    labels = [[o.label for o in read(run.folder, n).objects]
              for n in sorted(summary.written)]
    assert labels == [['red', 'x'], ['blue'], ['y']]


def test_a_caption_cannot_write_outside_the_folder(run, tmp_path):
    path = tmp_path / 'captions.jsonl'
    path.write_text('\n'.join(
        json.dumps({
            'img_id': name,
            'caption': 'x'
        }) for name in ('../evil', '/tmp/evil', '..', 'good')))
    summary = run(path)
    assert summary.written == ['good'] and len(summary.failed) == 3
    assert not (tmp_path / 'evil.json').exists()


def test_two_images_of_one_name_are_told_apart(run, images, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    shutil.copy(images / 'b.png', other / 'a.png')
    summary = run(images, other)
    assert read(run.folder, 'a.png').objects[0].label == 'red'
    assert 'another image has this name' in summary.failed[str(other / 'a.png')]


def test_a_folder_without_images_is_named(run, tmp_path):
    (tmp_path / 'none').mkdir()
    with pytest.raises(ValueError, match="none' holds no image"):
        run(tmp_path / 'none')


def test_each_graph_is_drawn(run, images):
    drawn = []
    run(
        images, draw=lambda image, graph, path: drawn.append(
            (image.size, graph.objects[0].label, path.name)))
    assert drawn == [((4, 4), 'red', 'a.png.png'), ((4, 4), 'blue', 'b.png.png')]


def write_captions(path, names):
    lines = [
        json.dumps({
            'img_id': n,
            'caption': f'a {i}'
        }) for i, n in enumerate(names)
    ]
    path.write_text('\n'.join(lines))
    return path


@pytest.mark.parametrize('bad, reason', [
    ('x' * 251, '256 bytes, and 255 are possible'),
    ('é' * 126, '257 bytes'),
    ('a\0b', 'cannot be the name of a file'),
    ('summary', "the file of the run's own summary"),
    ('SUMMARY', "the file of the run's own summary"),
    ('../x', 'cannot be the name of a file'),
    ('a/b', 'cannot be the name of a file'),
    ('.', 'cannot be the name of a file'),
])
def test_one_bad_name_stops_no_other(run, images, tmp_path, bad, reason):
    path = write_captions(tmp_path / 'captions.jsonl',
                          ['first', bad, 'x' * 240, 'last'])
    summary = run(path, images)
    assert summary.written == ['first', 'x' * 240, 'last', 'a.png', 'b.png']
    (why, ) = summary.failed.values()
    assert reason in why
    assert read(run.folder, 'x' * 240).objects[0].label == 'a 2'
    told = json.loads((run.folder / 'summary.json').read_text())
    assert told['written'] == 5 and told['failed'] == summary.failed


def test_a_place_that_is_taken_stops_no_other(run, tmp_path):
    (run.folder / 'b.json').mkdir(parents=True)
    summary = run(write_captions(tmp_path / 'captions.jsonl', 'abc'))
    assert summary.written == ['a', 'c'] and list(summary.failed) == ['b']


def test_an_image_whose_name_is_not_utf_8_is_parsed(run, images):
    shutil.copy(images / 'a.png', os.fsencode(images) + b'/\xff.png')
    (images / 'cut').write_bytes(b'')
    os.rename(images / 'cut', os.fsencode(images) + b'/\xfe.png')
    summary = run(images)
    assert len(summary.written) == 3
    assert list(summary.failed) == ['?.png'] and "?.png'" in summary.failed['?.png']
    assert os.fsencode('\udcff.png.json') in os.listdir(os.fsencode(run.folder))


def test_a_full_disk_ends_the_run_and_leaves_what_is_written(run, tmp_path,
                                                             monkeypatch):
    from eega_pyg.vision import scene_run
    write = scene_run.write_text

    def write_text(path, text):
        if path.name == 'c.json':
            raise OSError(errno.ENOSPC, 'No space left on device')
        write(path, text)

    monkeypatch.setattr(scene_run, 'write_text', write_text)
    with pytest.raises(OSError, match='No space left'):
        run(write_captions(tmp_path / 'captions.jsonl', 'abcd'))
    assert sorted(p.name for p in run.folder.glob('*.json')) == ['a.json', 'b.json']


def test_captions_are_read_some_at_a_time_and_one_by_one_if_they_fail(
        tmp_path, monkeypatch):
    from eega_pyg.vision import scene_run
    monkeypatch.setattr(scene_run, '_CAPTIONS', 3)
    asked = []

    class Parser(Captions):
        def parse(self, captions):
            asked.append(len(captions))
            if 'a 4' in captions:
                raise ValueError('[E088] too long')
            return super().parse(captions)

    runner = SceneRun(tmp_path / 'out', None, Parser, None, {}, batch_size=2)
    path = write_captions(tmp_path / 'captions.jsonl', 'abcdefgh')
    summary = runner.run([path])
    assert summary.written == list('abcdfgh')
    assert 'its caption cannot be read: [E088] too long' in summary.failed['e']
    assert max(asked) == 3


def test_what_a_killed_run_left_is_removed(run, images):
    import subprocess
    import sys
    folder = run.folder / 'cache'
    folder.mkdir(parents=True)
    code = ('import os, sys\nfrom eega_pyg.files import atomic\n'
            'with atomic(sys.argv[1]): os._exit(9)')
    for path in (run.folder / 'a.png.json', folder / 'b.json'):
        subprocess.run([sys.executable, '-c', code, str(path)], check=False)
    assert len(list(run.folder.rglob('*.tmp'))) == 2
    run(images)
    assert list(run.folder.rglob('*.tmp')) == []


def test_a_parser_that_reads_captions_is_told_them(tmp_path, images):
    told = []

    class Listening:
        reads_text = True

        def __call__(self, pictures, texts):
            told.extend(texts)
            return [SceneGraph((SceneObject(t), )) for t in texts]

    def run(caption):
        (tmp_path / 'c.jsonl').write_text(
            json.dumps({
                'img_id': 'a.png',
                'caption': caption
            }))
        runner = SceneRun(tmp_path / 'out', Listening, Captions,
                          lambda image, caption: image, {}, reads_text=True)
        return runner.run([images, tmp_path / 'c.jsonl'])

    summary = run('a dog')
    assert summary.written == ['a.png'] and 'no caption' in summary.failed['b.png']
    run('a cup')
    assert run('a dog').cached == 1 and told == ['a dog', 'a cup']
    assert read(tmp_path / 'out', 'a.png').objects[0].label == 'a dog'
