"""A functional model from its config, layergraph's or Keras's: the way back of `writing.py`.

A config is data from anywhere. What it names is looked up in tables, each of its calls is made once its tensors are there,
and what does not fit is a `ConfigError` that names the entry.
"""

from __future__ import annotations

import heapq
import keyword
from collections.abc import Iterator
from typing import Any, cast

from layergraph.errors import ConfigError, Fact, LayergraphError, shown, suggestion
from layergraph.graph.names import clean
from layergraph.graph.structure import at_path, leaves
from layergraph.graph.symbolic import Symbol
from layergraph.identify import Config, CustomObjects
from layergraph.layers.base import Layer
from layergraph.layers.core import InputLayer
from layergraph.layers.preprocessing.image_base import ImageLayer
from layergraph.models.writing import SIZE, TENSOR, is_shifted
from layergraph.saving.objects import class_of, deserialize_keras_object, make, reading
from layergraph.saving.operations import Operation
from layergraph.saving.values import decode, is_dict, is_list, read

MOST_LAYERS = 100_000
_KEYS = ("layers", "input_layers", "output_layers")
# Keras 3 up to 3.15 writes `"training": false` into calls of these layers (`call(x, training=False)`) that did not say so.
# Our own configs repeat it beside the arguments where it was said.
_SAYS_FALSE = frozenset(
    """
    Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization
    RNN SimpleRNN LSTM GRU ConvLSTM1D ConvLSTM2D ConvLSTM3D Bidirectional TimeDistributed MultiHeadAttention Attention
    AdditiveAttention
    """.split()
)


def model_from_json(json_string: str | bytes, custom_objects: CustomObjects | None = None) -> Any:
    """The model, with fresh weights, that `model.to_json()` described: layergraph's or Keras's.

    Args:
        json_string: the JSON text.
        custom_objects: classes and functions of yours by name, beside those that are registered.

    Raises `ConfigError` for what is no JSON, describes no model, or names a class that is not known.

    >>> from layergraph import Input, Model, layers
    >>> x = Input(shape=(4,))
    >>> model = Model(x, layers.Dense(2, name="head")(x))
    >>> model_from_json(model.to_json()).get_layer("head").units
    2
    """
    model = deserialize_keras_object(read(json_string), custom_objects)
    if not isinstance(model, Layer) or not hasattr(model, "to_json"):
        raise ConfigError(
            f"model_from_json: the config describes no model, it is {shown(model)}", "saving.deserialize_keras_object reads it"
        )
    return model


def is_functional(config: Any) -> bool:
    """Whether a config is a functional model's."""
    return is_dict(config) and any(word in config for word in _KEYS[1:])


def sequential_from_config(kind: Any, config: Any, custom_objects: CustomObjects | None = None) -> Any:
    """The Sequential that a config describes. Raises `ConfigError`."""
    kind = class_of(kind)
    try:
        if not is_dict(config) or not is_list(config.get("layers")):
            raise Fact(f"a Sequential's config is a dict with the list `layers`, got {shown(config)}")
        with reading(config, custom_objects):
            return _sequential(kind, dict(config))
    except Fact as fact:
        raise ConfigError(f"{kind.__name__}.from_config: {fact.what}", fact.fix) from None


def _sequential(kind: Any, config: Config) -> Any:
    known = ("layers", "name", "trainable", "dtype", "build_input_shape")
    unknown = [word for word in config if word not in known]
    if unknown:
        raise Fact(f"the config has an unknown key {shown(unknown[0])}", suggestion(unknown[0], known))
    if len(config["layers"]) > MOST_LAYERS:
        raise Fact(f"the config has {len(config['layers']):,} layers, and may have {MOST_LAYERS:,}")
    try:
        model = kind(**{word: config[word] for word in ("name", "trainable") if config.get(word) is not None})
        for entry in config["layers"]:
            layer = make(entry) if is_dict(entry) and {"class_name", "config"} <= {*entry} else entry
            if not isinstance(layer, Layer):
                raise Fact(f"an entry of `layers` is no layer, it is {shown(layer)}")
            model.add(layer)
        shape: Any = config.get("build_input_shape")
        if not model.built and is_list(shape) and model._stack:
            model.build(tuple(shape))
    except ConfigError:
        raise
    except LayergraphError as error:
        raise Fact(error.what, error.fix) from error
    return model


def functional_from_config(kind: Any, config: Any, custom_objects: CustomObjects | None = None) -> Any:
    """The model that a config describes: `kind(inputs, outputs, name=, trainable=)`. Raises `ConfigError`."""
    kind = class_of(kind)
    who = f"{kind.__name__}.from_config"
    try:
        if not is_dict(config):
            raise Fact(f"a config is a dict, got {type(config).__name__} {shown(config)}")
        with reading(config, custom_objects):
            return _Reader(config).model(kind)
    except Fact as fact:
        raise ConfigError(f"{who}: {fact.what}", fact.fix) from None


