"""Names of the files that a PyTorch worker leaves in a capture folder. Standard library only."""

TRACE_FILE = "trace.json"  # as torch.profiler exports it
SIZES_FILE = "input_sizes.json"  # the same of one step before, with the sizes of inputs
EXPORTED_GRAPH_FILE = "exported_graph.json"  # the JSON of an exported program
SHARED_WEIGHTS = "twinscope_shared_weights"  # key in that JSON: first name by each other name
EXECUTION_TRACE_FILE = "execution_trace.json"  # of one run, for models that cannot be exported
SCRIPT_GRAPH_FILE = "script_graph.json"  # see profilers.runtimes.pytorch.script_graph
EXECUTED_SCRIPT_FILE = "executed_script.json"  # the same of what TorchScript made of it
COMPILATION_FILE = "compilation.json"  # see profilers.runtimes.pytorch.compile_log
COMPILE_FAILURE_FILE = (
    "compile_failure.json"  # the same of a compiler that gave up, and its "failure"
)
PACKAGE_FILE = "package.json"  # see profilers.runtimes.pytorch.aoti
PACKAGE_CODE_FILE = "package_code.cpp"  # of a package that was not compiled here

NODE_MARK = "node::"  # range of one node of the exported graph
MODULE_MARK = "module::"  # range of one call of a module
BRANCH_MARK = "branch::"  # range of the branch that torch.cond took, with its name
BRANCHES = ("then", "else")
COMPILED_REGION = (
    "Torch-Compiled Region"  # range of PyTorch's own: also of a branch or loop in eager
)

# Ranges of a training step, which are annotations on the timeline.
FORWARD_RANGE, LOSS_RANGE = "forward", "loss"
BACKWARD_RANGE, OPTIMISER_RANGE = "backward", "optimiser"
TRAINING = "training"  # key in RunRecord.extra: see profilers.runtimes.pytorch.steps
PYTHON_FUNCTIONS = "python_functions"  # key in RunRecord.extra: what TorchScript calls in Python
FOLDED = "weight_fused_bn"  # in the name of a weight that a batch norm was folded into
BLAS = "BLAS"  # fact: the library of matrix products on the CPU that PyTorch was built with
