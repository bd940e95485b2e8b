"""Names: Keras's automatic ones, and the clean identifiers under which any name may reach generated code."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

# The words that generated code uses. fx writes its variables in small letters, so that `SELF` is as bad as `self`.
WORDS = frozenset(
    "self torch math operator builtins device inf nan layergraph Ellipsis NoneType fx_pytree getattr pytree range slice".split()
)
# Attributes of a model, and the words its generated code uses. Frozen, and in a list of its own, so that a new method of
# Model never changes the keys of anybody's state_dict: tests/graph/test_names.py holds dir(Model) to it.
RESERVED = WORDS | frozenset(
    """
    T_destination activity_regularizer add add_loss add_metric add_module add_submodule add_variable add_weight adopt apply
    apply_constraints at auto_name autocast bfloat16 buffers build build_from_config built call call_signature_parameters
    call_super_init calls check_fields children code compile compile_from_config compiled compute_dtype compute_loss compute_mask
    compute_metrics compute_output_shape compute_output_spec count_params cpu cuda delete_all_unused_submodules delete_submodule
    double dtype dtype_policy dump_patches eject eval evaluate export extra_repr fit float forward freeze from_config get_buffer
    get_build_config get_compile_config get_config get_extra_state get_layer get_metrics_result get_parameter
    get_quantization_layer_structure get_state_tree get_submodule get_weights graph half has_constraints has_losses history input
    input_dtype input_names input_shape input_spec inputs insert_after ipu jit_compile keras_weights label layer_names layers
    load_own_variables load_state_dict load_weights loss losses lower make_predict_function make_test_function make_train_function
    meta metrics metrics_names metrics_variables modules modules_under mtia name named_buffers named_children named_modules
    named_parameters non_trainable_variables non_trainable_weights operations optimizer output output_dtype output_masks
    output_names output_shape outputs own_weights parameters parts path place pop predict predict_function predict_on_batch
    predict_step print_readable quantization_mode quantize quantized_build quantized_call recompile register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook rematerialized_call remove replace replace_part requires_grad_
    reset_metrics run_eagerly save save_own_variables save_weights set_extra_state set_state_tree set_submodule set_weights
    shape_env share_memory state_dict stateful stateless_call stateless_compute_loss steps_per_execution stop_training sublayers
    summary supports_jit supports_masking symbolic_call test_function test_on_batch test_step to to_empty to_folder to_json
    torch_params train train_function train_on_batch train_step trainable trainable_variables trainable_weights training type unfreeze
    variable_dtype variables weights xpu zero_grad
    """.split()
)

_BEFORE_CAPITAL = re.compile(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")


def snake_case(class_name: str) -> str:
    """Keras's automatic base name of a class: `Conv2DTranspose` -> `conv2d_transpose`, `ReLU` -> `re_lu`.

    >>> snake_case("MaxPooling2D")
    'max_pooling2d'
    """
    return re.sub("_+", "_", _BEFORE_CAPITAL.sub("_", re.sub(r"\W", "", class_name))).lower()


def clean(name: str) -> str:
    """The identifier under which a name may stand in generated code and in state_dict keys: letters, digits and `_`.

    >>> clean("my layer"), clean("class"), clean("output"), clean("2nd"), clean("_modules"), clean("Self")
    ('my_layer', 'class_', 'output_', 'n2nd', '_modules_', 'Self_')
    """
    word = re.sub(r"[^0-9A-Za-z_]", "_", name) or "_"
    if word[0].isdigit():
        word = "n" + word
    taken = keyword.iskeyword(word) or keyword.issoftkeyword(word) or word in RESERVED or word.lower() in WORDS
    return word + "_" if word[0] == "_" or taken else word


class Namespace:
    """Hands out each name once: `dense`, `dense_1`, `dense_2`, ... in constant time each."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def reserve(self, name: str) -> bool:
        """Take exactly this name; False if it is taken."""
        if name in self._taken:
            return False
        self._taken.add(name)
        return True

    def taken(self, names: Iterable[str]) -> bool:
        """Whether any of these is taken."""
        return not self._taken.isdisjoint(names)

    def release(self, name: str) -> None:
        """Give a name back."""
        self._taken.discard(name)
        self._next.clear()

    def take(self, base: str) -> str:
        """Take `base`, or the next free number of it."""
        name, number = base, self._next.get(base, 1)
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name)
        self._next[base] = number
        return name
