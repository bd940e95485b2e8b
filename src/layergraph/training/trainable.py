"""`Trainable`: Keras's training methods for a module class, each one a call of a plain function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import ArgumentError
from ..kinds import is_sequence
from .data.structure import flatten

if TYPE_CHECKING:
    from .callbacks.base import History
    from .compile import Compiled

_TORCH_ARGUMENTS = ("fullgraph", "dynamic", "backend", "mode", "options", "disable")


def _kept(name: str, default: Any = None) -> Any:
    """What `compile` was told, or what a `compile` of the user's own has set."""
    own = f"_own_{name}"

    def read(self: Any) -> Any:
        module = self.__dict__.get("_modules", {}).get(name)  # a loss of torch, set as an attribute, is a module of the model
        if module is not None:
            return module
        value = getattr(self._state(), name, None)
        return self.__dict__.get(own, default) if value is None else value

    def write(self: Any, value: Any) -> None:
        state = self._state()
        if state is None:
            self.__dict__[own] = value
        else:
            setattr(state, name, value)

    return property(read, write)


class Trainable:
    """Mixed into `models.Model`: `compile`, `fit`, `evaluate`, `predict` and their relatives.

    All state is one object, `_compiled`, which is no part of `state_dict`.
    """

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        *,
        distribute: str | bool = "auto",
        **torch_arguments: Any,
    ) -> None:
        """Chooses optimizer, loss and metrics; the next `fit` starts with a fresh optimizer.

        Args:
            optimizer: a name, an `Optimizer`, a `torch.optim` optimizer or class.
            loss: a name, a `Loss`, a loss of torch, a function `loss(y_true, y_pred)`; a list or dict of these by output.
            loss_weights: a number for each loss.
            metrics, weighted_metrics: lists, or lists and dicts of these by output.
            steps_per_execution: callbacks are called once for so many batches.
            run_eagerly, auto_scale_loss: taken for Keras's sake; training is eager unless `jit_compile` is True, and no layer computes
                in float16.
            jit_compile: only 'auto' or False, for now.
            distribute: where `torchrun` or `accelerate launch` has started several processes: 'auto' or 'ddp' trains them together,
                each on its part of every batch; 'fsdp2' leaves each a part of the weights too; False lets each train alone.

        A class that writes `train_step`, `compile` or another of the steps may call this without arguments, as
        `super().compile()`.

        Raises:
            ArgumentError: names that mean nothing; no arguments at all, or those of `torch.compile`, which is another thing.

        Example:
            >>> from layergraph import Input, Sequential
            >>> from layergraph.layers import Dense
            >>> model = Sequential([Input(shape=(3,)), Dense(1)])
            >>> model.compile("adam", loss="mse", metrics=["mae"])
        """
        nothing = isinstance(optimizer, str) and optimizer == "rmsprop" and loss is None and metrics is None and weighted_metrics is None
        if torch_arguments or (nothing and not self._steps_written()):
            _not_torch(type(self).__name__, torch_arguments)
        from .compile import Compiled

        compiled = Compiled(
            optimizer,
            loss,
            loss_weights,
            metrics,
            weighted_metrics,
            output_names=_names_of_outputs(self),
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
            auto_scale_loss=auto_scale_loss,
            distribute=distribute,
        )
        before = self._state()
        compiled.history = None if before is None else before.history
        object.__setattr__(self, "_compiled", compiled)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str | bool = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list[int] = 1,
    ) -> History:
        """Trains for `epochs` passes over the data; see `layergraph.training.fit`."""
        from . import loop

        return loop.fit(
            self,  # pyright: ignore[reportArgumentType] (mixed into an nn.Module)
            self._state(),
            x,
            y,
            batch_size,
            epochs,
            verbose,
            callbacks,
            validation_split,
            validation_data,
            shuffle,
            class_weight,
            sample_weight,
            initial_epoch,
            steps_per_epoch,
            validation_steps,
            validation_batch_size,
            validation_freq,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str | bool = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over data; see `layergraph.training.evaluate`."""
        from . import loop

        return loop.evaluate(self, self._state(), x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict)  # pyright: ignore[reportArgumentType]

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: int | str | bool = "auto", steps: int | None = None, callbacks: Any = None
    ) -> Any:
        """The outputs for all samples as numpy arrays; works before `compile`."""
        from . import loop

        return loop.predict(self, x, batch_size, verbose, steps, callbacks, self._state())  # pyright: ignore[reportArgumentType]

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One update on one batch; returns what `evaluate` would, before the update."""
        from . import single

        return single.train_on_batch(self, self._state(), x, y, sample_weight, class_weight, return_dict)  # pyright: ignore[reportArgumentType]

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch."""
        from . import single

        return single.test_on_batch(self, self._state(), x, y, sample_weight, return_dict)  # pyright: ignore[reportArgumentType]

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs of one batch as numpy arrays."""
        from . import single

        return single.predict_on_batch(self, x, self._state())  # pyright: ignore[reportArgumentType]

    # --- steps, to override

    def train_step(self, data: Any) -> Any:
        """One batch: forward, loss, backward, step. Write your own for another training; `fit` calls it.

        Args:
            data: `x`, `(x, y)` or `(x, y, sample_weight)`, tensors in the structure in which they were given; from a loader, what it gave.

        Returns:
            A dict of values by name, for the logs.

        While it runs, the weights have what Keras's variables have: `v.value` (the weight itself), `v.assign(...)`.

        >>> import torch
        >>> from layergraph import Input, Model
        >>> from layergraph.layers import Dense
        >>> class Halved(Model):
        ...     def train_step(self, data):
        ...         x, y = data
        ...         self.zero_grad()
        ...         y_pred = self(x, training=True)
        ...         loss = 0.5 * self.compute_loss(y=y, y_pred=y_pred)
        ...         loss.backward()
        ...         weights = self.trainable_weights
        ...         with torch.no_grad():
        ...             self.optimizer.apply([v.value.grad for v in weights], weights)
        ...         for metric in self.metrics:
        ...             if metric.name == "loss":
        ...                 metric.update_state(loss)
        ...             else:
        ...                 metric.update_state(y, y_pred)
        ...         return {m.name: m.result() for m in self.metrics}
        >>> x = Input(shape=(3,))
        >>> model = Halved(x, Dense(1)(x))
        >>> model.compile("adam", loss="mse", metrics=["mae"])
        >>> sorted(model.fit(torch.rand(8, 3), torch.rand(8, 1), verbose=0).history)
        ['loss', 'mae']
        """
        from .steps import steps_of

        return steps_of(self).train(data)

    def test_step(self, data: Any) -> Any:
        """One batch of `evaluate` and of validation, without gradients: a dict of values by name."""
        from .steps import steps_of

        return steps_of(self).test(data)

    def predict_step(self, data: Any) -> Any:
        """One batch of `predict`, without gradients: the outputs."""
        from .steps import steps_of

        return steps_of(self, predicting=True).predict(data)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """The loss of a batch, a tensor without axes: the losses of `compile`, weighted, and the terms in `self.losses`.

        It counts the loss of each output where there are several; the total is counted by the step.
        """
        from .steps import steps_of

        return steps_of(self).computed_loss(y, y_pred, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Adds a batch to the metrics of `compile`; gives `get_metrics_result()`."""
        from .steps import steps_of

        state = self._state()
        if state is not None and (state.metrics or state.weighted_metrics):
            steps_of(self).update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The values of `self.metrics` by name."""
        from .model_metrics import results_of

        return results_of(self.metrics)

    def make_train_function(self, force: bool = False) -> Any:
        """Sets `self.train_function`, which takes a list of one batch; a class that writes this method is trained by its function."""
        return self._make_function("train", force)

    def make_test_function(self, force: bool = False) -> Any:
        """Sets `self.test_function`."""
        return self._make_function("test", force)

    def make_predict_function(self, force: bool = False) -> Any:
        """Sets `self.predict_function`."""
        return self._make_function("predict", force)

    def _make_function(self, phase: str, force: bool) -> Any:
        if force or self.__dict__.get(f"{phase}_function") is None:
            step = getattr(self, f"{phase}_step")

            def on_one(data: Any) -> Any:
                return step(data[0])

            self.__dict__[f"{phase}_function"] = on_one
        return self.__dict__[f"{phase}_function"]

    train_function: Any = None
    test_function: Any = None
    predict_function: Any = None

    @property
    def metrics(self) -> list[Any]:
        """The loss, the metrics of `compile` as one, the loss of each output where there are several, and metrics set as attributes."""
        from .model_metrics import metrics_of

        return metrics_of(self)

    # --- state

    def _state(self) -> Compiled | None:
        return self.__dict__.get("_compiled")

    def _steps_written(self) -> bool:
        """Whether the class has a training of its own."""
        from .steps import EVERY, written

        return bool(written(self, ("compile", *EVERY)))  # pyright: ignore[reportArgumentType] (mixed into an nn.Module)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._state() is not None

    optimizer = _kept("optimizer")
    loss = _kept("loss")
    steps_per_execution = _kept("steps_per_execution", 1)
    run_eagerly = _kept("run_eagerly", False)
    jit_compile = _kept("jit_compile", False)

    @property
    def history(self) -> History | None:
        """What the last `fit` returned."""
        state = self._state()
        return None if state is None else state.history

    @property
    def stop_training(self) -> bool:
        """A callback sets this to end the training after the batch or epoch."""
        state = self._state()
        return state is not None and state.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        state = self._state()
        if state is not None:
            state.stop_training = bool(value)

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`: those of `compile` are together 'compile_metrics', as in Keras."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Forgets every batch that the metrics have seen."""
        for metric in self.metrics:
            metric.reset_state()


def _names_of_outputs(model: Any) -> list[str] | None:
    """Names that a loss dict may use, where they are known before the model runs: keys of a dict, else `output_names`."""
    outputs = getattr(model, "output", None)
    if isinstance(outputs, Mapping):
        return None
    names = getattr(model, "output_names", None)
    return list(names) if is_sequence(names) and len(names) == len(flatten(names)) else None


def _not_torch(who: str, arguments: Mapping[str, Any]) -> NoReturn:
    unknown = [key for key in arguments if key not in _TORCH_ARGUMENTS]
    if unknown:
        raise ArgumentError(
            f"{who}.compile() got an unexpected argument {unknown[0]!r}", "compile(optimizer, loss, loss_weights, metrics, ...)"
        )
    text = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    raise ArgumentError(
        f"{who}.compile({text}) is Keras's compile, which chooses optimizer, loss and metrics; it makes no faster code",
        f"torch.compile(model{', ' if text else ''}{text}) for faster code, model.compile('adam', loss='mse') to train",
    )
