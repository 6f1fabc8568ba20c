import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.knowledge_graph import KnowledgeGraph
from eega_pyg.saving import Thresholds
from eega_pyg.saving.saved_model import load_model, write_scales
from eega_pyg.training.run import PairTagging
from eega_pyg.vision import read_captions


def fails(result, message):
    code, out, err = result
    assert code == 1 and out == ''
    assert 'Traceback' not in err and err.count('\n') == 1, err
    assert err.startswith('error: ') and message in err, err


def test_help_lists_the_commands(eega):
    code, out, _ = eega('--help')
    assert code == 0
    for command in ('build', 'convert', 'train', 'evaluate', 'extract', 'explain',
                    'graph', 'scene', 'shrink'):
        assert command in out
        code, text, _ = eega(command, '--help')
        assert code == 0 and '--help' in text
    for command in ('extract', 'explain', 'graph'):
        assert 'default: the checkpoint of the' in eega(command, '--help')[1]


def test_whatever_runs_a_model_has_a_device_and_one_default(eega, small_root, trained,
                                                            tmp_path):
    (tmp_path / 'in.jsonl').write_text('{"text": "Ann"}')
    for command in (
        ('evaluate', small_root, '--model', trained),
        ('extract', 'Ann', '--model', trained),
        ('explain', 'Ann', '--model', trained, '--output', tmp_path / 'a.html'),
        ('graph', tmp_path / 'in.jsonl', '--model', trained, '--output',
         tmp_path / 'a.jsonl'),
        ('scene', tmp_path, '--output', tmp_path / 'scenes'),
    ):
        fails(eega(*command, '--device', 'gpu'), "There is no device 'gpu' here")
        text = ' '.join(eega(command[0], '--help')[1].replace('│', ' ').split())
        assert 'default: the first accelerator, else the CPU' in text
    assert eega('extract', 'Ann', '--model', trained, '--device', 'cpu')[0] == 0


@pytest.mark.slow
def test_less_probable_relations_are_left_out(eega, trained, tmp_path):
    source = tmp_path / 'in.jsonl'
    source.write_text('{"text": "Marco Bellini joins Harbor City FC"}')
    command = ['--model', trained, '--min-probability']
    for least in (0, 1):
        code, out, _ = eega('extract', '--input', source, *command, least)
        found = json.loads(out)['quintuples']
        assert code == 0 and all(q['probability'] >= least for q in found)
        assert eega('graph', source, '--output', tmp_path / 'a.jsonl', *command,
                    least)[0] == 0
        graph = KnowledgeGraph.load(tmp_path / 'a.jsonl')
        assert len(graph.relations) == len(found) and (least or found)
    code, _, err = eega('extract', '--input', source, *command, 2)
    assert code == 2 and '--min-probability' in err


def test_build_prints_the_counts(eega, small_root, tiny_overrides):
    code, out, _ = eega('build', small_root, '--set', tiny_overrides[0])
    assert code == 0
    rows = {
        r[0]: r[1:]
        for r in ([c.strip() for c in line.strip('│').split('│')]
                  for line in out.splitlines() if line.startswith('│'))
    }
    lines = (small_root / 'raw' / 'mnre_val.txt').read_text().splitlines()
    given = sum("'relation': 'None'" not in line for line in lines)
    assert rows['quintuples'][1] == str(given)


def test_build_warns_of_an_image_that_is_left_out(eega, small_root, tiny_overrides,
                                                  tmp_path, monkeypatch):
    root = tmp_path / 'data'
    shutil.copytree(small_root / 'raw', root / 'raw')
    name = next(iter(read_captions(root / 'raw' / 'captions_val.jsonl')))
    for split in ('train', 'val'):
        (root / 'raw' / f'images_{split}').mkdir()
    (root / 'raw' / 'images_val' / name).write_bytes(b'no image')
    monkeypatch.setattr('eega_pyg.vision.SceneParser', lambda: lambda images: [])
    code, _, err = eega('build', root, '--set', tiny_overrides[0], '--set',
                        'data.visual=["images_{split}"]')
    assert code == 0
    told, = (line for line in err.splitlines() if line.startswith('warning: Left out'))
    assert 'Left out: ' in told and name in told


