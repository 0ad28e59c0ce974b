"""A hand-made profile for tests of views: small, but with every table filled and linked."""

from profilers.graphs.builder import GraphBuilder
from profilers.profile import (
    NEVER_NS,
    Allocations,
    Diagnostic,
    Environment,
    Fusion,
    FusionBreaks,
    FusionGroups,
    FusionMembers,
    Memory,
    MemoryCategory,
    MemoryCounters,
    NodeKind,
    Note,
    Profile,
    Severity,
    SliceKind,
    Steps,
    StringPool,
    TimingPhase,
    Timings,
    TrackKind,
)
from profilers.traces.trace_builder import TraceBuilder

MS = 1_000_000
MIB = 1024 * 1024


def sample_profile(blocks: int = 4, steps: int = 3, framework: str = "PyTorch 2.13.0") -> Profile:
    """`blocks` times convolution, normalisation, activation; conv and relu are fused in each."""
    pool = StringPool()
    graph = GraphBuilder(pool)
    last = graph.node("x", "input", kind=NodeKind.INPUT)
    block_nodes = []
    for block in range(blocks):
        nodes = []
        for name, kind, operator, flops in (
            ("conv", "Conv2d", "aten.conv2d", 9_000_000),
            ("bn", "BatchNorm2d", "aten.batch_norm", 200_000),
            ("act", "ReLU", "aten.relu", -1),
        ):
            scope = graph.scope([("blocks", "Sequential"), (str(block), "Block"), (name, kind)])
            node = graph.node(
                f"{name}_{block}",
                operator,
                scope=scope,
                flops=flops,
                source="model.py:12",
                attributes={"index": block},
            )
            graph.edge(last, node, f"t{last}", "float32", (1, 16, 32, 32))
            if name == "conv":
                graph.use(
                    graph.parameter(f"blocks.{block}.conv.weight", "float32", (16, 16, 3, 3)), node
                )
            nodes.append(node)
            last = node
        block_nodes.append(nodes)
    output = graph.node("y", "output", kind=NodeKind.OUTPUT)
    graph.edge(last, output, f"t{last}", "float32", (1, 16, 32, 32))

    trace = TraceBuilder(pool)
    main = trace.track("python", TrackKind.THREAD, "host")
    stream = trace.track("stream 7", TrackKind.STREAM, "GPU 0", device=0)
    counter = trace.track("memory", TrackKind.COUNTER, "host")
    allocations, handles = [], []
    for step in range(steps):
        begin = step * 10 * MS
        trace.slice(main, begin, 9 * MS, f"step {step}", SliceKind.STEP, "step", step=step)
        for block, nodes in enumerate(block_nodes):
            at = begin + block * 2 * MS
            for offset, (node, length, name) in enumerate(
                zip(
                    nodes,
                    (900_000, 300_000, 200_000),
                    ("conv2d", "batch_norm", "relu"),
                    strict=True,
                )
            ):
                start = at + offset * 500_000
                group = block if name == "conv2d" else -1
                op = trace.slice(
                    main, start, min(length, 490_000), f"aten::{name}", SliceKind.OPERATOR, "cpu_op",
                    step=step, node=node, arguments={"Input Dims": [[1, 16, 32, 32]]},
                )  # fmt: skip
                kernel = trace.slice(
                    stream, start + 50_000, length // 2, f"{name}_kernel", SliceKind.KERNEL, "kernel",
                    correlation=op, step=step, node=node, group=group,
                )  # fmt: skip
                trace.flow(op, kernel, "launch")
                trace.counter(counter, start, float(block))
                handles.append((op, node, start, length))
    built, row_of = trace.build()
    for parameter in range(blocks):
        allocations.append(
            (0, NEVER_NS, 9216, pool.add("cpu"), MemoryCategory.PARAMETER, -1, -1, parameter)
        )
    for op, node, start, length in handles:
        allocations.append(
            (
                start,
                start + 2 * length,
                MIB,
                pool.add("cpu"),
                MemoryCategory.ACTIVATION,
                row_of[op],
                node,
                -1,
            )
        )
    groups = [
        (pool.add(f"conv_relu_{b}"), pool.add("FusedConv"), pool.add("sample compiler"), -1, -1, -1)
        for b in range(blocks)
    ]
    members = [(b, node) for b in range(blocks) for node in (block_nodes[b][0], block_nodes[b][2])]
    breaks = [(pool.add("fallback"), pool.add("no kernel for this layout"), -1, block_nodes[0][1])]
    timings = [(TimingPhase.LOAD, 40 * MS), *[(TimingPhase.WARMUP, 12 * MS)] * 2]
    timings += [(TimingPhase.MEASURED, (8 * MS) + i * 100_000) for i in range(steps)]
    timings += [(TimingPhase.PROFILED, 9 * MS)] * steps
    return Profile(
        name="sample",
        trace=built,
        graphs=(graph.build(),),
        fusion=Fusion(
            FusionGroups.from_rows(groups),
            FusionMembers.from_rows(members),
            FusionBreaks.from_rows(breaks),
        ),
        memory=Memory("made for tests", Allocations.from_rows(allocations), MemoryCounters.empty()),
        steps=Steps.from_rows([(s * 10 * MS, 9 * MS, s) for s in range(steps)]),
        timings=Timings.from_rows(timings),
        diagnostics=(Diagnostic(Severity.WARNING, "One thing was lost.", "Run it again."),),
        environment=Environment(
            framework=framework,
            mode="torch-eager",
            model_name="sample.pt",
            model_sha256="0" * 64,
            device="cpu",
            facts={"CPU": "test", "Threads": "2"},
        ),
        notes=(Note(2, "Why twice?", "Ada", 1_700_000_000_000_000_000),),
        strings=pool.table(),
    )
