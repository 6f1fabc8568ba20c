r"""Writes the tables of the READMEs of the benchmarks' folders from the files of
results.

    python -m benchmarks.report

A table stands between ``<!-- NAME -->`` and ``<!-- end -->``, where ``NAME.json`` is
its file; what has no file yet says so.
"""
import argparse
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

from benchmarks.accuracy import (
    ablation,
    additions,
    distillation,
    few_data,
    general,
    ingredients,
    jmere,
    passages,
    plans,
    sensitivity,
    shares,
    stream,
    synthetic,
    table1,
    texts,
)
from benchmarks.layers import gnn_variants, variant_cost
from benchmarks.runner import HEADER, RESULTS, TITLE, markdown
from benchmarks.scale import graph_growth, result_size, workers
from benchmarks.serving import load
from benchmarks.speed import epoch_cost, gpu, memory, throughput
from benchmarks.vision import captions, grounding, predicate_model
from eega_pyg.files import write_text

READMES = sorted(Path(__file__).parent.glob('*/README.md'))
#: Parts of names of runs whose code is gone. Their records are kept, for there is no
#: other trace of why it went; the tables are of the code that is here.
GONE = ('earlier default', 'bilinear term', 'average of the weights',
        'word features after the encoder')
#: What :mod:`benchmarks.transport.peers` adds.
PEERS = ('ott-jax, log', 'ott-jax, kernel', 'geomloss')


def training(rows: Callable[[List[Dict[str, Any]]], List[List[str]]],
             records: List[Dict[str, Any]], header: Sequence[str] = HEADER) -> str:
    r"""The table of benchmarks that train; seeds stand in it."""
    made = {
        f"{r['machine']}, {r['threads']} thread(s), "
        f"{r.get('precision', 'precision not recorded')}"
        for r in records
    }
    dates = sorted({r['date'] for r in records})
    days = ' to '.join(dict.fromkeys((dates[0], dates[-1])))
    return f"{TITLE}. {'; '.join(sorted(made))}; {days}.\n\n" + markdown(
        header, rows(records))


def speed(records: Dict[str, Any]) -> str:
    parts = []
    for data, r in records.items():
        parts.append(f"{data}; {r['machine']}, {r['threads']} thread(s), {r['clock']} "
                     f"clock, {r['num_batches']} batches, {r['turns']} turns, "
                     f"{r['date']}; seed 0.")
        parts.append(throughput.report(r))
    return '\n\n'.join(parts)


def transport(state: Dict[str, Any]) -> str:
    r"""The sizes that training has, 40 and 200 nodes a side; the file has more."""
    rows = []
    for r in state['results']:
        if r['nodes_t'] not in (40, 200):
            continue
        ours, others = r['seconds']['eega_pyg.ot'], []
        for name in ('POT loop', 'POT batch', *PEERS):
            if r['ragged'] and name == 'POT batch':
                name += ', mass 1e-9'
            if name in r['seconds']:
                memory = r['megabytes'].get(name)
                others.append(f"{r['seconds'][name] / ours:.2f}" +
                              (f' ({memory:.1f} MB)' if memory is not None else ''))
            else:
                others.append('')
        rows.append([
            r['key'], f"{1e3 * ours:.1f}", f"{r['megabytes']['eega_pyg.ot']:.1f}",
            *others
        ])
    made = state['machine']
    return (
        f"{made['cpu']}, {made['cores']} cores, torch {made['torch']}, "
        f"{made['threads']} thread(s), {made['date']}; seed 0. The times of the others "
        f"are multiples of ours.\n\n" + markdown([
            'pairs x nodes x nodes', 'ours, ms', 'ours, MB', 'POT loop', 'POT batch',
            *PEERS
        ], rows) + '\n\nExponents over the nodes of single pairs from 200 nodes on, '
        'seconds: ' +
        ', '.join(f'{name} {value:.2f}'
                  for name, value in state['exponents']['seconds'].items()) + '.')


def predicates(record: Dict[str, Any]) -> str:
    made = record['arguments']
    return (
        f"{record['machine']}, {record['date']}; {made['networks']} networks, seeds "
        f"from {made['seed']}; rarity {made['rarity']}.\n\n" +
        markdown(predicate_model.COLUMNS, record['recall@50']) + '\n\n' +
        markdown(predicate_model.GRAPH_COLUMNS, record['graphs']))


def configurations(records: List[Dict[str, Any]]) -> str:
    return training(jmere.rows,
                    [r for r in records if not any(part in r['name'] for part in GONE)])


def compared(records: List[Dict[str, Any]]) -> str:
    return (training(table1.rows, records, table1.COLUMNS) + '\n\n' +
            table1.classifiers(records))


def added(records: List[Dict[str, Any]]) -> str:
    return (training(additions.rows, records, additions.COLUMNS) + '\n\nF1 lost:\n\n' +
            markdown(additions.COLUMNS, additions.losses(records)))


TABLES: Dict[str, Callable[[Any], str]] = {
    'jmere':
    configurations,
    'ingredients':
    lambda records: training(ingredients.rows, records, ingredients.COLUMNS),
    'additions':
    added,
    'shares':
    shares.report,
    'distillation':
    lambda records: training(distillation.rows, records, distillation.COLUMNS),
    'plans':
    plans.report,
    'gnn_variants':
    lambda records: training(gnn_variants.rows, records),
    'variant_cost':
    variant_cost.report,
    'fusion_cost':
    variant_cost.report,
    'ablation':
    lambda records: training(ablation.rows, records),
    'sensitivity':
    lambda records: training(sensitivity.rows, records),
    'synthetic':
    lambda records: training(synthetic.rows, records),
    'epoch_cost':
    epoch_cost.report,
    'memory':
    memory.report,
    'throughput':
    speed,
    'throughput_default':
    speed,
    'gpu':
    gpu.report,
    'ot_solvers':
    transport,
    'predicate_model':
    predicates,
    'captions':
    captions.report,
    'grounding':
    grounding.report,
    'passages':
    passages.report,
    'stream':
    stream.report,
    'texts':
    texts.report,
    'general':
    general.report,
    'few_data':
    few_data.report,
    'table1':
    compared,
    'graph_growth':
    graph_growth.report,
    'result_size':
    result_size.report,
    'workers':
    workers.report,
    'serving_load':
    load.report,
}


def table(name: str, results: Path) -> str:
    path = results / f'{name}.json'
    if not path.is_file():
        return 'Not run yet.'
    return TABLES[name](json.loads(path.read_text(encoding='utf-8')))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--readme', type=Path, nargs='+', default=READMES)
    parser.add_argument('--results', type=Path, default=RESULTS)
    args = parser.parse_args()
    for readme in args.readme:
        text = re.sub(
            r'<!-- (\w+) -->\n.*?<!-- end -->',
            lambda m: f'<!-- {m[1]} -->\n{table(m[1], args.results)}\n<!-- end -->',
            readme.read_text(encoding='utf-8'), flags=re.DOTALL)
        write_text(readme, text)


if __name__ == '__main__':
    main()
