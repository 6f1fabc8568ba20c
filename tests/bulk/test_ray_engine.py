r"""Jobs that Ray runs, on this machine and for the time of these tests."""
import json
import os
import signal

import pandas as pd
import pytest

from eega_pyg.bulk import extract_files, ray_engine
from eega_pyg.bulk.partitions import find_files, plan
from eega_pyg.bulk.worker import Task, Worker
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item_files import read_records
from eega_pyg.knowledge_graph import KnowledgeGraph

# Before Ray is imported: it stays on the loopback device, and reports nothing.
os.environ['RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER'] = '0'
os.environ['RAY_USAGE_STATS_ENABLED'] = '0'

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope='module')
def here():
    r"""Ray on the loopback device, with two CPUs by its own count."""
    ray = pytest.importorskip('ray', reason="the extra 'ray' is not installed")
    ray.init('local', num_cpus=2, include_dashboard=False, log_to_driver=False,
             object_store_memory=2**27, ignore_reinit_error=True)
    yield
    ray.shutdown()


def results(folder):
    return {value['key']: value for _, value in read_records(folder)}


def spans(value):
    return [(e['start'], e['end'], e['type']) for e in value['entities']]


@pytest.fixture(scope='module')
def expected(trained, texts, tmp_path_factory):
    r"""The results of a worker in this process, in one part for each file."""
    folder = tmp_path_factory.mktemp('jobs')
    extractor = Extractor.from_pretrained(trained, 'cpu')
    worker = Worker(
        Task(extractor.origin, extractor.origin.check(extractor.saved), str(folder),
             'jsonl', 'cpu', 0.0, False, 'id', 32, 1, os.getcwd()))
    done = worker(pd.DataFrame([p._asdict() for p in plan(find_files(texts), 1000)]))
    assert list(done['items']) == [40, 20] and list(done['errors']) == [1, 1]
    return folder


@pytest.fixture(scope='module')
def options(trained):
    return {'model': trained, 'block_size': 2, 'threshold': 0.0, 'key': 'id'}


def test_a_start_that_fails_is_told_in_a_line(options, texts, tmp_path, monkeypatch):
    ray = pytest.importorskip('ray', reason="the extra 'ray' is not installed")

    def init(*args, **kwargs):
        raise Exception('The current node timed out\nduring startup')

    monkeypatch.setattr(ray, 'is_initialized', lambda: False)
    monkeypatch.setattr(ray, 'init', init)
    with pytest.raises(ChildProcessError, match='not be started .*timed out') as error:
        extract_files([texts], tmp_path / 'out', **options)
    assert '\n' not in str(error.value)


@pytest.fixture(scope='module')
def killed(here, options, texts, tmp_path_factory):
    r"""The results of two workers, of which one is killed when a part of the work is
    done, in blocks of another size."""
    folder = tmp_path_factory.mktemp('jobs') / 'out'
    mark = folder.with_name('killed')

    class Killed(ray_engine.Worker):
        def __call__(self, partitions):
            if len(list(folder.glob('*.jsonl'))) >= 10 and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__call__(partitions)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_engine, 'Worker', Killed)
        done = extract_files([texts], folder, workers=2, **options)
    assert mark.exists() and done == (30, 0, 60, 2, 0)
    return folder


def test_a_worker_that_is_killed_loses_nothing(killed, expected):
    found, whole = results(killed), results(expected)
    assert found.keys() == whole.keys() == {
        f'id{i}'
        for i in range(60) if i not in (12, 49)
    }
    for key, value in whole.items():
        assert spans(found[key]) == spans(value)
    assert errors(killed) == errors(expected) == {
        'a.jsonl:13': 'not valid JSON',
        'id49': 'caption: expected a string (got 5)'
    }


def errors(folder):
    found = {}
    for path in (folder / '_errors').iterdir():
        for line in path.read_text().splitlines():
            value = json.loads(line)
            found[value['key']] = value['error'].partition(': Unterm')[0]
    return found


def graph(folder, **options):
    values = [value for _, value in read_records(folder)]
    return KnowledgeGraph.from_results(values, streamed=True, **options)


def test_the_size_of_blocks_changes_no_graph(killed, expected):
    one, other = graph(expected), graph(killed)
    assert one.nodes and one.sentences == other.sentences
    assert list(one.nodes) == list(other.nodes)
    for a, b in zip(one.nodes.values(), other.nodes.values()):
        assert (a.name, a.type, a.names, a.count) == (b.name, b.type, b.names, b.count)
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-4)
    assert len(one.relations) == len(other.relations)
    for r, s in zip(one.relations, other.relations):
        assert (r.head, r.relation, r.tail, r.count) == (s.head, s.relation, s.tail,
                                                         s.count)
        assert r.probabilities == pytest.approx(s.probabilities, abs=1e-4)


def test_a_second_run_goes_on_where_the_first_ended(killed, options, texts):
    files = sorted(killed.glob('*.jsonl'))
    times = [path.stat().st_mtime_ns for path in files]
    content = files[3].read_bytes()
    files[3].unlink()
    assert extract_files([texts], killed, **options) == (30, 29, 2, 0, 2)
    assert files[3].read_bytes() == content
    after = [path.stat().st_mtime_ns for path in files]
    assert [i for i, (a, b) in enumerate(zip(times, after)) if a != b] == [3]
    # What is finished needs no Ray any more.
    assert extract_files([texts], killed, **options) == (30, 30, 0, 0, 2)
    # But for what could not be read, where it is asked for again.
    assert extract_files([texts], killed, retry_errors=True,
                         **options) == (30, 28, 4, 2, 0)
    for other in ({**options, 'block_size': 4}, {**options, 'threshold': 0.5}):
        with pytest.raises(ValueError, match='repeat that command'):
            extract_files([texts], killed, **other)


def test_the_class_works_in_a_pipeline_of_ray(here, trained, texts):
    import ray.data

    from eega_pyg.bulk import BatchExtractor
    rows = [{'text': f'Nora Blake meets Sofia {i}', 'id': i} for i in range(6)]
    found = ray.data.from_items(rows).map_batches(
        BatchExtractor, batch_format='pandas', fn_constructor_kwargs={
            'model': str(trained),
            'key': 'id'
        }, compute=ray.data.ActorPoolStrategy(size=1))
    values = found.take_all()
    assert sorted(v['key'] for v in values) == [str(i) for i in range(6)]
    for value in values:
        result = json.loads(value['result'])
        assert result['text'].endswith(f" {value['key']}") and value['error'] is None
