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
        **torch_arguments: Any,
    ) -> None:
        """Chooses optimizer, loss and metrics; the next `fit` starts with a fresh optimizer.

        Args:
            optimizer: a name, an `Optimizer`, a `torch.optim` optimizer or class.
            loss: a name, a `Loss`, a loss of torch, a function `loss(y_true, y_pred)`; a list or dict of these by output.
            loss_weights: a number for each loss.
            metrics, weighted_metrics: lists, or lists and dicts of these by output.
            run_eagerly, auto_scale_loss: taken for Keras's sake; training is eager, and torch.autocast scales nothing here.
            steps_per_execution, jit_compile: only 1, and 'auto' or False, for now.

        Raises:
            ArgumentError: names that mean nothing; no arguments at all, or those of `torch.compile`, which is another thing.

        Example:
            >>> from layergraph import Input, Sequential
            >>> from layergraph.layers import Dense
            >>> model = Sequential([Input(shape=(3,)), Dense(1)])
            >>> model.compile("adam", loss="mse", metrics=["mae"])
        """
        nothing = isinstance(optimizer, str) and optimizer == "rmsprop" and loss is None and metrics is None and weighted_metrics is None
        if torch_arguments or nothing:
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
        )
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
        from . import loop

        return loop.train_on_batch(self, self._state(), x, y, sample_weight, class_weight, return_dict)  # pyright: ignore[reportArgumentType]

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch."""
        from . import loop

        return loop.test_on_batch(self, self._state(), x, y, sample_weight, return_dict)  # pyright: ignore[reportArgumentType]

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs of one batch as numpy arrays."""
        from . import loop

        return loop.predict_on_batch(self, x)  # pyright: ignore[reportArgumentType]

    # --- state

    def _state(self) -> Compiled | None:
        return self.__dict__.get("_compiled")

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._state() is not None

    @property
    def optimizer(self) -> Any:
        """The optimizer of the last `compile`, or None."""
        state = self._state()
        return None if state is None else state.optimizer

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
        """'loss', 'compile_metrics' if there are any, and '<output>_loss' where there are several, as in Keras."""
        state = self._state()
        if state is None:
            return []
        names = ["loss", *(["compile_metrics"] if state.metrics or state.weighted_metrics else [])]
        bound = state.binding.losses if state.binding is not None else []
        return names + ([f"{one.name}_loss" for one in bound] if len(bound) > 1 else [])

    def reset_metrics(self) -> None:
        """Forgets every batch that the metrics have seen."""
        state = self._state()
        if state is not None and state.binding is not None:
            state.binding.reset()


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
