"""The rows of `record_optimizers.py` and of the tests that compare with it: optimizers, options, models, for either library."""

from __future__ import annotations

from typing import Any

STEPS = 20

_PLAIN: dict[str, dict[str, Any]] = {
    "SGD": {"learning_rate": 0.01},
    "Adam": {"learning_rate": 0.01},
    "AdamW": {"learning_rate": 0.01},
    "RMSprop": {"learning_rate": 0.01},
    "Adagrad": {"learning_rate": 0.03},
    "Adadelta": {"learning_rate": 1.0},
    "Adamax": {"learning_rate": 0.01},
    "Nadam": {"learning_rate": 0.01},
    "Lion": {"learning_rate": 0.01},
    "Ftrl": {"learning_rate": 0.01},
    "Lamb": {"learning_rate": 0.01},
    "Adafactor": {"learning_rate": 0.01},
    "Muon": {"learning_rate": 0.01},
    "ScheduleFreeAdamW": {"learning_rate": 0.01},
}


def _row(name: str, words: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return {"name": name, "options": {**_PLAIN.get(name, {}), **options}, **(words or {})}


_SCHEDULE = ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 10, "alpha": 0.1, "warmup_target": 0.02, "warmup_steps": 4})
_OPTIONS: dict[str, dict[str, Any]] = {
    "ema": {"use_ema": True, "ema_momentum": 0.7},
    "ema_often": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 4},
    "accumulation": {"gradient_accumulation_steps": 3},
    "scaled": {"loss_scale_factor": 128.0},
    "decay": {"weight_decay": 0.02},
    "clipnorm": {"clipnorm": 0.5},
}
FLAT: dict[str, dict[str, Any]] = {
    # Ftrl forgets the first weights, so that some are small differences of large numbers
    **{name: _row(name, {"halve": True, "dtype": "float64" if name == "Ftrl" else "float32"}) for name in _PLAIN},
    **{
        f"{name} gaps": _row(name, {"gaps": True})
        for name in ("Adam", "Nadam", "Adadelta", "Adamax", "Lamb", "Adafactor", "Muon", "RMSprop")
    },
    **{f"{name} {key}": _row(name, **options) for name in ("Adam", "Adafactor", "Nadam") for key, options in _OPTIONS.items()},
    "SGD momentum": _row("SGD", {"halve": True}, momentum=0.9, nesterov=True),
    "Adam amsgrad": _row("Adam", amsgrad=True, epsilon=1e-3),
    "Adam eager": _row("Adam", beta_1=0.5, beta_2=0.9),
    "Adam clipvalue": _row("Adam", clipvalue=0.3),
    "Adam global": _row("Adam", global_clipnorm=0.5),
    "Adam no clip": _row("Adam", clipnorm=0.0),
    "Adam schedule": _row("Adam", learning_rate=_SCHEDULE),
    "Adam schedule, accumulation": _row("Adam", learning_rate=_SCHEDULE, gradient_accumulation_steps=3),
    "Adam function": _row("Adam", learning_rate="function"),
    "Adam spared": _row("AdamW", {"spared": ["bias"]}, weight_decay=0.1),
    "SGD all": _row(
        *("SGD", {"gaps": True, "spared": ["bi.s"]}),
        **{"momentum": 0.8, "weight_decay": 0.1, "clipnorm": 1.0, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
        **{"loss_scale_factor": 4.0, "gradient_accumulation_steps": 4, "learning_rate": _SCHEDULE},
    ),
    "RMSprop centered": _row("RMSprop", momentum=0.8, centered=True, rho=0.7),
    "Adagrad small": _row("Adagrad", initial_accumulator_value=1e-6),
    "Ftrl all": _row(
        *("Ftrl", {"halve": True, "dtype": "float64"}),
        **{"l1_regularization_strength": 0.01, "l2_regularization_strength": 0.02, "l2_shrinkage_regularization_strength": 0.03},
        **{"beta": 0.1, "learning_rate_power": -0.6, "initial_accumulator_value": 0.2},
    ),
    "Lamb decay": _row("Lamb", weight_decay=0.1, beta_1=0.8),
    "Adafactor own": _row("Adafactor", learning_rate=0.5, clip_threshold=0.5, beta_2_decay=-0.5, epsilon_2=0.1, relative_step=False),
    "Adafactor schedule": _row("Adafactor", learning_rate=_SCHEDULE),
    "Muon own": _row("Muon", nesterov=False, rms_rate=None, weight_decay=0.1, adam_weight_decay=0.2, momentum=0.8, ns_steps=3),
    "Muon adam": _row("Muon", {"spared": ["bias"]}, exclude_layers=["kern"], adam_lr_ratio=0.1, adam_weight_decay=0.3, adam_beta_1=0.7),
    "Muon no decay": _row("Muon", weight_decay=None, adam_weight_decay=None, clipnorm=1.0),
    "ScheduleFreeAdamW own": _row("ScheduleFreeAdamW", warmup_steps=5, beta_1=0.7, beta_2=0.9, weight_decay=0.1),
    "LossScaleOptimizer": {"name": "LossScaleOptimizer", "inner": ("Adam", {"learning_rate": 0.01}), "times": 2.0**15, "inf": (2, 3, 9)}
    | {"options": {"dynamic_growth_steps": 4}},
    "MultiOptimizer": {"name": "MultiOptimizer", "map": {"bias": ("SGD", {"momentum": 0.9})}, "inner": ("Adam", {}), "options": {}},
}

LAYERED: dict[str, dict[str, Any]] = {
    **{name: _row(name) for name in ("Adafactor", "Muon", "Lamb", "Adam", "SGD", "Nadam", "Adadelta")},
    "RMSprop": _row("RMSprop", centered=True, momentum=0.5, use_ema=True, gradient_accumulation_steps=2),
    "Adam amsgrad": _row("Adam", amsgrad=True),
    "SGD momentum": _row("SGD", momentum=0.9),
    "SGD clipnorm": _row("SGD", learning_rate=1.0, clipnorm=0.05),
    "Muon excluded": _row("Muon", exclude_layers=["gru", "inner/dense"], exclude_embeddings=False),
    "AdamW spared": _row("AdamW", {"spared": ["bias", "gamma", "embeddings"]}, weight_decay=0.5),
    "Adam schedule": _row("Adam", learning_rate=_SCHEDULE),
    "MultiOptimizer": {
        "name": "MultiOptimizer",
        "map": {"inner/.*": ("Adagrad", {"learning_rate": 0.1}), "gru/.*": ("Adam", {})},
        "inner": ("Adafactor", {}),
        "options": {},
    },
    "LossScaleOptimizer": {"name": "LossScaleOptimizer", "inner": ("SGD", {"momentum": 0.9}), "options": {"initial_scale": 2.0}},
}

FITS: dict[str, dict[str, Any]] = {
    "ema": _row("Adam", use_ema=True, ema_momentum=0.8),
    "ema_often": _row("SGD", use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=5, momentum=0.5),
    "accumulation": _row("Adam", gradient_accumulation_steps=4),
    "scaled": _row("SGD", loss_scale_factor=256.0, clipnorm=0.5),
    "loss_scale": {"name": "LossScaleOptimizer", "inner": ("SGD", {}), "options": {"initial_scale": 64.0, "dynamic_growth_steps": 5}},
    "muon": _row("Muon"),
    "adafactor": _row("Adafactor"),
    "multi": {"name": "MultiOptimizer", "map": {"hidden/.*": ("Adam", {})}, "inner": ("SGD", {"learning_rate": 0.05}), "options": {}},
    "schedule_free": _row("ScheduleFreeAdamW"),
    "lamb": _row("Lamb"),
    "ftrl": _row("Ftrl"),
}

SCHEDULES: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        f"restarts {t} {m} {first}": (
            "CosineDecayRestarts",
            {"initial_learning_rate": 0.1, "first_decay_steps": first, "t_mul": t, "m_mul": m, "alpha": alpha},
        )
        for t, m, first, alpha in [
            *[(2.0, 1.0, 10, 0.0), (2.0, 0.5, 7, 0.1), (1.0, 0.9, 5, 0.1), (1.5, 0.8, 4, 0.1), (3.0, 1.0, 3, 0.0)],
            *[(1.1, 0.9, 20, 0.1), (2.0, 1.0, 1, 0.0)],
        ]
    },
    "warmup": _SCHEDULE,
    "exponential": ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    "inverse": ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    "piecewise": ("PiecewiseConstantDecay", {"boundaries": [5, 11, 60], "values": [0.1, 0.05, 0.01, 0.5]}),
    "polynomial": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "power": 0.5, "cycle": True}),
}


