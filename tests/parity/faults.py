"""Plants faults in copies of layergraph and shows that each makes a golden fail: `python tests/parity/faults.py [word ...]`.

A fault is an edit of the source text: its old text must stand in its file exactly once, so that a fault cannot silently plant
nothing. Words select faults by their names. The command fails if a fault goes unnoticed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
SOURCE = ROOT / "src" / "layergraph"
sys.path.insert(0, str(ROOT))

from tests.parity.planted import FAULTS, Fault  # noqa: E402 (as a script, too)


def look(pattern: str) -> dict[str, str]:
    """{golden: what is wrong} among the goldens that match, with the layergraph that Python finds. Runs in the copy's process."""
    import numpy as np
    import torch
    from tests.parity import cnn, data_layers, golden, orders, running
    from tests.parity.rows import ROWS

    import layergraph
    from layergraph import layers

    torch.set_num_threads(1)
    found: dict[str, str] = {"looked at": "", "in": str(layergraph.__file__)}
    number = 0
    with open(golden.FOLDER / "data_layers.json", encoding="utf-8") as file:
        families = list(json.load(file).values())[1:]
    for expression, wanted in (pair for family in families for pair in family.items() if re.search(pattern, f"data:{pair[0]}")):
        number += 1
        got = data_layers.outcome(expression, layers)
        wanted = data_layers.OTHERWISE.get(expression, ("", wanted))[1]
        found |= {} if golden.same(got, wanted) else {f"data:{expression}": str(got)}
    for row in ROWS:
        if re.search(pattern, row.id):
            number += 1
            try:
                missed = running.misses(row, golden.family(row.family)[row.id])
            except Exception as error:
                missed = {"raised": repr(error)}
            found |= {row.id: str(missed)} if missed else {}
        if row.init and re.search(pattern, f"init:{row.id}"):
            number += 1
            wrong = running.fresh_misses(row, golden.family(row.family)[row.id]["facts"]["init"])
            found |= {f"init:{row.id}": str(wrong)} if wrong else {}
    recorded = json.loads(orders.GOLDEN.read_text())["graphs"]
    for name in (name for name in orders.GRAPHS if re.search(pattern, f"order:{name}")):
        number += 1
        got = orders.order(orders.build(layergraph, name))
        found |= {f"order:{name}": str(got["layers"])} if got != recorded[name] else {}
    if re.search(pattern, "cnn"):
        number += 1
        with np.load(cnn.GOLDEN) as file, torch.no_grad():
            model = cnn.build(layergraph).eval()
            try:
                model.set_weights([file[name] for name in sorted(file.files) if name.startswith("weight")])
                far = golden.error(model(torch.from_numpy(file["image"]))[0].numpy(), file["digit"])
            except layergraph.errors.LayergraphError:
                far = float("inf")
        found |= {"cnn": str(far)} if far > golden.LIMITS["float32"] else {}
    return found | {"looked at": str(number)}


def plant(fault: Fault | None, pattern: str) -> dict[str, str]:
    """What `look` finds in a copy of layergraph with the fault in it."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "layergraph"
        shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
        if fault is not None:
            path = package / fault.file
            text = path.read_text()
            assert text.count(fault.old) == 1, f"{fault.name}: its text is {text.count(fault.old)} times in {fault.file}, not once"
            path.write_text(text.replace(fault.old, fault.new))
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, str(HERE), "--look", pattern]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{fault.name if fault else 'no fault'}: {done.stderr[-1500:]}"
        found = json.loads(done.stdout.splitlines()[-1])
        assert found.pop("in").startswith(folder), "another layergraph was imported"
        return found


def main(words: list[str]) -> int:
    chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    if not words:
        found = plant(None, "")
        print(f"no fault: {found.pop('looked at')} goldens, {len(found)} fail")
        assert not found, found
    unnoticed = 0
    for fault in chosen:
        found = plant(fault, fault.look)
        number = found.pop("looked at")
        told = {golden: wrong for golden, wrong in found.items() if "raised" not in wrong}
        unnoticed += not told
        first = next(iter(told.items()), ("UNNOTICED", ""))
        print(f"{fault.name}: {len(found)} of {number} fail, such as {first[0]} {first[1][:90]}", flush=True)
    print(f"{len(chosen)} faults, {unnoticed} unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--look"]:
        print(json.dumps(look(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1:]))
