"""Dense, Activation, Embedding, Identity, EinsumDense."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs

ROWS: tuple[Row, ...] = (
    Row(
        "Dense",
        {"units": 3, "activation": "relu"},
        ((2, 4, 5),),
        unknown=(1,),
        wrong=(
            *argument("units", 0, -1, 2.5, True, None, "3"),
            *argument("activation", "rellu", needed={"units": 3}),
            *argument("use_bias", "yes", needed={"units": 3}),
            *argument("kernel_initializer", "glorot", needed={"units": 3}),
            *argument("kernel_regularizer", "l3", needed={"units": 3}),
            Wrong(("units",), kwargs={}),
            Wrong(("activaton", "activation"), kwargs={"units": 3, "activaton": "relu"}),
            refused_inputs((None, 4, None), says=("last", "None")),
            refused_inputs((2,)),
            refused_inputs((2, 4, 7), says=("5", "7"), built=True),
        ),
    ),
    Row(
        "Activation",
        {"activation": "tanh"},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*argument("activation", "tahn", 3), Wrong(("activation",), kwargs={})),
    ),
    Row(
        "Embedding",
        {"input_dim": 7, "output_dim": 3},
        ((2, 5),),
        unknown=(1,),
        integers=7,
        wrong=(
            *argument("input_dim", 0, 2.5, needed={"output_dim": 3}),
            *argument("output_dim", 0, needed={"input_dim": 7}),
            Wrong(("output_dim",), kwargs={"input_dim": 7}),
            Wrong(("mask_zeros", "mask_zero"), kwargs={"input_dim": 7, "output_dim": 3, "mask_zeros": True}),
        ),
    ),
    Row(
        "Masking",
        {"mask_value": 0.0},
        ((2, 4, 3),),
        unknown=(1, 2),
        wrong=(*argument("mask_value", "0", None), refused_inputs((2,))),
    ),
    Row("Identity", {}, ((2, 3, 4),), unknown=(1, 2), wrong=(Wrong(("rate",), kwargs={"rate": 1}),)),
    Row(
        "EinsumDense",
        {"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "e", "activation": "tanh"},
        ((2, 4, 5),),
        unknown=(1,),
        wrong=(
            *argument("equation", "abc", "ab, bc->ac", "ab...,bc->ac", "a...,bc->ac...", 3, needed={"output_shape": 4}),
            *argument("output_shape", 0, "4", (2.5,), None, needed={"equation": "ab,bc->ac"}),
            *argument("activation", "rellu", needed={"equation": "ab,bc->ac", "output_shape": 4}),
            *argument("bias_axes", "b", "", 2, needed={"equation": "ab,bc->ac", "output_shape": 4}),
            *argument("lora_rank", 2, needed={"equation": "ab,bc->ac", "output_shape": 4}),
            Wrong(("'d'", "output"), kwargs={"equation": "ab,bc->ad", "output_shape": 4}),
            Wrong(("'d'", "kernel"), kwargs={"equation": "ab,bcd->ac", "output_shape": 4}),
            Wrong(("output_shape",), kwargs={"equation": "ab,bc->ac"}),
            Wrong(("batch", "'a'"), kwargs={"equation": "ab,bc->ca", "output_shape": 4}, inputs=((2, 5),)),
            Wrong(("2 sizes", "c"), kwargs={"equation": "ab,bc->ac", "output_shape": (4, 3)}, inputs=((2, 5),)),
            Wrong(("'b'", "7", "4"), kwargs={"equation": "abc,cd->abd", "output_shape": (7, 3)}, inputs=((2, 4, 5),)),
            Wrong(("at least 3 axes", "(2, 5)"), kwargs={"equation": "...abc,cd->...abd", "output_shape": (None, 3)}, inputs=((2, 5),)),
            refused_inputs((None, 4, None), says=("'c'", "kernel")),
            refused_inputs((2, 4)),
            refused_inputs((2, 4, 5, 6)),
            refused_inputs((2, 4, 7), says=("5",), built=True),
        ),
    ),
    Row(
        "ReversibleEmbedding",
        {"input_dim": 7, "output_dim": 3, "logit_soft_cap": 2.0},
        ((2, 5),),
        unknown=(1,),
        integers=7,
        wrong=(
            *argument("input_dim", 0, 2.5, needed={"output_dim": 3}),
            *argument("logit_soft_cap", -1.0, needed={"input_dim": 7, "output_dim": 3}),
            *argument("reverse_dtype", "flaot16", needed={"input_dim": 7, "output_dim": 3}),
        ),
    ),
)
