r"""Trains a configuration over seeds and keeps every result.

    python -m benchmarks.accuracy.jmere datasets/jmere --name paper \
        --preset paper --seeds 0 1 2

A run that is in ``benchmarks/results/jmere.json`` already is not run again, and a
stopped one goes on where it stopped.
"""
from typing import Any, Dict, List

from benchmarks.runner import Run, configure, parser, show, sweep, table


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    return table(records, dict.fromkeys(r['name'] for r in records))


def main() -> None:
    options = parser(__doc__, 'jmere', preset='default')
    options.add_argument('--name', required=True, help='what the table calls the runs')
    args = options.parse_args()
    runs = [Run(args.name, configure(args, seed)) for seed in args.seeds or (0, 1, 2)]
    show(rows(sweep(runs, args)), args.markdown)


if __name__ == '__main__':
    main()
