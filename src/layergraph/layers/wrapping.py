"""`wrap`: any torch module as a layer, itself in the graph, its inside untouched."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import nn

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.lower import Lowering
from layergraph.graph.names import snake_case
from layergraph.graph.structure import map_leaves
from layergraph.graph.trial import probe_module
from layergraph.kinds import is_class
from layergraph.layers.base import Layer
from layergraph.layers.recording import specs_of
from layergraph.layers.state import Stateful, weights_of_module
from layergraph.layers.weights import Weight
from layergraph.nn.mode import call_in_mode


class TorchModuleWrapper(Layer):
    """A torch module as a layer: `wrap(module)`.

    (whatever the module takes) -> (whatever it gives)

    It is called as the module is, with tensors, numbers, strings and None, by position and by keyword, nested or not. What it
    gives comes in the module's own structure; of a dataclass (or an OrderedDict with attributes, as transformers' models
    give) each field can be read as `out.logits`, `out["logits"]` and `out[0]`.

    In a model the module itself stands, under the layer's name: its keys in `state_dict` are `name.<its own keys>`, its hooks
    fire, `train()` and `eval()` reach it. A module wrapped twice keeps one set of weights, under both names. Floats are cast
    only where the module's own floats all have one other dtype; `autocast=False` leaves them.

    The shapes of what it gives are found by a trial run of a copy on the meta device, and where that does not serve, on small
    tensors; the module, its mode, hooks and buffers, and the random state are not touched.

    Unlike Keras's: it follows the model's mode (`training=` at the call sets one for that call); `get_weights()` has the
    statistics of normalizations too, after the parameters.

    Args:
        module: an instance of a torch module with a `forward`.
        name: of the layer; one is made from the module's class where none is given.
        output_shape: for a module that no trial run suits: the shape of its output, batch size included, None where a
            size is unknown; or a tuple, list or dict of shapes.
        **kwargs: `trainable`, `dtype` and `autocast`, as every layer takes them.

    Raises:
        ArgumentError: what is no module instance, is a layer already, or has parameters that a first call has yet to make.
        ShapeError: the module fails on these inputs.

    >>> import torch
    >>> from torch import nn
    >>> from layergraph import Input, Model, wrap
    >>> x = Input(shape=(7, 4))
    >>> sequence, (last, cell) = wrap(nn.LSTM(4, 8, batch_first=True), name="encoder")(x)
    >>> model = Model(x, last[-1])
    >>> model(torch.zeros(2, 7, 4)).shape
    torch.Size([2, 8])
    >>> type(model.encoder).__name__, next(iter(model.state_dict()))
    ('LSTM', 'encoder.weight_ih_l0')
    """

    _inlined: ClassVar[bool] = False
    _takes_values: ClassVar[bool] = True

    def __init__(self, module: nn.Module, name: str | None = None, output_shape: Any = None, **kwargs: Any):
        _check_module(module)
        own = {p.dtype for p in module.parameters() if p.is_floating_point()}
        one = own.pop() if len(own) == 1 else None
        if kwargs.get("dtype") is None and one is not None:
            kwargs["dtype"] = one
        super().__init__(name=name, **kwargs)
        self.__dict__["_has_dtype"] = one is not None or kwargs.get("dtype") is not None
        self.__dict__["_output_shape"] = output_shape
        self.module = module
        self.__dict__.update(built=True, _build_shapes=())
        self.__dict__["_call_words"] = _words(module)
        if not self._trainable:
            self.trainable = False

    def auto_name(self) -> str:
        return snake_case(type(self.module).__name__)

    @property
    def label(self) -> str:
        """`wrap(LSTM) 'encoder'`, for messages."""
        return f"wrap({type(self.module).__name__})" + (f" {shown(self._name)}" if self._name is not None else "")

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _by_position(self, kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (), kwargs

    def _casts(self, dtype: torch.dtype) -> bool:
        return self._has_dtype and super()._casts(dtype)

    # What it gives

    def compute_output_shape(self, input_shape: Any, *more: Any) -> Any:
        if self._output_shape is not None:
            return self._output_shape
        return map_leaves(
            lambda spec: spec.shape, self._probed(tuple(specs_of(shape, self._torch_dtype) for shape in (input_shape, *more)), {})
        )

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self._output_shape is not None:
            return specs_of(self._output_shape, self._torch_dtype)
        return self._probed(args, kwargs)

    def _probed(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        try:
            return probe_module(self, args, kwargs, self.label)
        except Fact as fact:
            raise Fact(
                fact.what, fact.fix or "if it runs on tensors of these shapes, say what it gives: wrap(module, output_shape=(None, ...))"
            ) from None

    # In a graph

    def lower(self, lowering: Lowering, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        training = None if "training" in self._call_words else kwargs.pop("training", None)
        if training is None:
            return lowering.module(key, self.module, args, kwargs)
        return lowering.through(call_in_mode, key, (bool(training), *args), kwargs)

    def parts(self, key: str) -> list[tuple[str, str, nn.Module]]:
        return [("module", key, self.module)]

    def modules_under(self, key: str) -> list[tuple[str, nn.Module]]:
        return [(key, self.module)]

    def replace_part(self, key: str, target: str, module: nn.Module) -> None:
        self.module = module

    def _register_hook(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return getattr(self.module, name)(*args, **kwargs)  # which is what runs, here and in a graph

    # State

    def keras_weights(self) -> list[Weight]:
        return weights_of_module(self.module)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "module": self.module, "output_shape": self._output_shape}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A layer over a copy of the module, weights included: no two layers made from configs share weights."""
        return super().from_config({**config, "module": copy.deepcopy(config.get("module"))})

    def extra_repr(self) -> str:
        return ""


def wrap(module: nn.Module, name: str | None = None, **kwargs: Any) -> TorchModuleWrapper:
    """Any torch module as a layer; see `layers.TorchModuleWrapper`, whose arguments it takes.

    >>> from torch import nn
    >>> from layergraph import Input, Model, wrap
    >>> x = Input(shape=(4,))
    >>> print(Model(x, wrap(nn.Linear(4, 2), name="head")(x)).code.strip().splitlines()[-2].strip())
    head = self.head(input_layer);  input_layer = None
    """
    return TorchModuleWrapper(module, name, **kwargs)


def _words(module: nn.Module) -> frozenset[str]:
    """The names of what `forward` takes, as far as it tells."""
    try:
        return frozenset(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):
        return frozenset()


def _check_module(module: Any) -> None:
    """Raise ArgumentError for what cannot be wrapped."""
    if is_class(module) and issubclass(module, nn.Module):
        raise ArgumentError(f"wrap takes an instance, got the class {module.__name__}", f"wrap({module.__name__}(...))")
    if isinstance(module, Stateful):
        raise ArgumentError(f"wrap takes a plain torch module, and {module.label} is a layer already", "call it: layer(x)")
    if not isinstance(module, nn.Module):
        fix = "call it on the symbol if it is made of torch functions, or write a Layer with call()" if callable(module) else None
        raise ArgumentError(f"wrap takes a torch.nn.Module, got {type(module).__name__} {shown(module)}", fix)
    who = type(module).__name__
    if type(module).forward is nn.Module.forward and "forward" not in module.__dict__:
        raise ArgumentError(f"wrap takes a module that can be called, and {who} has no forward", "wrap the modules in it one by one")
    if any(isinstance(each, nn.UninitializedParameter | nn.UninitializedBuffer) for each in (*module.parameters(), *module.buffers())):
        raise ArgumentError(
            f"wrap takes a module that has its weights, and {who} makes some on its first call", "call it on a tensor once, then wrap it"
        )
