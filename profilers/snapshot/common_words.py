"""Words of Twinscope's sentences and of the frameworks' profilers, which tell nothing about a model."""

_OF_SENTENCES = """
    a about added after again ahead all alone already also among an and another apart are around
    as at away back be became because been before began begin beginning begins being between
    both branch but by call called calls can cannot check class close code compare complete
    computed copies copy could count counts cut did differ do does done down draw drop each
    either else end ended ends enough even event every exactly far fast few fewer figure figures
    file first fixed folder following for format from full further gap gaps give given go graph
    had half happens has have held here higher holds host how if in include inside instead into
    is it its itself just keep kept kind known lack last later launch launched launches least
    leave leaves left less like line list load long longer lost low lower machine made make
    makes many mark marked mean measure measured median missing mode model models module modules
    more most much name named names need needs neither never new next no node nodes none nor not
    nothing number of off older on once one ones only open operator operators option or other
    others out outside over own part parts path per place program read recent record recorded
    rest result results round row rows run runs same sample save say says second see seem seen
    several share short show shown shows since single so some start started starts stay step
    steps still stop such sum sums take takes tell tells than that the their them then there
    these they this those thread threads through tied time timed timeline times to together told
    too took twice under unit until up update upon us use used uses value values version waited
    waits warm warm_up warming warmup was we well went were what when where whether which while
    who whole whose will with within without work worker write written wrong you your
"""
_OF_TABLES_AND_ARGUMENTS = """
    achievable achieved allocated allocation allocations allocator attributes average backend
    bandwidth batch bit block blocks bytes cache capture channels chrome clock clocks
    communication compiled compiler concrete context copied correlation cpu created cuda data
    debug default device devices dims direction driver dtype duration dynamic eager est events
    execution export external float float16 float32 float64 flops fused fusion fusions fwd gpu
    grid group groups hardware hierarchy host id idx info init input inputs int int32 int64 kernel
    kernels library measure memory message microseconds milliseconds nanoseconds nodes none
    occupancy optimised optimized option output outputs overlap param parameter parameters params peak
    point pointer process processor profile profiled profiler profiling queue queued rank ranks
    ratio ready reason registers runtime sequence shape shapes shared size sizes stack stage
    state static status stream streams strides synchronise synchronize tensor tensors thread
    total trace train training type types warp warps weights
"""
_OF_RANGES = """
    adadelta adagrad adam adamax adamw all_gather all_reduce all_to_all allgather allreduce
    alltoall autograd backward barrier broadcast collective cudagraph cudagraphs dataloader
    dataset ddp distributed distributeddataparallel enumerate forward fsdp
    fullyshardeddataparallel gather gloo hook hooks loss mpi nccl optimiser optimizer
    profilerstep recv reduce reduce_scatter rmsprop scatter send sgd wait zero_grad
"""
_OF_FRAMEWORKS = """
    aoti aotinductor attach attached compile cublas cuda cudnn cutlass dynamo grappler hlo
    inductor jax keras linux mirrored mkl multiworker numpy onednn onnx onnxruntime openmp
    openvino python pytorch script tensorflow tensorrt tf tf_eager tf_graph tflite torchscript
    triton xla xnnpack xplane xprof
"""

COMMON_WORDS = frozenset(
    (_OF_SENTENCES + _OF_TABLES_AND_ARGUMENTS + _OF_RANGES + _OF_FRAMEWORKS).split()
)  # in small letters
