"""What is what in the twins of `matching_torch` and `matching_keras`, written down by name.

A node plays a `Role`: the layers whose work it does, by the name of the PyTorch module, and which
part of that work. Two nodes are rightly paired when they share a layer and a part. Nothing here
looks at shapes, at the order of data flow between frameworks or at what a matcher found:

* a PyTorch node's layer is the module it ran in, an ONNX node's the module its export came from;
* a Keras node's layer is the Keras layer, translated by the tables below;
* what a module does besides its children (a sum, an activation) is numbered in its own order.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from profilers.profile import Graph, NodeKind, StringTable

ANY = frozenset({"*"})


@dataclass(frozen=True)
class Role:
    layers: frozenset[str]
    parts: frozenset[str] = ANY
    is_telling: bool = False  # a whole operation and no reshaping, constant or bias of one

    def agrees(self, other: "Role") -> bool:
        return bool(self.layers & other.layers) and (
            "*" in self.parts | other.parts or bool(self.parts & other.parts)
        )


Names = Callable[[str], str | None]  # a layer's own name -> the PyTorch module's

# What an operator does within its layer; in a layer, equal parts are one operation.
PARTS: tuple[tuple[str, str], ...] = (
    (r"^aten.*(linear|addmm)|^Dense$|^Gemm|^FusedGemm|^_FusedMatMul$", "product bias"),
    (r"^aten.*conv|^Conv$|^ConvTranspose$|^FusedConv$|^_FusedConv", "convolution bias"),
    (r"^Conv2D$|^Conv2DBackpropInput$|^DepthwiseConv2dNative$", "convolution"),
    (r"^(MatMul|BatchMatMulV2|FusedMatMul|Einsum)$", "product"),
    (r"^(BiasAdd|Add|AddV2|AddN)$|^aten.*\badd_?\b", "bias"),
    (r"scaled_dot_product|transformer_encoder_layer|lstm|^LSTM$", "*"),
    (r"batch_norm|layer_norm|Normalization|FusedBatchNorm", "*"),
    (r"^Activation$|^ReLU$|relu|Relu|hardtanh|Clip|gelu|Gelu|tanh|Tanh", "activation"),
    (r"[sS]oftmax", "softmax"),
    (r"max_pool|MaxPool|avg_pool|AveragePool|mean|Mean", "pooling"),
    (r"embedding|^Gather(V2)?$|ResourceGather", "lookup"),
    (r"^aten.*\bcat\b|^Concat(V2)?$", "join"),
    (r"arange|^Range$|Cumsum", "counting"),
)
_PARTS = tuple((re.compile(pattern), frozenset(parts.split())) for pattern, parts in PARTS)
_SPELT_OUT = re.compile(
    r"\.norm\d$|\.bn\d$|^bn\d$|\.attention$|^lower$|^upper$|^tokens$|^places$|^words$"
)
_WHOLE = re.compile(r"norm|Norm|scaled_dot|[sS]oftmax|lstm|LSTM")
_TABLE = re.compile(r"^(tokens|places|words)$")


def parts_of(operator: str) -> frozenset[str]:
    for pattern, parts in _PARTS:
        if pattern.search(operator):
            return parts
    return ANY


def torch_roles(graph: Graph, strings: StringTable, architecture: str) -> list[Role | None]:
    """Of an authored graph of PyTorch, or of its ONNX export."""
    counted: Counter[tuple[str, str]] = Counter()
    roles: list[Role | None] = []
    for row in range(len(graph.nodes)):
        operator = strings[int(graph.nodes.operator[row])]
        scope = ".".join(_path(graph, strings, row)).replace("/", ".")
        if graph.nodes.kind[row] in (NodeKind.INPUT, NodeKind.OUTPUT):
            roles.append(None)
        else:
            roles.append(_torch_role(architecture, scope, operator, counted))
    return roles


_OWN = {  # what a module does besides its children, per architecture: (module, part) -> layer
    "encoder": [(r"^$", "bias", "add"), (r"^$", "pooling", "mean"), (r"^$", "counting", "arange"),
                (r"^blocks\.\d+$", "bias", "{}.add#{}")],
    "resnet": [(r"^layer\d\.\d+$", "bias", "{}.add"), (r"relu$", "activation", "{}#{}")],
    "mobilenet": [(r"^features\.\d+$", "bias", "{}.add"), (r"^$", "pooling", "pool")],
    "unet": [(r"^(down|up)\.\d$", "activation", "{}.relu#{}"), (r"^pool$", "pooling", "pool#{1}"),
             (r"^$", "join", "cat#{1}")],
    "lstm": [(r"^$", "activation", "tanh")],
}  # fmt: skip


def _torch_role(
    architecture: str, scope: str, operator: str, counted: Counter[tuple[str, str]]
) -> Role | None:
    parts = parts_of(operator)
    if architecture == "encoder":
        scope = re.sub(r"^(\d)", r"blocks.\1", scope)  # TorchScript leaves the list's name out
        packed = re.match(r"^encoder\.layers\.(\d+)(?:\.(\w+))?$", scope)
        if packed:
            return _packed_role(packed[1], packed[2] or "", parts, operator, counted)
        if scope.endswith("attention.qkv"):
            base = scope.removesuffix("qkv")
            return Role(frozenset(base + part for part in ("query", "key", "value")), parts,
                        "product" in parts)  # fmt: skip
    for pattern, part, name in _OWN[architecture]:
        if part in parts and re.search(pattern, scope):
            counted[scope, part] += 1
            layer = name.format(scope, counted[scope, part])
            return Role(frozenset({layer}), frozenset({part}), part != "counting")
    return _plain_role(scope, parts, operator) if scope else None


def _packed_role(
    block: str, inner: str, parts: frozenset[str], operator: str, counted: Counter[tuple[str, str]]
) -> Role | None:
    """Of nn.TransformerEncoderLayer, whose attention calls two products by functions."""
    base = f"blocks.{block}"
    if "transformer_encoder_layer" in operator:
        return Role(frozenset(f"{base}.{each}" for each in _BLOCK_LAYERS), ANY, True)
    if inner == "self_attn" and "product" in parts and operator != "Einsum":
        counted[base, "product"] += 1
        onnx_order = {1: "in", 2: "scores", 3: "mix", 4: "out"}
        step = {1: "in", 2: "out"} if operator.startswith("aten") else onnx_order
        return _packed_product(base, step[counted[base, "product"]], parts)
    if inner == "self_attn" and "bias" in parts:
        counted[base, "inner bias"] += 1
        return _packed_product(base, "in" if counted[base, "inner bias"] == 1 else "out", parts)
    names = {"self_attn": "attention", "linear1": "feed.0", "linear2": "feed.2"}
    if not inner and "activation" in parts:
        return Role(frozenset({f"{base}.feed.1"}), parts, True)
    if not inner and "bias" in parts:
        counted[base, "sum"] += 1
        return Role(frozenset({f"{base}.add#{counted[base, 'sum']}"}), parts, True)
    return _plain_role(f"{base}.{names.get(inner, inner or 'feed.1')}", parts, operator)


def _packed_product(base: str, step: str, parts: frozenset[str]) -> Role:
    if step == "in":
        inputs = ("query", "key", "value")
        layers = frozenset(f"{base}.attention.{each}" for each in inputs)
    elif step == "out":
        layers = frozenset({f"{base}.attention.out"})
    else:
        return Role(frozenset({f"{base}.attention"}), parts, True)
    return Role(layers, parts, "product" in parts)


_BLOCK_LAYERS = (
    "attention", "attention.query", "attention.key", "attention.value", "attention.out",
    "add#1", "norm1", "feed.0", "feed.1", "feed.2", "add#2", "norm2",
)  # fmt: skip


def _plain_role(layer: str, parts: frozenset[str], operator: str) -> Role:
    is_whole = _WHOLE.search(operator) is not None
    if "counting" in parts:  # prepares what is looked up
        return Role(frozenset({layer}), parts)
    if _SPELT_OUT.search(layer):  # differently everywhere: any of its nodes is the layer
        is_product = "product" in parts and layer.endswith("attention")
        is_lookup = "lookup" in parts and _TABLE.search(layer) is not None
        return Role(frozenset({layer}), ANY, is_whole or is_product or is_lookup)
    is_side = parts in (ANY, frozenset({"bias"}), frozenset({"lookup"}))
    return Role(frozenset({layer}), parts, is_whole or not is_side)


def keras_roles(graph: Graph, strings: StringTable, architecture: str) -> list[Role | None]:
    """Of a Keras graph: layers are the second part of the path, the first where it was not run."""
    table = KERAS[architecture]
    roles: list[Role | None] = []
    for row in range(len(graph.nodes)):
        operator = strings[int(graph.nodes.operator[row])]
        path = [re.sub(r"_1$", "", part) for part in _path(graph, strings, row)]
        if len(path) == 1 and (table(path[0]) or table(f"{path[0]}:activation")):
            path = ["", *path]
        is_end = graph.nodes.kind[row] in (NodeKind.INPUT, NodeKind.OUTPUT)
        roles.append(None if is_end or not path else _keras_role(table, path, operator))
    return roles


def _keras_role(table: Names, path: list[str], operator: str) -> Role | None:
    parts = parts_of(operator)
    if len(path) == 1:
        return Role(frozenset({"arange"}), parts, False)
    own = path[1]
    if len(path) > 2 and path[2] in ("query", "key", "value", "attention_output"):
        own = f"{own}/{path[2]}"
    is_activation = "activation" in parts or "Gelu" in path
    layer = (table(f"{own}:activation") if is_activation else None) or table(own)
    if layer is None or ("softmax" in parts and not layer.endswith("attention")):
        return None
    if is_activation:
        return Role(
            frozenset({layer}),
            ANY if "Gelu" in path else parts,
            "activation" in parts or operator == "Erfc",
        )
    if parts == ANY and "/" in own:  # heads are split in the projection, by PyTorch around it
        return Role(frozenset({layer, layer.rpartition(".")[0]}), parts)
    return _plain_role(layer, parts, operator)


def _resnet(name: str) -> str | None:
    found = re.match(r"^conv(\d)_block(\d+)_(.+?)$", name)
    if not found:
        return {"conv1_conv": "conv1", "conv1_pad": "conv1", "conv1_bn": "bn1", "conv1_relu:activation": "relu#1",
                "pool1_pad": "maxpool", "pool1_pool": "maxpool", "avg_pool": "avgpool",
                "predictions": "fc"}.get(name)  # fmt: skip
    base = f"layer{int(found[1]) - 1}.{int(found[2]) - 1}"
    inner = {"1_conv": "conv1", "1_bn": "bn1", "1_relu:activation": "relu#1", "2_conv": "conv2", "2_bn": "bn2",
             "2_relu:activation": "relu#2", "3_conv": "conv3", "3_bn": "bn3", "0_conv": "downsample.0",
             "0_bn": "downsample.1", "add": "add", "out:activation": "relu#3"}.get(found[3])  # fmt: skip
    return f"{base}.{inner}" if inner else None


def _encoder(name: str) -> str | None:
    found = re.match(r"^encoder(\d+)_(.+)$", name)
    if not found:
        return {"wordpiece": "tokens", "wpe": "places", "sum": "add", "pooled": "mean",
                "logits": "head"}.get(name)  # fmt: skip
    inner = {"mha": "attention", "mha/query": "attention.query", "mha/key": "attention.key",
             "mha/value": "attention.value", "mha/attention_output": "attention.out",
             "mha_residual": "add#1", "mha_ln": "norm1", "intermediate": "feed.0",
             "intermediate:activation": "feed.1", "project": "feed.2", "ffn_residual": "add#2",
             "ffn_ln": "norm2"}.get(found[2])  # fmt: skip
    return f"blocks.{found[1]}.{inner}" if inner else None


def _mobilenet(name: str) -> str | None:
    top = {"Conv1": "features.0.0", "bn_Conv1": "features.0.1", "Conv1_relu:activation": "features.0.2",
           "Conv_1": "features.18.0", "Conv_1_bn": "features.18.1", "out_relu:activation": "features.18.2",
           "global_average_pooling2d": "pool", "predictions": "classifier.1"}  # fmt: skip
    if name in top:
        return top[name]
    first = re.match(r"^expanded_conv_(.+)$", name)
    later = re.match(r"^block_(\d+)_(.+)$", name)
    if first:
        inner = {"depthwise": "0.0", "depthwise_BN": "0.1", "depthwise_relu:activation": "0.2",
                 "project": "1", "project_BN": "2"}.get(first[1])  # fmt: skip
        return f"features.1.conv.{inner}" if inner else None
    if not later:
        return None
    base = f"features.{int(later[1]) + 1}"
    inner = {"expand": "0.0", "expand_BN": "0.1", "expand_relu:activation": "0.2", "pad": "1.0",
             "depthwise": "1.0", "depthwise_BN": "1.1", "depthwise_relu:activation": "1.2",
             "project": "2", "project_BN": "3"}.get(later[2])  # fmt: skip
    return f"{base}.add" if later[2] == "add" else f"{base}.conv.{inner}" if inner else None


def _unet(name: str) -> str | None:
    found = re.match(r"^([a-z]+)(\d)(?:_([ab]))?(:activation)?$", name)
    if not found:
        return "mask" if name == "segmentation" else None
    kind, level, letter, activation = found[1], int(found[2]), found[3], found[4]
    if kind in ("contract", "expand"):
        base = f"down.{level}" if kind == "contract" else f"up.{2 - level}"
        if activation:
            return f"{base}.relu#{1 if letter == 'a' else 2}"
        return f"{base}.{'first' if letter == 'a' else 'second'}"
    return {
        "shrink": f"pool#{level}",
        "enlarge": f"grow.{2 - level}",
        "join": f"cat#{3 - level}",
    }.get(kind)


def _lstm(name: str) -> str | None:
    return {"lookup": "words", "rnn_one": "lower", "rnn_two": "upper", "squash:activation": "tanh",
            "labels": "tag"}.get(name)  # fmt: skip


KERAS: dict[str, Names] = {
    "resnet": _resnet,
    "encoder": _encoder,
    "mobilenet": _mobilenet,
    "unet": _unet,
    "lstm": _lstm,
}


def _path(graph: Graph, strings: StringTable, node: int) -> list[str]:
    return scope_path(graph, strings, int(graph.nodes.scope[node]))


def scope_path(graph: Graph, strings: StringTable, scope: int) -> list[str]:
    names: list[str] = []
    while scope >= 0:
        names.append(strings[int(graph.scopes.name[scope])])
        scope = int(graph.scopes.parent[scope])
    return names[::-1]


def torch_layers(graph: Graph, strings: StringTable, roles: list[Role | None]) -> dict[int, str]:
    """The layer of each scope whose own nodes belong to one layer, or are parts of one attention."""
    inside: dict[int, set[str]] = {}
    for role, scope in zip(roles, graph.nodes.scope.tolist(), strict=True):
        if role is not None and scope >= 0:
            inside.setdefault(scope, set()).update(role.layers)
    parents = set(graph.scopes.parent.tolist())
    found: dict[int, str] = {}
    for scope, layers in inside.items():
        whole = min(layers, key=len)
        is_attention = whole.endswith("attention") and all(
            each.startswith(whole) for each in layers
        )
        if is_attention or (len(layers) == 1 and scope not in parents):
            found[scope] = whole
    return found


def keras_layers(graph: Graph, strings: StringTable, architecture: str) -> dict[int, str]:
    """The layer of each scope that is a Keras layer, by the tables."""
    table, found = KERAS[architecture], {}
    for scope in range(len(graph.scopes)):
        path = [re.sub(r"_1$", "", part) for part in scope_path(graph, strings, scope)]
        own = "/".join(path[1:]) or path[0]
        layer = table(own) or table(f"{own}:activation")
        if layer is not None:
            found[scope] = layer
    return found