class _Reader:
    """One model being made again: entries become layers, then their calls are made, each as soon as its tensors are there."""

    def __init__(self, config: Config):
        self.config = config
        missing = [word for word in _KEYS if word not in config]
        if missing:
            raise Fact(f"a functional model's config has {', '.join(map(repr, _KEYS))}; {missing[0]!r} is missing")
        unknown = [word for word in config if word not in (*_KEYS, "name", "trainable")]
        if unknown:
            raise Fact(f"the config has an unknown key {shown(unknown[0])}", suggestion(unknown[0], (*_KEYS, "name", "trainable")))
        entries = config["layers"]
        if not is_list(entries) or not entries:
            raise Fact(f"`layers` must be a list of layers, got {shown(entries)}")
        if len(entries) > MOST_LAYERS:
            raise Fact(f"the config has {len(entries):,} layers, and may have {MOST_LAYERS:,}")
        self.layers: dict[str, Layer | Operation] = {}
        self.nodes: list[tuple[str, int, Any]] = []
        self.results: dict[tuple[str, int], Any] = {}
        made: set[int] = set()
        for entry in entries:
            self.add(entry, made)

    def add(self, entry: Any, made: set[int]) -> None:
        if not is_dict(entry) or not {"class_name", "config", "name", "inbound_nodes"} <= {*entry}:
            raise Fact(f"an entry of `layers` is a dict of class_name, config, name and inbound_nodes, got {shown(entry)}")
        name, calls = entry["name"], entry["inbound_nodes"]
        if not isinstance(name, str) or not isinstance(entry["class_name"], str) or not is_list(calls):
            raise Fact(f"an entry's name and class_name are strings, its inbound_nodes a list; got {shown(entry)}")
        if name in self.layers:
            raise Fact(f"two entries of `layers` are named {shown(name)}", "the names in a model must be unique")
        layer = make(entry)
        if not isinstance(layer, Layer | Operation):
            raise Fact(f"the entry {shown(name)} is no layer, it is {shown(layer)}")
        if id(layer) in made:
            raise Fact(f"the entry {shown(name)} is the same shared object as another entry")
        made.add(id(layer))
        self.layers[name] = layer
        if isinstance(layer, InputLayer):
            self.results[name, 0] = layer.output
        elif isinstance(layer, Layer) and layer._given_name is None and layer._key is None:
            layer.name = name
        self.nodes += [(name, number, call) for number, call in enumerate(calls)]

    def model(self, kind: Any) -> Any:
        self.call_all()
        words = {word: self.config[word] for word in ("name", "trainable") if self.config.get(word) is not None}
        inputs, outputs = self.nest("input_layers"), self.nest("output_layers")
        try:
            return kind(inputs=inputs, outputs=outputs, **words)
        except LayergraphError as error:
            raise Fact(error.what, error.fix) from error

    # Calls

    def call_all(self) -> None:
        """Make the calls, first those that stand first; each waits for the calls that make its tensors."""
        waiting: dict[tuple[str, int], list[int]] = {}
        missing: list[int] = []
        known = {(name, number) for name, number, _ in self.nodes} | {*self.results}
        for index, (name, number, call) in enumerate(self.nodes):
            wanted = {_place(tensor, name)[:2] for tensor in self.tensors(name, call)}
            for other in wanted - known:
                raise Fact(self.unknown(other, f"call {number} of {shown(name)}"))
            late = [other for other in wanted if other not in self.results]
            missing.append(len(late))
            for other in late:
                waiting.setdefault(cast("tuple[str, int]", other), []).append(index)
        ready = [index for index, count in enumerate(missing) if not count]
        done = 0
        while ready:
            index = heapq.heappop(ready)
            name, number, call = self.nodes[index]
            self.results[name, number] = self.call(name, call)
            done += 1
            for other in waiting.get((name, number), ()):
                missing[other] -= 1
                if not missing[other]:
                    heapq.heappush(ready, other)
        if done < len(self.nodes):
            raise Fact(f"the graph has a loop: {self.loop(missing)}", "a tensor can only be made from tensors that are there before it")

    def unknown(self, place: tuple[Any, ...], who: str) -> str:
        name, number = place
        if name not in self.layers:
            near = suggestion(name, self.layers)
            return f"{who} reads a tensor of {shown(name)}, and no layer has this name" + (f"; {near}" if near else "")
        return f"{who} reads a tensor of call {shown(number)} of {shown(name)}, which is not called so often"

    def loop(self, missing: list[int]) -> str:
        """The names around one loop."""
        stuck = {self.nodes[index][:2]: self.nodes[index] for index, count in enumerate(missing) if count}
        place = next(iter(stuck))
        way: dict[tuple[str, int], int] = {}
        while place not in way:
            way[place] = len(way)
            name, _, call = stuck[place]
            place = next(other for other in (_place(tensor, name)[:2] for tensor in self.tensors(name, call)) if other in stuck)
        names = [name for name, _ in list(way)[way[place] :]]
        return " <- ".join(shown(name, 40) for name in [*names[:6], *(["..."] if len(names) > 6 else []), names[0]])

    def tensors(self, name: str, call: Any) -> Iterator[Any]:
        """The tensors of the graph among a call's arguments."""
        if not is_dict(call) or not {"args", "kwargs"} <= {*call}:
            raise Fact(f"a call of {shown(name)} is a dict of args and kwargs, got {shown(call)}", "load Keras 2 files with Keras 3 first")
        return (entry for entry in _special([call["args"], call["kwargs"]]) if entry["class_name"] in (TENSOR, SIZE))

    def call(self, name: str, call: Config) -> Any:
        layer = self.layers[name]
        args, kwargs = decode(call["args"], self.leaf), decode(call["kwargs"], self.leaf)
        if not is_list(args) or not is_dict(kwargs):
            raise Fact(f"the args of a call of {shown(name)} are a list and its kwargs a dict, got {shown(call)}")
        for word in kwargs:
            if not word.isidentifier() or keyword.iskeyword(word):
                raise Fact(f"a call of {shown(name)} has the argument {shown(word)}, which is no name")
        # Keras writes `"mask": null`, or a nest of nulls, where there was none.
        kwargs = {word: value for word, value in kwargs.items() if not word.endswith("mask") or any(x is not None for x in leaves(value))}
        if "training" not in call and "training" in kwargs and kwargs["training"] is _said_by_default(layer):
            del kwargs["training"]
        try:
            result = layer(*args, **kwargs)
        except LayergraphError as error:
            raise Fact(error.what, error.fix) from error
        except (TypeError, ValueError, AttributeError, KeyError, IndexError, RuntimeError, NotImplementedError) as error:
            raise Fact(f"{shown(name)} cannot be called so: {type(error).__name__}: {shown(str(error), 200)}") from error
        self.settle_keys(call, args, kwargs, result)
        return result

    def settle_keys(self, call: Config, args: list[Any], kwargs: Config, result: Any) -> None:
        """Give the call's constants the keys that they had, so that the state_dict has the same."""
        keys = [entry["config"].get("key") for entry in _special([call["args"], call["kwargs"]]) if entry["class_name"] in _CONSTANTS]
        if not any(keys):
            return
        node = next((leaf.node for leaf in leaves(result) if isinstance(leaf, Symbol)), None)
        if node is not None and len(node.constants) == len(keys):
            for constant, each in zip(node.constants, keys, strict=True):
                constant._key = clean(each) if isinstance(each, str) else None

    def leaf(self, entry: Config) -> Any:
        return self.tensor(_place(entry, "a call")) if entry["class_name"] in (TENSOR, SIZE) else make(entry)

    def tensor(self, place: tuple[Any, ...]) -> Symbol:
        name, number, index = place
        result = self.results[name, number]
        try:
            found = at_path(result, tuple(index)) if is_list(index) else leaves(result)[index]
        except (IndexError, KeyError, TypeError):
            found = None
        if not isinstance(found, Symbol):
            raise Fact(f"call {number} of {shown(name)} gives no tensor {shown(index)}")
        return found

    def nest(self, word: str) -> Any:
        return self.nested(self.config[word], word)

    def nested(self, value: Any, word: str) -> Any:
        if is_dict(value):
            return {name: self.nested(item, word) for name, item in value.items()}
        if not is_list(value):
            raise Fact(f"`{word}` is a nest of [layer, call, output], got {shown(value)}")
        items = value
        if len(items) != 3 or not isinstance(items[0], str):
            return [self.nested(item, word) for item in items]
        name, number, index = _checked(items, f"`{word}`")
        number -= is_shifted(self.layers.get(name))
        if (name, number) not in self.results:
            raise Fact(self.unknown((name, number), f"`{word}`"))
        return self.tensor((name, number, index))


