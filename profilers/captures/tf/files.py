"""Names of the files in a TensorFlow capture folder, for the worker that writes and the reader."""

AUTHORED_FILE = "authored_graph.pb"  # GraphDef with shapes, calls inlined
OPTIMISED_FILE = "optimised_graph.pb"  # GraphDef as it runs, after Grappler and oneDNN
VARIABLES_FILE = "variables.json"  # name, dtype, shape and placeholder of each variable
MODULE_FILE = "optimised_module.pb"  # HloProto as it runs, after XLA
LAYERS_FILE = "layers.json"  # Keras class name by layer name
TRACE_FILE = "xplane.pb"
HOSTS_FOLDER = "hosts"  # in place of that file one per process, where there were several

NODE_MARK = "node::"  # range of one node that was run by itself
LAYER_MARK = "layer::"  # range of one call of a Keras layer
TAPE_SCOPE = "gradient_tape"  # what TensorFlow calls the scope of gradients
