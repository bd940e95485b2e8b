"""Branching graphs as data, and the order in which Keras lists their layers and weights.

`python tests/parity/orders.py` (with Keras, see `record.py`) records them; `test_orders.py` reads `goldens/orders.json`.

A graph is one line: `inputs | statements -> outputs`. `x:4` is an Input; `p=3 x` is a Dense(3) called p, on x; `a=Add p q` is the
class Add; `s=+ p q` and `t=*2 p` are operators; `k=~p q` calls the layer p again, on q; `n=@chain x` is the graph `chain` as a
nested model; words in KINDS are other layers. `n.1` is the second output of n. Where inputs or outputs are given as
`key=tensor`, the model has a dict of them. Almost every Dense has its own size, so that the weights' shapes tell their order.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "goldens" / "orders.json"

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "states": ("LSTM", {"units": 4, "return_state": True}),
    "conv3": ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same"}),
    "conv1": ("Conv2D", {"filters": 4, "kernel_size": 1}),
    "bn": ("BatchNormalization", {}),
    "pool": ("MaxPooling2D", {}),
    "mean": ("GlobalAveragePooling2D", {}),
    "flat": ("Flatten", {}),
    "Add": ("Add", {}),
    "cat": ("Concatenate", {}),
}

WRITTEN = {
    "chain": "x | x:4; p=3 x; q=5 p; r=2 q -> r",
    "long_branch_second": "x | x:4; r1=6 x; l1=5 x; l2=6 l1; add=Add r1 l2 -> add",
    "long_branch_first": "x | x:4; l1=5 x; l2=6 l1; r1=6 x; add=Add l2 r1 -> add",
    "made_in_another_order": "x | x:4; late=7 x; early=3 x; mid=5 x; cat=cat mid late early -> cat",
    "two_inputs_given_the_other_way": "b a | a:3; b:4; da=5 a; db=6 b; cat=cat db da; out=2 cat -> out",
    "two_outputs": "x | x:4; body=8 x; first=3 body; deep=5 body; second=2 deep -> first second",
    "two_outputs_swapped": "x | x:4; body=8 x; first=3 body; deep=5 body; second=2 deep -> second first",
    "unused_input": "a unused b | a:4; unused:2; b:3; da=5 a; db=6 b; cat=cat da db -> cat",
    "input_is_output": "a b | a:4; b:3; da=5 a; db=6 b; cat=cat da db -> b cat a",
    "shared_by_two_inputs": "a b | a:4; b:4; tower=5 a; again=~tower b; da=3 tower; cat=cat da again -> cat",
    "shared_at_two_depths": "x | x:4; s=4 x; m=6 s; k=4 m; again=~s k; side=7 x; cat=cat again side -> cat",
    "operators": "x | x:4; p=5 x; q=5 x; sum=+ p q; r=3 sum; twice=*2 x; t=6 twice; cat=cat t r -> cat",
    "nested": "a | a:4; before=4 a; inner=@two_outputs before; after=9 inner.1; side=5 a; cat=cat side after inner.0 -> cat",
    "nested_twice": "a b | a:4; b:4; twin=@chain b; again=~twin a; da=3 a; cat=cat again da twin -> cat",
    "dicts": "zed=zed alpha=alpha | zed:3; alpha:4; dz=5 zed; dd=6 alpha; da=7 dd; cat=cat dz da; head=2 dd -> wide=cat aux=head",
    "states": "seq | seq:5,3; enc=states seq; h=5 enc.1; c=6 enc.2; y=7 enc.0; cat=cat c y h -> cat",
    "convolutions": "image | image:8,8,3; stem=conv3 image; bn=bn stem; skip=conv1 image; add=Add skip bn; pool=pool add; "
    "gap=mean pool; flat=flat pool; wide=2 flat; cat=cat gap wide -> cat",
}


def generated(seed: int, size: int = 14) -> str:
    """A random graph: Dense layers of their own sizes, shared layers, operators, concatenations, inputs of which some go unused."""
    rng = random.Random(seed)
    width = {f"in{i}": rng.choice((2, 3)) for i in range(rng.choice((1, 2, 3)))}
    inputs = list(width)
    said = [f"{name}:{n}" for name, n in width.items()]
    used: set[str] = set()
    dense: dict[str, int] = {}
    for k in range(size):
        name, source, kind = f"n{k}", rng.choice(list(width)), rng.random()
        several, again = [source], [layer for layer, n in dense.items() if n == width[source]]
        if kind < 0.15 and again:
            layer = rng.choice(again)
            what, width[name] = f"~{layer}", width[layer]
        elif kind < 0.25:
            what, width[name] = "*2", width[source]
        elif kind < 0.5:
            several = rng.sample(list(width), min(len(width), rng.choice((2, 3))))
            what, width[name] = "cat", sum(width[s] for s in several)
        else:
            width[name], dense[name] = rng.choice((2, 3, 4 + k)), width[source]
            what = str(width[name])
        said.append(f"{name}={what} {' '.join(several)}")
        used.update(several)
    ends = [name for name in width if name not in used and name not in inputs]
    rng.shuffle(ends)
    rng.shuffle(inputs)
    return f"{' '.join(inputs)} | {'; '.join(said)} -> {' '.join(ends)}"


GRAPHS = WRITTEN | {f"random{seed}": generated(seed) for seed in range(8)}


def build(keras: Any, name: str) -> Any:
    """The graph of that name as a model of `keras` (Keras itself, or layergraph)."""
    head, _, rest = GRAPHS[name].partition("|")
    body, _, tail = rest.partition("->")
    tensors: dict[str, Any] = {}
    layers: dict[str, Any] = {}
    for statement in body.split(";"):
        if ":" in statement:
            key, _, sizes = statement.strip().partition(":")
            tensors[key] = keras.Input(tuple(int(n) for n in sizes.split(",")), name=key)
            continue
        key, _, words = statement.strip().partition("=")
        what, *sources = words.split()
        given = [_pick(tensors, source) for source in sources]
        tensors[key] = given[0] + given[1] if what == "+" else given[0] * 2.0 if what == "*2" else None
        if tensors[key] is None:
            layers[key] = layers[what[1:]] if what[0] == "~" else build(keras, what[1:]) if what[0] == "@" else _layer(keras, what, key)
            tensors[key] = layers[key](given if what in ("Add", "cat") else given[0])
    return keras.Model(_gather(tensors, head), _gather(tensors, tail), name=name)


def _layer(keras: Any, what: str, name: str) -> Any:
    kind, kwargs = KINDS[what] if what in KINDS else ("Dense", {"units": int(what)})
    return getattr(keras.layers, kind)(name=name, **kwargs)


def _pick(tensors: dict[str, Any], source: str) -> Any:
    name, _, index = source.partition(".")
    return tensors[name][int(index)] if index else tensors[name]


def _gather(tensors: dict[str, Any], words: str) -> Any:
    """One tensor, a list, or a dict. (A list of one comes back from a symbolic call as a list, and bare from an eager one.)"""
    if "=" in words:
        return {key: tensors[name] for key, name in (word.split("=") for word in words.split())}
    found = [tensors[word] for word in words.split()]
    return found if len(found) > 1 else found[0]


def order(model: Any) -> dict[str, Any]:
    """What is compared: the layers' names, and the shapes of `get_weights()`, in order."""
    return {"layers": [layer.name for layer in model.layers], "weights": [list(w.shape) for w in model.get_weights()]}


def main() -> None:
    import keras

    assert keras.__version__ == "3.15.1", keras.__version__
    recorded = {name: order(build(keras, name)) for name in GRAPHS}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(facts)}" for name, facts in recorded.items())
    GOLDEN.write_text(f'{{"keras": "{keras.__version__}", "graphs": {{\n{lines}\n}}}}\n')
    print(f"{len(recorded)} orders, {sum(len(facts['layers']) for facts in recorded.values())} layers")


if __name__ == "__main__":
    main()
