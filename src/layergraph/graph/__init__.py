"""The symbolic heart: symbols, nodes, shape inference, walks and the lowering to torch.fx. It knows torch, not layers.

One Dense through every stage:

    Input((4,))               SymbolicTensor((None, 4), float32) <- Node(op="input")
    Dense(2)(x)               the layer builds an nn.Linear and declares its output; record() makes
                              Node(op="layer", target=<Dense>, args=(x,)) and the symbol of its result
    Model(x, y)               walk.between(inputs, outputs): the nodes, oldest first
                              walk.keras_order(...): the layers in Keras's order
    Lowering(keys).run(...)   Dense.call on a Value: fx call_module "dense"; then, if any, the activation
"""