@pytest.mark.slow
def test_training_that_is_stopped_says_how_to_go_on(eega, small_root, tiny_overrides,
                                                    tmp_path, monkeypatch):
    step = PairTagging.training_step

    def stop(module, batch, batch_idx):
        if module.current_epoch == 1:
            raise KeyboardInterrupt
        return step(module, batch, batch_idx)

    command = ['train', small_root, '--output', tmp_path / 'run']
    for override in tiny_overrides:
        command += ['--set', override]
    monkeypatch.setattr(PairTagging, 'training_step', stop)
    code, _, err = eega(*command)
    assert code == 130 and 'the same command with --resume' in err
    monkeypatch.undo()
    assert eega(*command, '--resume')[0] == 0


def test_evaluate_prints_and_writes_scores(eega, small_root, trained, tmp_path):
    code, out, _ = eega('evaluate', small_root, '--model', trained, '--output',
                        tmp_path / 'scores.json')
    assert code == 0
    scores = json.loads((tmp_path / 'scores.json').read_text())
    assert f"{100 * scores['entity_f1']:.2f}" in out
    assert {'quintuple_f1', 'directed_f1', 'quintuple_entity_f1'} <= scores.keys()


def test_extract_from_a_text(eega, trained, tmp_path):
    text = 'Marco Bellini joins Harbor City FC'
    code, out, _ = eega('extract', text, '-m', trained, '--caption',
                        'a man with a ball')
    assert code == 0 and text in out
    graph = tmp_path / 'graph.json'
    graph.write_text('{"objects": [{"label": "man"}]}')
    code, out, _ = eega('extract', text, '-m', trained, '--scene-graph', graph,
                        '--format', 'jsonl')
    value = json.loads(out)
    assert code == 0 and value['text'] == text
    assert value['scene_graph']['objects'] == [{'label': 'man', 'score': 1.0}]


@pytest.mark.slow
def test_extract_from_a_file_and_go_on_after_a_stop(eega, trained, tmp_path,
                                                    monkeypatch):
    source, target = tmp_path / 'in.jsonl', tmp_path / 'out.jsonl'
    source.write_text('{"text": "Nora Blake lives in Oslo"}\n\n'
                      '{"words": ["One"], "caption": "a dog", "image": "1.jpg"}\n'
                      '{"text": "Tom Reed lives in Rome", "image_id": "2.jpg"}\n')
    monkeypatch.chdir(tmp_path)
    image = tmp_path / '1.jpg'
    image.write_bytes(b'one')
    code, out, _ = eega('extract', '--input', source, '-m', trained)
    assert code == 0
    expected = [json.loads(line) for line in out.splitlines()]
    assert [v['image_id'] for v in expected] == ['', '1.jpg', '2.jpg']

    # A run is stopped behind its first result, and while it writes the second.
    command = ['extract', '--input', source, '-m', trained, '--output', target]
    stream = Extractor.stream

    def stop(*args, **kwargs):
        # The last one first: they come as they are done.
        yield [*stream(*args, **kwargs)][-1]
        raise KeyboardInterrupt

    monkeypatch.setattr(Extractor, 'stream', stop)
    part = tmp_path / 'out.jsonl.part'
    code, _, err = eega(*command)
    assert code != 0 and f"1 results are in '{part}'" in err and '--resume' in err
    monkeypatch.setattr(Extractor, 'stream', stream)
    kept = part.read_bytes()
    fails(eega(*command), 'holds 1 results of a stopped run: add --resume')
    fails(eega(*command, '--resume', '--align'), 'with other texts or images, another')
    image.write_bytes(b'another')
    fails(eega(*command, '--resume'), 'with other texts or images, another')
    image.write_bytes(b'one')
    assert part.read_bytes() == kept and not target.exists()

    # What is there already is not done again, unless its line is damaged.
    with part.open('a') as f:
        f.write(f"{kept.splitlines()[1].decode().replace('Rome', 'Oslo')}\n0\ttorn")
    seen = []
    monkeypatch.setattr(
        Extractor, 'stream', lambda self, items, **kwargs:
        (seen.extend(items), stream(self, items, **kwargs))[1])
    code, out, err = eega(*command, '--resume')
    assert code == 0 and out == '' and not part.exists()
    assert f"2 results in '{part}' are damaged or cut off" in err
    assert [item.image_id for item in seen] == ['', '1.jpg']
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [v['text'] for v in lines] == [v['text'] for v in expected]


