r"""Kills `eega build`, `train`, `extract`, `scene` and `graph` at random moments.

Each command runs once undisturbed. Then it is started and killed (SIGKILL) at a random
moment, again and again, and run to its end at last. What it then has written must be
what the undisturbed run wrote; what was finished before a kill must be there after it;
and neither the folders nor the temporary folder may hold anything else.

Run it as ``python -m tests.kill --kills 50 --temporary /dev/shm`` from the repository's
root; the temporary folder should be on another file system than the results.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List

import torch

REPOSITORY = Path(__file__).parents[2]


def no_work(folder: Path) -> int:
    return 0


@dataclass
class Command:
    r"""A command that is killed.

    Args:
        name (str): The command.
        arguments (list of str): What follows it.
        again (list of str): What is added when it goes on.
        done (callable): How much of the work is safe in a folder, a number that must
            never fall.
    """
    name: str
    arguments: List[str]
    again: List[str] = field(default_factory=list)
    done: Callable[[Path], int] = no_work


def commands(raw: Path, encoder: str) -> List[Command]:
    tiny = [
        f'data.encoder={encoder}', 'model.heads=2', 'model.edge_dim=2',
        'model.channel_dim=2', 'train.epochs=6', 'train.patience=6',
        'train.pretrain_epochs=1'
    ]
    options = [part for option in tiny for part in ('--set', option)]
    texts = [str(raw / 'texts.jsonl')]
    return [
        Command('build', ['data', '--set', f'data.encoder={encoder}']),
        Command('train', ['data', '--output', 'run', *options], ['--resume'], epochs),
        Command('extract', ['--input', *texts, '--output', 'results.jsonl'],
                ['--resume'], lines),
        Command('scene', [str(raw / 'captions.jsonl'), '--output', 'scenes'],
                done=files),
        Command('graph', [*texts, '--output', 'graph.jsonl'], ['--resume'], lines),
    ]


def epochs(folder: Path) -> int:
    path = folder / 'run' / 'training' / 'last.ckpt'
    if (folder / 'run' / 'model.safetensors').is_file():
        return 10**6
    found = [path, *path.parent.glob('*last*.ckpt')] if path.parent.is_dir() else []
    done = [0]
    for path in found:
        if path.is_file():
            try:
                done.append(
                    torch.load(path, map_location='cpu', weights_only=True)['epoch'] +
                    1)
            except Exception:  # The one before it must be whole.
                continue
    return max(done)


def lines(folder: Path) -> int:
    found = [p for p in folder.iterdir() if p.is_file() and p.name != 'graph.jsonl']
    finished = (folder / 'graph.jsonl').is_file() or (folder /
                                                      'results.jsonl').is_file()
    return 10**6 if finished else max(
        (p.read_bytes().count(b'\n') for p in found), default=0)


def files(folder: Path) -> int:
    found = (folder / 'scenes').glob('*.json') if (folder / 'scenes').is_dir() else ()
    return sum(p.stat().st_size > 0 for p in found)


def content(folder: Path) -> Dict[str, Any]:
    r"""Each file of a folder by its name, and what is in it."""
    found: Dict[str, Any] = {}
    for path in sorted(p for p in folder.rglob('*') if p.is_file()):
        name = str(path.relative_to(folder))
        if path.name in ('lock', 'metrics.csv'):  # It has the seconds of each epoch.
            found[name] = None
        elif path.suffix in ('.pt', '.ckpt'):
            state = torch.load(path, map_location='cpu', weights_only=True)
            found[name] = digest(state, str(folder))
        else:
            text = path.read_bytes().replace(str(folder).encode(), b'FOLDER')
            found[name] = hashlib.sha256(text).hexdigest()
    return found


def digest(value: Any, folder: str) -> str:
    r"""Of tensors by their values: two files of them differ in their padding."""
    if isinstance(value, torch.Tensor):
        value = [str(value.dtype), value.tolist()]
    elif isinstance(value, dict):
        items = [(str(k), v) for k, v in value.items()]
        value = {k.replace(folder, ''): digest(v, folder) for k, v in items}
    elif isinstance(value, (list, tuple)):
        value = [digest(v, folder) for v in value]
    elif isinstance(value, str):
        value = value.replace(folder, '')
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()


class Killer:
    def __init__(self, folder: Path, temporary: Path, rng: random.Random) -> None:
        self.folder, self.temporary, self.rng = folder, temporary, rng
        self.wrong: List[str] = []

    def start(self, command: Command, folder: Path, *more: str) -> subprocess.Popen:
        environment = {
            **os.environ, 'TMPDIR': str(self.temporary),
            'HF_HUB_OFFLINE': '1',
            'OMP_NUM_THREADS': '1',
            'PYTHONPATH': str(REPOSITORY)
        }
        return subprocess.Popen([
            sys.executable, '-P', '-m', 'eega_pyg.cli', command.name,
            *command.arguments, *more
        ], cwd=folder, env=environment, text=True, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)

    def report(self, message: str) -> None:
        self.wrong.append(message)
        print('  ' + message, flush=True)

    def run(self, command: Command, data: Path, kills: int) -> None:
        whole, folder = (self.folder / f'{command.name}-{kind}'
                         for kind in ('whole', 'killed'))
        for place in (whole, folder):
            place.mkdir()
            shutil.copytree(data, place / 'data')
        begin = time.monotonic()
        process = self.start(command, whole)
        errors = process.communicate()[1]
        seconds = time.monotonic() - begin
        if process.returncode:
            return self.report(f'undisturbed: exit code {process.returncode}: {errors}')
        self.clean('undisturbed')
        expected, done, fell = content(whole), 0, 0
        for number in range(kills):
            more = command.again if number and command.done(folder) else []
            process = self.start(command, folder, *more)
            try:
                errors = process.communicate(timeout=self.rng.uniform(0.2, 1) *
                                             seconds)[1]
                if process.returncode:
                    self.report(
                        f'kill {number}: exit code {process.returncode}: {errors}')
                # It came to its end, so that the next one starts anew.
                shutil.rmtree(folder)
                folder.mkdir()
                shutil.copytree(data, folder / 'data')
                done = 0
                continue
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                fell += 1
            now = command.done(folder)
            if now < done:
                self.report(
                    f'kill {number}: {done} were done before it, {now} after it')
            done = now
        more = command.again if command.done(folder) else []
        process = self.start(command, folder, *more)
        errors = process.communicate()[1]
        if process.returncode:
            return self.report(f'at last: exit code {process.returncode}: {errors}')
        found = content(folder)
        for name in sorted(expected.keys() | found.keys()):
            if name not in found:
                self.report(f'missing: {name}')
            elif name not in expected:
                self.report(f'left over: {name}')
            elif found[name] != expected[name]:
                self.report(f'other content: {name}')
        self.clean('killed')
        print(f'{command.name}: {fell} kills within {seconds:.1f} s each', flush=True)

    def clean(self, when: str) -> None:
        # PyG and torch have their own files there; ours are named by the library.
        for path in sorted(self.temporary.iterdir()):
            self.report(f'{when}: left in the temporary folder: {path.name}')
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.kill', description=__doc__)
    parser.add_argument('--kills', type=int, default=50,
                        help='of all commands together')
    parser.add_argument('--temporary', type=Path, default=Path('/dev/shm'))
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--only', default='', help='the only command')
    args = parser.parse_args()
    from tests.fuzz.readers import tiny_encoder
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(
            dir=args.temporary) as temporary:
        root = Path(folder)
        encoder = tiny_encoder(root / 'encoder')
        raw = root / 'data' / 'raw'
        raw.mkdir(parents=True)
        sample = REPOSITORY / 'datasets' / 'sample' / 'raw'
        for split in ('train', 'val'):
            rows = (sample / f'mnre_{split}.txt').read_text().splitlines(True)
            (raw / f'mnre_{split}.txt').write_text(''.join(rows[:200]))
            shutil.copy(sample / f'captions_{split}.jsonl', raw)
        captions = (sample / 'captions_train.jsonl').read_text().splitlines()
        (root / 'captions.jsonl').write_text('\n'.join(captions))
        (root / 'texts.jsonl').write_text(''.join(
            json.dumps({
                'text': f'Ann Lee number {i} works at Acme in Oslo .',
                'caption': json.loads(captions[i % len(captions)])['caption']
            }) + '\n' for i in range(1500)))
        killer = Killer(root, Path(temporary), rng)
        found = [c for c in commands(root, encoder) if args.only in c.name]
        for command in found:
            killer.run(command, root / 'data', args.kills // len(found))
        print(f'{len(killer.wrong)} wrong')
    return 1 if killer.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
