"""Are the worlds apart? scratch knows no torch, torch_ref knows no scratch, libraries do no work at import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "scratch": {"torch", "torch_ref", "parity", "scripts", "parity_tests"},
    "torch_ref": {"scratch", "parity", "scripts", "parity_tests", "numpy"},
    "parity": {"scripts", "parity_tests"},
}
TRAIN_WITHOUT_TORCH = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torch_ref", "parity"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import scratch
table = scratch.data.iris()
x, = scratch.data.standardise(table.x)
net = scratch.models.mlp((4, 8, 3), rng=0)
optimizer = scratch.optim.SGD(scratch.named_parameters(net), lr=0.5)
losses = []
for _ in range(50):
    output, caches = net.forward(x)
    J, dz = scratch.losses.cross_entropy(output, table.target)
    optimizer.step(net.backward(dz, caches)[1])
    losses.append(float(J))
print(losses[-1] < losses[0] / 2)
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_scratch_trains_with_torch_blocked():
    done = run(TRAIN_WITHOUT_TORCH)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


def test_torch_ref_runs_with_scratch_blocked():
    done = run("import sys; sys.modules['scratch'] = None; import torch_ref; print(torch_ref.models.lecture_net())")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_keep_the_walls(package):
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {node.module}
            else:
                continue
            assert not {name.split(".")[0] for name in names} & FORBIDDEN[package], path


@pytest.mark.parametrize("package", ["scratch", "torch_ref", "parity"])
def test_importing_prints_nothing_and_draws_nothing(package):
    done = run(
        "import numpy as np, pickle\n"
        "before = pickle.dumps(np.random.get_state())\n"
        f"import {package}\n"
        "assert before == pickle.dumps(np.random.get_state())\n"
        "import sys; assert 'sklearn' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
