#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks the models of the flow table's two indices with spin.

Each is searched to the end and must be without an error; then again with one thing done wrong, which must be found.
usage: check.py [--full]                     --full: also larger worlds, some minutes and gigabytes more
       check.py --show MODEL MISTAKE         the shortest way to the error, step by step
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
SEARCH_DEPTH = 20_000_000

BOTH_LAYOUTS = ['CLEAR_BEFORE_COPY', 'NO_STEP_ON_RETURN', 'STEP_AFTER_RETURN', 'VERSION_AFTER_ENTRIES',
                'MISS_NOT_CHECKED', 'NO_GRACE', 'HINT_AFTER_MOVE', 'HINT_CLEARED_BEFORE_STEP', 'HINTS_CLEARED_TOO_SOON',
                'HINT_BEFORE_ENTRIES']
# Where an answer may be put together of two entries, or its record be changed under the comparison.
HITS = ['HIT_NOT_CHECKED', 'NO_STEP_AFTER_CLEAR', 'STEP_BEFORE_CLEAR']

# name: file, definitions, mistakes
MODELS = {
    'narrow': ('narrow.pml', ['LAST_INDEX=2'], BOTH_LAYOUTS + ['INDEX_LOADED_AGAIN', 'MATCHES_MERGED']),
    'narrow-words': ('narrow.pml', ['LAST_INDEX=2', 'WORDS'], BOTH_LAYOUTS + HITS),
    'wide': ('wide.pml', ['LAST_INDEX=1'], BOTH_LAYOUTS + ['HINT_TRUSTED']),
    'wide-no-readers': ('wide.pml', ['LAST_INDEX=1', 'NO_READERS', 'TWO_GO'], HITS),
}
FULL = {
    'narrow-two': ('narrow.pml', ['LAST_INDEX=2', 'TWO_GO'], []),
    'narrow-words-two': ('narrow.pml', ['LAST_INDEX=2', 'WORDS', 'TWO_GO'], []),
    'narrow-no-readers': ('narrow.pml', ['LAST_INDEX=2', 'NO_READERS'], []),
    'narrow-words-no-readers': ('narrow.pml', ['LAST_INDEX=2', 'WORDS', 'NO_READERS'], []),
    'wide-two-in-turns': ('wide.pml', ['LAST_INDEX=1', 'TWO_GO'], []),
}


def build(where, model, mistake, gcc):
    """Makes the program that searches the model's states."""
    source, definitions, _ = {**MODELS, **FULL}[model]
    definitions = ['-D' + name for name in definitions + ([mistake] if mistake else [])]
    for name in os.listdir(HERE):
        if name.endswith('.pml'):
            shutil.copy(os.path.join(HERE, name), where)
    commands = [['spin', '-a', *definitions, source], ['gcc', '-w', '-DSAFETY', *gcc, '-o', 'pan', 'pan.c']]
    for command in commands:
        done = subprocess.run(command, cwd=where, capture_output=True, text=True)
        if done.returncode != 0 or 'Error' in done.stdout:
            sys.exit(f'{model} {mistake}: {" ".join(command)}:\n{done.stdout}{done.stderr}')
    return definitions, source


def complaint(output, mistake):
    """What is not as it must be, or None."""
    errors = re.search(r'errors: (\d+)', output)
    if errors is None:
        return 'no result'
    if mistake:
        return None if 'assertion violated' in output else 'the mistake was not found'
    if errors.group(1) != '0':
        return 'error'
    if 'max search depth too small' in output or 'Search not completed' in output:
        return 'the search did not come to its end'
    # A step that is never done is a model of something else.
    unreached = [line for line in re.findall(r'\.pml:\d+, state \d+, (".*")', output) if line != '"-end-"']
    return f'never done: {", ".join(unreached)}' if unreached else None


def check(model, mistake):
    """In depth to the end; for a mistake in breadth: the first error is one of the shortest."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as where:
        build(where, model, mistake, ['-O0', '-DBFS'] if mistake else ['-O2', '-DMEMLIM=16000'])
        arguments = ['-w22'] if mistake else [f'-m{SEARCH_DEPTH if model in FULL else SEARCH_DEPTH // 10}']
        output = subprocess.run(['./pan', *arguments], cwd=where, capture_output=True, text=True).stdout
    states = re.search(r'(\d+) states, stored', output)
    found = re.search(r'assertion violated (.*) \(at depth (\d+)', output)
    return {
        'states': int(states.group(1)) if states else 0,
        'seconds': time.monotonic() - start,
        'found': f'{kind(found.group(1))} in {found.group(2)} steps' if found else '-',
        'complaint': complaint(output, mistake),
        'output': output,
    }


def kind(assertion):
    """See lookup_ends."""
    words = {'sure': 'missed', 'held': 'wrong', 'lost': 'recycled'}
    return next((text for word, text in words.items() if word in assertion), assertion)


def show(model, mistake):
    with tempfile.TemporaryDirectory() as where:
        definitions, source = build(where, model, mistake, ['-O0', '-DBFS'])
        subprocess.run(['./pan'], cwd=where, stdout=subprocess.DEVNULL)
        subprocess.run(['spin', '-t', '-p', '-g', '-l', *definitions, source], cwd=where)


def main():
    if shutil.which('spin') is None or shutil.which('gcc') is None:
        print('skipped: spin and gcc are needed (Debian packages spin, gcc)')
        return SKIPPED
    if len(sys.argv) == 4 and sys.argv[1] == '--show':
        return show(sys.argv[2], sys.argv[3])
    if sys.argv[1:] not in ([], ['--full']):
        sys.exit(__doc__)

    models = {**MODELS, **FULL} if '--full' in sys.argv else MODELS
    cases = [(model, None) for model in models]
    cases += [(model, mistake) for model, (_, _, mistakes) in models.items() for mistake in mistakes]
    failed = 0
    print(f'{"model":24}{"mistake":26}{"states":>12}{"seconds":>9}  found                 result')
    with concurrent.futures.ThreadPoolExecutor(1 if '--full' in sys.argv else os.cpu_count()) as pool:
        for (model, mistake), result in zip(cases, pool.map(lambda case: check(*case), cases)):
            print(f'{model:24}{mistake or "-":26}{result["states"]:12}{result["seconds"]:9.1f}  {result["found"]:22}'
                  f'{result["complaint"] or "as it must be"}', flush=True)
            if result['complaint']:
                failed += 1
                print(result['output'])
    print(f'{len(cases)} searches, {failed} not as they must be')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