def _said_by_default(layer: Any) -> bool | None:
    """What Keras writes as `training` into a call that did not say so; the mode of the whole model overrides it there."""
    if isinstance(layer, ImageLayer):
        return True
    return False if type(layer).__name__ in _SAYS_FALSE else None


_CONSTANTS = ("__tensor__", "__numpy__")


def _special(value: Any) -> Iterator[Config]:
    """Every tensor in raw arguments, of the graph or constant, in the order in which a graph reads them."""
    if is_dict(value):
        entry = value
        if entry.get("class_name") in (TENSOR, SIZE, *_CONSTANTS) and isinstance(entry.get("config"), dict):
            yield entry
            return
        for word in sorted(entry, key=str):
            yield from _special(entry[word])
    elif is_list(value):
        for item in value:
            yield from _special(item)


def _place(entry: Config, who: str) -> tuple[Any, ...]:
    return _checked(entry["config"].get("keras_history"), f"a tensor in {who}")


def _checked(history: Any, who: str) -> tuple[str, int, Any]:
    parts = cast("list[Any]", history if is_list(history) else [])
    if len(parts) != 3 or not isinstance(parts[0], str) or type(parts[1]) is not int or not _is_index(parts[2]):
        raise Fact(f"{who} has the place {shown(history)}; it must be [layer, call, output]")
    return parts[0], parts[1], parts[2]


def _is_index(value: Any) -> bool:
    return is_list(value) or (type(value) is int and value >= 0)
