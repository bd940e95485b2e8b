"""Faults of preprocessing."""

from __future__ import annotations

from .fault import Fault

_IN = "layers/preprocessing/"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "normalization by the variance",
        "nn/tables.py",
        "torch.clamp(torch.sqrt(self.variance),",
        "torch.clamp(self.variance,",
        "^normalization",
    ),
    Fault(
        "adapt forgets how far batches lie apart",
        _IN + "numeric.py",
        "squares + apart**2 * (count",
        "squares + 0 * (count",
        "^data:.*Normalization.*batches",
    ),
    Fault(
        "a boundary belongs to the bin below",
        "nn/tables.py",
        "out_int32=True, right=True",
        "out_int32=True, right=False",
        "^data:.*Discretization",
    ),
    Fault("bins of the wrong share", _IN + "categories.py", "shares = epsilon + np.arange", "shares = np.arange", "^data:.*Discretization"),
    Fault(
        "multi-hot of another axis",
        _IN + "categories.py",
        "index = index.movedim(1, -1)",
        "index = index",
        "^(data:layers.)?[Dd]iscretization",
    ),
    Fault(
        "weights are not counted",
        "nn/encoding.py",
        "else weights.to(dtype)",
        "else torch.ones_like(weights, dtype=dtype)",
        "^categoryencoding",
    ),
    Fault(
        "words from the lowest up",
        _IN + "vocabulary.py",
        "found = sorted(counts, key=lambda word: (counts[word], _order(word)), reverse=True)",
        "found = sorted(counts, key=lambda word: (-counts[word], _order(word)))",
        "^data:.*Lookup.*get_vocabulary",
    ),
    Fault(
        "the mask behind the strangers",
        _IN + "vocabulary.py",
        "return [self.mask_token] * self._mask_places + [self.oov_token] * self.num_oov_indices",
        "return [self.oov_token] * self.num_oov_indices + [self.mask_token] * self._mask_places",
        "^data:.*mask_token.*get_vocabulary",
    ),
    Fault("strangers weigh nothing", _IN + "vocabulary.py", "[sum(own) / len(own)] * self._start", "[0.0] * self._start", "^data:.*tf_idf"),
    Fault(
        "a document's words are counted, not documents",
        _IN + "vocabulary.py",
        "having.update(set(document))",
        "having.update(document)",
        "^data:.*tf_idf",
    ),
    Fault(
        "letters beyond ASCII are lowered",
        _IN + "text.py",
        "text.translate(table)",
        "text.lower().translate(table)",
        "^data:.*TextVectorization",
    ),
    Fault(
        "split at every space there is",
        _IN + "text.py",
        "for token in _SPACE.split(text)",
        "for token in text.split()",
        "^data:.*TextVectorization",
    ),
    Fault(
        "n-grams place by place",
        _IN + "text.py",
        "for width in widths for at in range(len(row) - width + 1)",
        "for at in range(len(row)) for width in widths if at + width <= len(row)",
        "^data:.*ngrams",
    ),
    Fault(
        "a hash with another rotation",
        _IN + "fingerprint.py",
        "y = _turned(y + v[1] + _word(data, at + 48), 42)",
        "y = _turned(y + v[1] + _word(data, at + 48), 43)",
        "^data:.*Hashing",
    ),
    Fault(
        "power of one side", _IN + "audio.py", "return power + torch.constant_pad_nd(power[:, 1:-1], [0, 0, 1, 1])", "return power", "^stft"
    ),
    Fault("imaginary parts first", _IN + "audio.py", "torch.cat([real, imag], 1)", "torch.cat([imag, real], 1)", "^stft"),
    Fault("a mel scale that breaks elsewhere", "nn/audio.py", "_BREAK, _Q = 700.0", "_BREAK, _Q = 600.0", "^mel"),
    Fault(
        "decibels below each sound's own loudest",
        "nn/audio.py",
        "level.max() - below",
        "level.amax((-2, -1), keepdim=True) - below",
        "^mel",
    ),
)
