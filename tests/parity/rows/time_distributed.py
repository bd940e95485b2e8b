"""TimeDistributed."""

from __future__ import annotations

from collections.abc import Iterator

from .row import In, Of, Row, row


def rows() -> Iterator[Row]:
    x, images = (2, 3, 4), (2, 3, 5, 4, 2)

    def over(layer: str, kwargs: dict[str, object], *shapes: tuple[int, ...] | In, **more: object) -> Row:
        return row("time_distributed", "TimeDistributed", {"layer": Of(layer, kwargs)}, *shapes, **more)  # type: ignore[arg-type]

    yield over("Dense", {"units": 2}, x)
    yield over("Dense", {"units": 2, "activation": "softmax"}, x)
    yield over("Dense", {"units": 2}, (2, 3, 2, 4), note="rank4")
    yield over("Conv2D", {"filters": 2, "kernel_size": 2}, images)
    yield over("Conv2D", {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same"}, images)
    yield over("MaxPooling2D", {"pool_size": 2}, In(images, "distinct"))
    yield over("GlobalAveragePooling2D", {}, images)
    yield over("Flatten", {}, images)
    yield over("Dropout", {"rate": 0.5}, x)
    yield over("LayerNormalization", {}, x)
    yield over("BatchNormalization", {}, x)
    yield over("BatchNormalization", {}, (4, 3, 2), note="training", training=True)
    yield over("BatchNormalization", {}, (4, 3, 2), note="training_twice", training=True, steps=2)
    yield over("BatchNormalization", {"axis": 1}, (3, 2, 2, 3, 2), note="images_training", training=True)
    yield over("LSTM", {"units": 2}, (2, 3, 4, 2))
    yield over("LSTM", {"units": 2, "return_sequences": True}, (2, 3, 4, 2))
    yield over("TimeDistributed", {"layer": Of("Dense", {"units": 2})}, (2, 3, 2, 4))
    masked = In((2, 3), "mask", "bool")
    yield over("Dense", {"units": 2}, x, masked, note="mask", named=("mask",))
    yield over("SimpleRNN", {"units": 2}, (2, 3, 4, 2), In((2, 3, 4), "mask", "bool"), note="mask", named=("mask",))
    dense, norm = Of("Dense", {"units": 2}), Of("BatchNormalization")
    # a Sequential of Keras's hands on gradients in float32
    yield over("Sequential", {"layers": [dense, Of("Dense", {"units": 3, "activation": "tanh"})]}, x, double=False)
    yield over("Sequential", {"layers": [norm, dense]}, x, double=False)
    yield over("Sequential", {"layers": [norm, dense]}, (4, 3, 2), note="training", training=True, double=False)