def make(library: Any, row: dict[str, Any]) -> Any:
    """The optimizer of a row, of Keras or of layergraph."""
    room = library.optimizers
    options = dict(row["options"])
    rate = options.get("learning_rate")
    if rate == "function":
        options["learning_rate"] = lambda: 0.02
    elif isinstance(rate, tuple):
        options["learning_rate"] = getattr(room.schedules, rate[0])(**rate[1])
    first: list[Any] = []
    if "inner" in row:
        first = [getattr(room, row["inner"][0])(**row["inner"][1])]
    if "map" in row:
        first = [room.OptimizerMap(first[0], {key: getattr(room, name)(**words) for key, (name, words) in row["map"].items()})]
    optimizer = getattr(room, row["name"])(*first, **options)
    if "spared" in row:
        optimizer.exclude_from_weight_decay(var_names=row["spared"])
    return optimizer


def layered(library: Any) -> Any:
    """A model with a kernel of every kind that Keras and torch lay out differently."""
    layers = library.layers
    image = library.Input((6, 6, 2), name="image")
    x = layers.Conv2D(3, 2, name="conv")(image)
    x = layers.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    tokens = library.Input((4,), dtype="int32", name="tokens")
    y = layers.Embedding(5, 4, name="embedding")(tokens)
    y = layers.MultiHeadAttention(2, 3, name="attention")(y, y)
    y = layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de", name="einsum")(y)
    y = layers.Reshape((4, 6), name="reshape")(y)
    y = layers.LSTM(3, return_sequences=True, name="lstm")(y)
    y = layers.GRU(2, name="gru")(y)
    z = layers.Concatenate(name="concatenate")([x, y])
    inner = library.Sequential([library.Input((8,)), layers.Dense(3, activation="relu", name="dense")], name="inner")
    return library.Model([image, tokens], layers.Dense(2, name="head")(inner(z)))


def network(library: Any) -> Any:
    """The small model that is fitted."""
    x = library.Input((5,), name="x")
    hidden = library.layers.Dense(8, activation="tanh", name="hidden")(x)
    return library.Model(x, library.layers.Dense(2, name="out")(hidden))