def test_errors_are_one_clear_line(eega, small_root, trained, tmp_path):
    broken = tmp_path / 'broken.json'
    broken.write_text('{"objects": [{"label": ""}]}')
    extract = ['extract', '-m', trained]
    fails(eega(*extract, ''), 'The text is empty')
    fails(eega(*extract), 'Give a text in quotes, a file, or - for the')
    fails(eega(*extract, 'a', '--input', broken), 'Give either TEXT or --input FILE')
    fails(eega(*extract, 'a', '--scene-graph', broken), 'broken.json: objects[0].label')
    fails(eega(*extract, 'a', '--scene-graph', tmp_path / 'none.json'), 'none.json')
    fails(eega('extract', 'a', '-m', tmp_path / 'nowhere'), 'nowhere')
    lines = tmp_path / 'lines.jsonl'
    lines.write_text('{"text": "a"}\n{"text": ""}\n')
    fails(eega(*extract, '--input', lines), 'lines.jsonl:2: The text is empty')
    lines.write_text('{"text": "a"\n')
    fails(eega(*extract, '--input', lines), 'lines.jsonl:1: ')
    train = ['train', small_root, '--output', tmp_path / 'run']
    fails(eega(*train, '--set', 'train.speed=1'), "train: unknown field 'speed'")
    fails(eega(*train, '--preset', 'nothing'), "no preset or file 'nothing'")
    fails(eega('build', tmp_path / 'empty', '--set', 'data.version=v2'), 'data.version')
    empty = f"There is no data set in '{tmp_path / 'empty'}'"
    fails(eega('build', tmp_path / 'empty'), empty)
    assert not (tmp_path / 'empty').exists()
    fails(eega('train', tmp_path / 'empty', '--output', tmp_path / 'run'), empty)
    fails(eega('evaluate', tmp_path / 'empty', '-m', trained), empty)
    lines.write_text('{"text": "a"}\n\n' + json.dumps({'text': 'a' * 200_001}) + '\n')
    fails(eega(*extract, '--input', lines),
          'lines.jsonl:3: text: has 200001 characters')
    folder = tmp_path / 'folder.jsonl'
    folder.mkdir()
    fails(eega(*extract, 'a', '--output', folder), 'is a folder: name a file')
    fails(eega('scene', tmp_path, '--output', tmp_path / 'scenes', '--device', 'gpu'),
          "There is no device 'gpu' here")


def test_wrong_usage_is_told_from_an_error(eega):
    code, _, err = eega('train', '--hel')
    assert code == 2 and 'No such option' in err


