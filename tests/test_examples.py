"""Each example runs as a person runs it, in a process of its own, away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PNG = b"\x89PNG\r\n\x1a\n"

# file: (arguments, what its page must hold, the files that it leaves)
ROWS = {
    "functional.py": (
        (),
        (
            "state_dict: dense.weight dense.bias dense_1.weight dense_1.bias dense_2.weight dense_2.bias",
            "images (8, 32, 32, 3) -> (8, 32, 32, 32)",
            "Conv2D(32, 1, padding='same')",
            "features (4, 32)",
            "in the same memory: True",
        ),
        set(),
    ),
    "text.py": (
        (),
        (
            "both_forward_layer = self.both.forward_layer(words, mask = ne, last = False)",
            "attn_mask = logical_and",
            "step  80: loss 0.0",
            "accuracy 0.99",
            "40 more steps of padding change the logits by at most",
        ),
        set(),
    ),
    "fit.py": (
        ("out",),
        (
            "12 epochs; the best val_digit_accuracy is 0.9",
            "the best model, from the file: {'digit_accuracy': 0.9",
            "a train_step of its own: accuracy 0.9",
        ),
        {"out/best.keras", "out/log.csv"},
    ),
    "torchrun.py": ((), ("launched alone, 1 process(es)", "epoch 6: loss 0.1", "on 297 new images: loss 0.3"), set()),
    "resume.py": (
        (),
        ("killed:         signal 9 after 100 batches", "138 batches in this process", "the same weights, bit by bit: True"),
        set(),
    ),
    "loop.py": (
        (),
        (
            "3 epochs by hand: ",
            "3 epochs by fit: ",
            "epochs [3, 4, 5]",
            "the optimizer has seen every step: {423} = 9 epochs of 47 batches",
        ),
        set(),
    ),
    "surgery.py": (
        (),
        (
            "  block1_pool  (1, 4, 4, 16)\n  block2_pool  (1, 2, 2, 32)\n  features     (1, 32)\n",
            "  features     shares its weights: True",
            "    Functional 'digits' has no layer 'featurs'",
            "fix: did you mean 'features'?",
            "top_pool, features, drop, head\n",
            "frozen: block1_conv, block1_norm, block1_pool, block2_conv, block2_norm, block2_pool\n",
            "the first network is what it was: top_pool, features, head",
            "what training changed in the first network, which shares it: top_conv.weight, top_conv.bias, features.weight, features.bias\n",
            "the extractor's module: LowRank",
        ),
        set(),
    ),
    "tensorboard_logs.py": (
        ("logs",),
        (
            "epoch   loss  accuracy  val_loss  val_accuracy  learning rate\n    0  ",
            "batch_loss at every tenth batch: 36 values",
            "histograms: edges/kernel edges/bias norm/gamma norm/beta norm/moving_mean norm/moving_variance shapes/corners/kernel ",
            "  shapes/corners  Conv2D                    <- norm\n",
            "tensorboard --logdir logs",
        ),
        {"logs/train/events", "logs/validation/events"},
    ),
    "digits.py": (
        ("--quick", "--out", "pictures"),
        (
            "│ stem (Conv2D) ",
            "def forward(self, image):",
            "Plain PyTorch loop",
            "The same by compile and fit",
            "points better",
            "'aot_eager' (no C++ compiler here, so not 'inductor'): the same outputs",
        ),
        {"pictures/digits.png"},
    ),
}


def run(name: str, folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    return done.stdout


def test_every_example_is_tested():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_an_example_runs(name, tmp_path):
    arguments, expected, left = ROWS[name]
    # Without a C++ compiler: the fallback is what is checked here, and it is quick.
    page = run(name, tmp_path, *arguments, CXX="no-such-compiler", OMP_NUM_THREADS="1")
    for words in expected:
        assert words in page
    # the names of event files go on with the time and the machine
    files = {path.relative_to(tmp_path).as_posix().split(".out.")[0]: path for path in tmp_path.rglob("*") if path.is_file()}
    assert set(files) == left
    assert all(path.read_bytes().startswith(PNG) for name, path in files.items() if name.endswith(".png"))
