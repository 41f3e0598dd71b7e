"""`python -m tests.benchmarks`: prints what things cost as ratios against something run beside them, and as rates."""

from tests.benchmarks import capture, reading

for module in (reading, capture):
    for ratio in module.ratios():
        print(ratio, flush=True)
for line in reading.throughput():
    print(line, flush=True)