@pytest.mark.slow
def test_own_types_and_relations_through_the_command_line(eega, tmp_path,
                                                          tiny_overrides):
    raw = tmp_path / 'raw'
    raw.mkdir()
    animals, plants = ['fox', 'deer', 'owl', 'bee',
                       'cow'], ['oak', 'fern', 'moss', 'ivy']
    verbs = {'eats': 'eats', 'avoids': 'avoids', 'visits': 'visits'}
    rows = []
    for animal in animals:
        for plant in plants:
            for verb, relation in verbs.items():
                words = ['the', animal, verb, 'the', plant, '.']
                rows.append({
                    'token': words,
                    'h': {
                        'name': animal,
                        'pos': [1, 2]
                    },
                    't': {
                        'name': plant,
                        'pos': [4, 5]
                    },
                    'img_id': f'{len(rows)}.jpg',
                    'relation': f'/animal/plant/{relation}'
                })
    for split, kept in (('train', rows), ('val', rows[::7])):
        (raw / f'mnre_{split}.txt').write_text('\n'.join(map(str, kept)) + '\n')
    sets = [
        *tiny_overrides, 'tags.types=[animal, plant]', 'train.epochs=10',
        'train.batch_size=4', 'train.lr=1e-2', 'tags.relations=[eats, avoids, visits]',
        'model.lambda_graph=0'
    ]
    code, out, err = eega('train', tmp_path, '--output', tmp_path / 'run',
                          *(x for s in sets for x in ('--set', s)))
    assert code == 0, err
    code, out, _ = eega('extract', 'the owl avoids the ivy', '-m', tmp_path / 'run',
                        '--format', 'jsonl')
    (q, ) = json.loads(out)['quintuples']
    assert (q['head']['text'], q['head']['type'], q['relation'], q['tail']['text'],
            q['tail']['type']) == ('owl', 'animal', 'avoids', 'ivy', 'plant')


@pytest.mark.slow
def test_the_command_runs_from_the_repository_root():
    root = Path(__file__).parents[2]
    command = [
        sys.executable, '-c', 'from eega_pyg.cli.main import main; main()', 'build',
        'nowhere', '--set', 'data.version=v2'
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith('error: data.version')


@pytest.mark.slow
def test_what_cannot_be_read_is_told_before_anything_is_done(eega, trained, tmp_path):
    source, target = tmp_path / 'in.jsonl', tmp_path / 'out.jsonl'
    (tmp_path / 'cut.jpg').write_bytes(b'no image')
    command = ['extract', '-m', trained, '--input', source, '--output', target]
    source.write_text('{"text": "a"}\n' + json.dumps({
        'text': 'b',
        'image': str(tmp_path / 'cut.jpg')
    }))
    fails(eega(*command), f'{source}:2: ')
    source.write_text('{"text": "a"}\n\n' + json.dumps({'text': 'a ' * 20_001}))
    fails(eega(*command), f'{source}:3: The text that begins with')
    source.write_text('{"text": "Ann is here", "words": ["Ann"]}\n')
    fails(eega(*command), f'{source}:1: text: there are other words beside it')
    assert not target.exists() and not (tmp_path / 'out.jsonl.part').exists()
    source.write_text('{"text": "a"}\n')
    fails(eega(*command[:-1], source), 'is the file that is read')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['cut.jpg', 'in.jsonl']


def test_a_text_is_no_markup(eega, trained):
    for text in ('Ann [/] in Rome', 'Ann [@paul] in Rome :heart:'):
        code, out, _ = eega('extract', text, '-m', trained)
        assert code == 0 and text in out


@pytest.mark.slow
def test_calibrate_writes_scales_and_a_threshold_that_extract_goes_by(
        eega, trained, small_root, tmp_path):
    folder = tmp_path / 'model'
    shutil.copytree(trained, folder)
    code, out, err = eega('calibrate', small_root, '--model', folder, '--min-precision',
                          '0.9')
    assert code == 0, err
    saved = load_model(folder)
    assert f'from a probability of {saved.thresholds.quintuple:.2f} on' in err
    text = 'Striker Marco Bellini joins Harbor City FC in Lisbon'

    def found(*args):
        code, out, _ = eega('extract', text, '--model', folder, '--format', 'jsonl',
                            *args)
        assert code == 0
        return [q['probability'] for q in json.loads(out)['quintuples']]

    everything = found('--min-probability', 0)
    assert found() == [p for p in everything if p >= saved.thresholds.quintuple]
    write_scales(folder / 'pipeline.json', saved.scales, Thresholds(max(everything)))
    assert found() == [max(everything)]
    code, _, err = eega('calibrate', small_root, '--model', tmp_path / 'none')
    assert code == 1 and 'There is no folder' in err
    code, _, err = eega('calibrate', small_root, '--model', 'jmere-minilm')
    assert code == 1 and "'jmere-minilm' comes with the package" in err
