r"""What it costs to store a trained model in less space, on the validation split.

    python -m benchmarks.speed.storage runs/default datasets/jmere

The model is stored in each way that ``eega shrink`` has, and with what training changed
in the encoder's matrices cut down to a few ranks (by singular values, not by training
adapters). The numbers go to ``benchmarks/results/storage.json``, with the temperature
of the probabilities and the calibration error at it and at 1.
"""
import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import torch

from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.datasets import JMERE
from eega_pyg.files import write_text
from eega_pyg.saving.saved_model import WEIGHTS, SavedModel, load_model
from eega_pyg.saving.shrink import DTYPES, public_state, shrink
from eega_pyg.training.calibration import fit_temperature
from eega_pyg.training.evaluation import evaluate

RANKS = (8, 32, 64, 128)


def cut(model: torch.nn.Module, encoder: str, rank: int) -> int:
    r"""Cuts the encoder's differences from the public one down to a rank, and says of
    how many numbers they then are."""
    public, state, count = public_state(encoder), model.state_dict(), 0
    for name, tensor in state.items():
        if name in public and tensor.dim() == 2 and (tensor != public[name]).any():
            u, s, v = torch.linalg.svd(tensor - public[name], full_matrices=False)
            tensor.copy_(public[name] + (u[:, :rank] * s[:rank]) @ v[:rank])
            count += rank * sum(tensor.shape)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', type=Path, help='folder of the trained model')
    parser.add_argument('root', type=Path, help='folder of the data set')
    args = parser.parse_args()
    saved = load_model(args.model)
    encoder = json.loads((args.model / 'pipeline.json').read_text())['data']['encoder']
    val = JMERE(str(args.root), split='val', vocabularies=saved.vocabularies,
                tags=saved.model.tag_set, **saved.data.arguments())
    rows: List[Dict[str, Any]] = []

    def add(name: str, stored: SavedModel, **size: float) -> None:
        scores = evaluate(stored.model, val, stored.signatures)
        rows.append({'stored': name, **size, 'scores': scores})

    with tempfile.TemporaryDirectory() as folder:
        for dtype in DTYPES:
            target = Path(folder) / dtype
            shrink(args.model, target, dtype)
            add(dtype, load_model(target),
                megabytes=(target / WEIGHTS).stat().st_size / 1e6)
            if dtype == 'int8':
                calibration = fit_temperature(
                    load_model(target).model, val, saved.signatures)
    for rank in RANKS:
        stored = load_model(args.model)
        count = cut(stored.model, encoder, rank)
        add(f'differences of the encoder at rank {rank}', stored, numbers=count / 1e6)
    record = {'rows': rows, 'int8 calibration': calibration._asdict(), **machine()}
    write_text(RESULTS / 'storage.json', json.dumps(record, indent=1) + '\n')
    print(
        markdown(
            ['stored as', 'MB of weights', 'quintuple F1', 'directed', 'entity F1'],
            [[r['stored'], f"{r['megabytes']:.1f}" if 'megabytes' in r else ''] + [
                f"{100 * r['scores'][s]:.2f}"
                for s in ('quintuple_f1', 'directed_f1', 'entity_f1')
            ] for r in rows]))
    print(calibration)


if __name__ == '__main__':
    main()
