"""`python -m tests.benchmarks`: prints what things cost as ratios and as rates, and how often verdicts are right."""

from tests.benchmarks import accuracy, capture, reading, tui

for module in (reading, capture, tui):
    for ratio in module.ratios():
        print(ratio, flush=True)
for line in reading.throughput():
    print(line, flush=True)
for line in tui.costs():
    print(line, flush=True)
for line in accuracy.lines():
    print(line, flush=True)
