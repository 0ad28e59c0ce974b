"""Names of the files in a JAX capture folder, for the worker that writes and the reader."""

GRAPH_FILE = (
    "jaxpr.json"  # the traced program, in the form that `profilers.graphs.jaxpr_json` reads
)
TRACE_FILE = "xplane.pb"  # with the compiled programs

TAG = "op__"  # before the number of a node: the innermost scope of every instruction made from it
GRADIENT_SCOPE = "gradient"  # around what JAX's transposition made
