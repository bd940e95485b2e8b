"""Relatives of the catalogue's wrong uses: `name: code`. What each says stands in full in goldens/texts.txt."""

from __future__ import annotations

HEAD = "import numpy as np\nimport torch\nfrom torch import nn\nfrom layergraph import Input, KerasTensor, Model, Sequential, layers\n"
TRAINED = "x = Input((4,), name='x')\nm = Model(x, layers.Dense(1)(x))\nm.compile('sgd', 'mse')\n"
FITTED = (
    "x = Input({}, name='x')\nm = Model(x, layers.Dense(1)(layers.Flatten()(x)))\nm.compile('sgd', 'mse')\n"
    "m.fit({}, np.zeros((8, 1)), verbose=0)"
)
STEP = "class Own(Model):\n"

SIBLINGS = {
    # graphs
    "an output that is a layer": "x = Input((4,))\nModel(x, layers.Dense(2))",
    "an output that is a number": "x = Input((4,))\nModel(x, [x, 3])",
    "an input that is a tensor": "x = Input((4,))\nModel(torch.zeros(2, 4), x)",
    "no outputs": "x = Input((4,))\nModel(x, [])",
    "the same input twice": "x = Input((4,), name='x')\nModel([x, x], x)",
    "an Input that is missing among the inputs": "a, b = Input((4,), name='a'), Input((4,), name='b')\nModel(a, layers.Add()([a, b]))",
    "a misspelt word of Model": "x = Input((4,))\nModel(x, x, nam='m')",
    "three positional arguments": "x = Input((4,))\nModel(x, x, 'm')",
    "a size for an output": "x = Input((4,))\nModel(x, x.size(0))",
    "setting the layers": "x = Input((4,))\nm = Model(x, x)\nm.layers = []",
    "two given names that meet": "x = Input((4,))\nModel(x, layers.Dense(2, name='d')(layers.Dense(3, name='d')(x)))",
    # inputs
    "an Input without a shape": "Input()",
    "an Input whose shape is a number": "Input(784)",
    "an Input whose shape is a word": "Input('784')",
    "an Input with a shape and a batch_shape": "Input((4,), batch_shape=(2, 4))",
    "an Input with a misspelt dtype": "Input((4,), dtype='float23')",
    "an Input with torch's other name of a dtype": "Input((4,), dtype='float')",
    "a sparse Input": "Input((4,), sparse=True)",
    "an Input over an array": "Input(tensor=np.zeros(3))",
    # shapes
    "a layer that was built for another size": "d = layers.Dense(2, name='d')\nd(Input((4,)))\nd(Input((5,)))",
    "one tensor for a merge": "layers.Add()(Input((4,)))",
    "concatenation of sizes that differ": "layers.Concatenate(axis=1)([Input((4, 2)), Input((4, 3))])",
    "concatenation along an axis that is not there": "layers.Concatenate(axis=5)([Input((4,)), Input((4,))])",
    "a vector for a convolution": "layers.Conv2D(8, 3, name='c')(Input((4,)))",
    "groups that do not divide the channels": "layers.Conv2D(8, 3, groups=2, name='c')(Input((8, 8, 3)))",
    "a target shape of another size": "layers.Reshape((3, 3), name='r')(Input((10,)))",
    "more cropped than there is": "layers.Cropping2D(4, name='c')(Input((6, 6, 1)))",
    "a matrix for an LSTM": "layers.LSTM(3, name='rnn')(Input((4,)))",
    "Flatten of nothing known": "layers.Dense(2)(layers.Flatten()(Input((None, None))))",
    "a batch lined up with another axis": "Input((4, 3)) + Input((3,))",
    "a comparison of shapes that do not fit": "Input((4,), name='a') > Input((5,), name='b')",
    "torch.cat of ranks that differ": "torch.cat([Input((4,)), Input((4, 2))])",
    "a view of another size": "Input((4, 3)).view(-1, 5)",
    "a view with Keras's None": "x = Input((4, 3))\nx.view(x.shape[0], 12)",
    "an index out of range": "Input((4,))[:, 7]",
    "a number of parts that is unknown": "Input((None,)).unbind(0)",
    # symbols
    "a symbol as a bool": "x = Input((4,))\nx and x",
    "a chain of comparisons": "x = Input((4,))\n0 < x < 1",
    "a symbol as a float": "float(Input((4,)))",
    "item() of a symbol": "Input((4,)).item()",
    "a symbol's device": "Input((4,)).device",
    "an attribute that no tensor has": "Input((4,)).relux()",
    "assignment into a symbol": "x = Input((4,))\nx[:, 0] = 1",
    "a change in place": "Input((4,)).add_(1)",
    "out=": "x = Input((4,))\ntorch.add(x, 1, out=x)",
    "a function that gives a bool": "x = Input((4,))\ntorch.equal(x, x)",
    "a bare Parameter": "Input((4,)) @ nn.Parameter(torch.ones(4, 2))",
    "dropout by its function": "nn.functional.dropout(Input((4,)), 0.5)",
    "a size as an int": "x = Input((4,))\nrange(x.size(0))",
    "max of a size": "x = Input((4,))\nmax(x.size(0), 4)",
    "a symbol in a pickle": "import pickle\npickle.dumps(Input((4,)))",
    "a numpy function": "np.tanh(Input((4,)))",
    # arguments
    "no units": "layers.Dense()",
    "two values for an argument": "layers.Dense(4, units=4)",
    "too many positional arguments": "layers.Flatten('channels_last', 1, 2)",
    "a misspelt activation": "layers.Dense(4, 'rleu')",
    "an initializer that is a number": "layers.Dense(4, kernel_initializer=3)",
    "a negative rate": "layers.Dropout(-0.1)",
    "a misspelt padding": "layers.Conv2D(8, 3, padding='smae')",
    "a misspelt data_format": "layers.Conv2D(8, 3, data_format='channel_last')",
    "use_bias as a number": "layers.Dense(4, use_bias=1)",
    "trainable as a word": "layers.Dense(4, trainable='no')",
    "a policy that needs a scaler": "layers.Dense(4, dtype='mixed_float16')",
    "a layer without its input": "layers.Dense(4)()",
    # names
    "a newline and quotes in a name": "x = Input((4,))\nModel(x, layers.Dense(2, name='a\\n\"b')(x)).get_layer('zz')",
    "a long name": "x = Input((4,))\nModel(x, [layers.Dense(2, name='d' * 500)(x), layers.Dense(2, name='d' * 500)(x)])",
    "a layer that is not there": "x = Input((4,))\nModel(x, layers.Dense(2, name='hidden')(x)).get_layer('hiden')",
    "a name and an index": "x = Input((4,))\nModel(x, x).get_layer('x', 0)",
    "renaming a layer in a model": "x = Input((4,))\nd = layers.Dense(2)\nModel(x, d(x))\nd.name = 'other'",
    # data
    "a missing key": "a, b = Input((4,), name='a'), Input((4,), name='b')\nModel([a, b], a + b)({'a': torch.zeros(1, 4)})",
    "an unknown keyword": "x = Input((4,), name='x')\nModel(x, x)(y=torch.zeros(1, 4))",
    "text for a tensor": "x = Input((4,), name='x')\nModel(x, x)('text')",
    "an input by position and by name": "x = Input((4,), name='x')\nModel(x, x)(torch.zeros(1, 4), x=torch.zeros(1, 4))",
    "data of a wrong inner size": "x = Input((8, 8, 3), name='image')\nModel(x, x)(torch.zeros(2, 3, 8, 8))",
    "None for an input that is required": "x = Input((4,), name='x')\nModel(x, x)(None)",
    "a batch of another size": "x = Input((4,), batch_size=2, name='x')\nModel(x, x)(torch.zeros(3, 4))",
    # at run time
    "a constant that cannot meet a size": "Input((4, 2), name='x') + torch.ones(3, 2)",
    "sizes that meet only at run time": (
        "x, y = Input((None, 2), name='x'), Input((None, 2), name='y')\nm = Model([x, y], x + y)\n"
        "m(torch.zeros(1, 4, 2), torch.zeros(1, 3, 2))"
    ),
    "a weight of another dtype": (
        "x = Input((4,), name='x')\nm = Model(x, layers.Dense(2, name='head')(x))\nm.get_layer('head').linear.to(torch.float16)\n"
        "m(torch.zeros(1, 4))"
    ),
    "data on another device": (
        "x = Input((4,), name='x')\nm = Model(x, layers.Dense(2, name='head')(x))\nm(torch.zeros(1, 4, device='meta'))"
    ),
    "an error in an inner model": (
        "x = Input((2,), dtype='int64', name='x')\ninner = Model(x, layers.Embedding(5, 2, name='table')(x), name='inner')\n"
        "m = Model(x, inner(x))\nm(torch.full((1, 2), 7))"
    ),
    # weights
    "too few arrays": "m = Sequential([Input((4,)), layers.Dense(2, name='d')])\nm.set_weights([np.zeros((4, 2))])",
    "an array of another shape": "m = Sequential([Input((4,)), layers.Dense(2, name='d')])\nm.set_weights([np.zeros((2, 4)), np.zeros(2)])",
    "weights before there are any": "layers.Dense(2).kernel",
    "set_weights before there are any": "layers.Dense(2).set_weights([])",
    "an output before there is one": "layers.Dense(2, name='d').output",
    # layers of the user's
    "a weight whose name comes first": (
        "class L(layers.Layer):\n    def build(self, input_shape):\n        self.w = self.add_weight('w', (4,))\n"
        "    def call(self, x):\n        return x\nL(name='mine')(Input((4,)))"
    ),
    "a weight that is made in call": (
        "class L(layers.Layer):\n    def call(self, x):\n        return x + self.add_weight((4,), name='w')\nL(name='mine')(Input((4,)))"
    ),
    "a forgotten super().__init__()": "class L(layers.Layer):\n    def __init__(self):\n        self.d = layers.Dense(2)\nL()",
    "call() that gives text": (
        "class L(layers.Layer):\n    def call(self, x):\n        return 'text'\nx = Input((4,))\nModel(x, L(name='mine')(x))"
    ),
    "add_loss on a functional model": "x = Input((4,))\nModel(x, layers.Dense(2)(x)).add_loss(torch.zeros(()))",
    "a number as a loss": (
        "class L(layers.Layer):\n    def call(self, x):\n        self.add_loss(0.5)\n        return x\nL(name='mine')(torch.ones(2, 4))"
    ),
    "a Python lambda in a config": "x = Input((4,))\nModel(x, layers.Lambda(lambda t: t, name='lam')(x)).to_json()",
    "an LSTM called on a list": "layers.LSTM(3, name='rnn')([Input((5, 4)), Input((3,)), Input((3,))])",
    "a mask of another kind": "layers.Softmax(name='soft')(Input((5,)), mask='yes')",
    "a bug in call()": "class L(layers.Layer):\n    def call(self, x):\n        return x @ torch.ones(3, 2)\nL(name='mine')(Input((4,)))",
    # torch's modules
    "wrap of a class": "from layergraph import wrap\nwrap(nn.Linear)",
    "wrap of a layer": "from layergraph import wrap\nwrap(layers.Dense(2))",
    "a wrapped module that does not fit": "from layergraph import wrap\nwrap(nn.Linear(3, 2), name='head')(Input((4,)))",
    "a module in a stack": "Sequential([Input((4,)), nn.Linear(4, 2)])",
    # surgery
    "at of a name that is not there": "x = Input((4,))\nModel(x, layers.Dense(2, name='hidden')(x)).at('hiden')",
    "at of a layer that is called twice": (
        "a, b = Input((4,)), Input((4,))\nd = layers.Dense(2, name='shared')\nModel([a, b], d(a) + d(b)).at('shared')"
    ),
    "a replacement that does not fit": (
        "x = Input((4,))\nm = Model(x, layers.Dense(2, name='head')(layers.Dense(3, name='body')(x)))\nm.replace('body', layers.Dense(5))"
    ),
    "a glob that matches nothing": "x = Input((4,))\nModel(x, layers.Dense(2, name='hidden')(x)).freeze('block*')",
    # files
    # steps of one's own
    "a train_step that returns nothing": (
        f"{STEP}    def train_step(self, data):\n        super().train_step(data)\n"
        "x = Input((2,))\nm = Own(x, layers.Dense(1)(x))\nm.compile('sgd', 'mse')\nm.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)"
    ),
    "a compute_loss that returns a number": (
        f"{STEP}    def compute_loss(self, x, y, y_pred, sample_weight, training=True):\n        return 0.0\n"
        "x = Input((2,))\nm = Own(x, layers.Dense(1)(x))\nm.compile('sgd')\nm.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)"
    ),
    "a make_train_function that makes nothing": (
        f"{STEP}    def make_train_function(self, force=False):\n        pass\n"
        "x = Input((2,))\nm = Own(x, layers.Dense(1)(x))\nm.compile('sgd', 'mse')\nm.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)"
    ),
    "a train_step before compile": "x = Input((2,))\nModel(x, layers.Dense(1)(x)).train_step((np.ones((4, 2)), np.ones((4, 1))))",
    "a batch of four for the usual step": (
        f"{STEP}    def compute_loss(self, x, y, y_pred, sample_weight):\n        return y_pred.sum()\n"
        "x = Input((2,))\nm = Own(x, layers.Dense(1)(x))\nm.compile('sgd')\ndata = torch.utils.data\n"
        "m.fit(data.DataLoader(data.TensorDataset(*[torch.ones(4, 2)] * 4)), verbose=0)"
    ),
    "no steps per execution": "x = Input((2,))\nModel(x, layers.Dense(1)(x)).compile('sgd', 'mse', steps_per_execution=0)",
    "a validation frequency that is a word": (
        "x = Input((2,))\nm = Model(x, layers.Dense(1)(x))\nm.compile('sgd', 'mse')\n"
        "m.fit(np.ones((4, 2)), np.ones((4, 1)), validation_freq='all', verbose=0)"
    ),
    "a model saved under another suffix": "x = Input((4,))\nModel(x, layers.Dense(2)(x), name='m').save('m.ckpt')",
    "a model that was never built, saved": "Sequential([layers.Dense(2)], name='m').save('m.keras')",
    "a file that is not there": "from layergraph.models import load_model\nload_model('no.keras')",
    # callbacks
    "a checkpoint under another suffix": "from layergraph import callbacks\ncallbacks.ModelCheckpoint('best.pt')",
    "a checkpoint of weights in a file of models": (
        "from layergraph import callbacks\ncallbacks.ModelCheckpoint('best.keras', save_weights_only=True)"
    ),
    "a template that reaches into objects": "from layergraph import callbacks\ncallbacks.ModelCheckpoint('{epoch.real}.keras')",
    "a factor that lowers nothing": "from layergraph import callbacks\ncallbacks.ReduceLROnPlateau(factor=2.0)",
    "a trace by TensorBoard": "from layergraph import callbacks\ncallbacks.TensorBoard(profile_batch=2)",
    "embeddings for TensorBoard": "from layergraph import callbacks\ncallbacks.TensorBoard(embeddings_freq=1)",
    "a checkpoint of JAX's": "from layergraph import callbacks\ncallbacks.OrbaxCheckpoint('folder')",
    "averages that nobody keeps": (
        "from layergraph import callbacks\nx = Input((4,))\nm = Model(x, layers.Dense(2)(x))\nm.compile('sgd', 'mse')\n"
        "m.evaluate(torch.ones(2, 4), torch.ones(2, 2), verbose=0, callbacks=callbacks.SwapEMAWeights())"
    ),
    "a metric that nobody can watch": (
        "from layergraph import callbacks\nx = Input((4,))\nm = Model(x, layers.Dense(2)(x))\nm.compile('sgd', 'mse')\n"
        "score = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=1.0))\n"
        "m.fit(torch.ones(2, 4), torch.ones(2, 2), verbose=0, callbacks=[score, callbacks.EarlyStopping('score')])"
    ),
    # configs
    "text that is no JSON": "from layergraph.models import model_from_json\nmodel_from_json('{')",
    "a class that nobody registered": (
        "from layergraph.models import model_from_json\nclass Mine(layers.Layer):\n    def call(self, x):\n        return x\n"
        "x = Input((4,))\nmodel_from_json(Model(x, Mine()(x)).to_json())"
    ),
    # ops
    "an op on a shape that does not fit": "from layergraph import ops\nops.reshape(Input((4,)), (-1, 5))",
    "a loop over a symbol": "from layergraph import ops\nops.while_loop(lambda x: x < 3, lambda x: x + 1, [Input((4,))])",
    "a misspelt op": "from layergraph import ops\nops.concat([Input((4,)), Input((4,))])",
    # data
    "images for a flat input": FITTED.format("(784,)", "np.zeros((8, 28, 28))"),
    "channels first for channels last": FITTED.format("(28, 28, 3)", "np.zeros((8, 3, 28, 28))"),
    "images without a channel axis": FITTED.format("(1, 28, 28)", "np.zeros((8, 28, 28))"),
    "gray images for three channels": FITTED.format("(28, 28, 3)", "np.zeros((8, 28, 28))"),
    "samples in the columns": FITTED.format("(4,)", "np.zeros((4, 8))"),
    "one column too many": FITTED.format("(4,)", "np.zeros((8, 5))"),
    "fractions for an integer input": FITTED.format("(4,), dtype='int32'", "np.full((8, 4), 0.5)"),
    "complex numbers for a real input": FITTED.format("(4,)", "np.zeros((8, 4), 'complex64')"),
    "batches of another size than the Input's": FITTED.format("batch_shape=(3, 4)", "np.zeros((8, 4))"),
    "lists of different lengths": FITTED.format("(4,)", "[[1, 2], [3]]"),
    "a frame with words": "import pandas\n" + FITTED.format("(2,)", "pandas.DataFrame({'age': [1.0] * 8, 'town': ['Ulm'] * 8})"),
    "a generator function that is not called": (
        "def batches():\n    yield np.zeros((2, 4)), np.zeros((2, 1))\n" + TRAINED + "m.fit(batches, verbose=0)"
    ),
    "y beside a generator": TRAINED + "m.fit(((x, x) for x in []), np.zeros((8, 1)), verbose=0)",
    "a generator without batches": TRAINED + "m.fit(((x, x) for x in []), verbose=0)",
    "a loader without batches": TRAINED + "m.fit(torch.utils.data.DataLoader([], batch_size=2), verbose=0)",
    "class weights with a generator": TRAINED + "m.fit(((x, x) for x in []), class_weight={0: 1.0}, verbose=0)",
    "batches of different structures": (TRAINED + "x, y = np.zeros((2, 4)), np.zeros((2, 1))\nm.fit(iter([(x, y), (x, y, y)]), verbose=0)"),
    "a misspelt input in a batch": TRAINED + "m.fit(iter([({'image': np.zeros((2, 4))}, np.zeros((2, 1)))]), verbose=0)",
    "a first batch that does not fit": TRAINED + "m.fit(iter([(np.zeros((2, 2, 2)), np.zeros((2, 1)))]), verbose=0)",
    "a batch whose parts differ in length": TRAINED + "m.fit(iter([(np.zeros((2, 4)), np.zeros((3, 1)))]), verbose=0)",
    # names of Keras's
    "a name that comes later": "import layergraph as keras\nkeras.utils.plot_model(None)",
    "a misspelt layer": "layers.Dence(3)",
    "a name of Keras's that has another here": "import layergraph as keras\nkeras.Variable(3)",
    # stacks
    "a second Input": "Sequential([Input((4,)), Input((3,))])",
    "a layer of two inputs in a stack": "Sequential([Input((4,)), layers.Add()])",
    "a number in a stack": "Sequential([3])",
    "a stack that was never built": "Sequential().build((None, 4))",
    "another shape for a stack": "s = Sequential([Input((4,)), layers.Dense(2)])\ns.build((None, 5))",
}


def code_of(name: str) -> str:
    return HEAD + SIBLINGS[name]
