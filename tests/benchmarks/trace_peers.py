"""Other readers of Kineto traces, each timed in a process of its own.

``python -m tests.benchmarks.trace_peers NAME FILE`` prints seconds and the memory it took.
"""

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path


def read_json(path: Path) -> object:
    with path.open("rb") as file:
        return json.load(file)


def read_orjson(path: Path) -> object:
    import orjson

    gc.disable()
    return orjson.loads(path.read_bytes())


def read_msgspec(path: Path) -> object:
    """Decoded into typed objects, which is the fastest that a JSON library offers."""
    import msgspec

    class Arguments(msgspec.Struct, gc=False):
        correlation: int = -1

    class Event(msgspec.Struct, gc=False):
        ph: str = ""
        cat: str = ""
        name: str = ""
        pid: int | str = 0
        tid: int | str = 0
        ts: float = 0
        dur: float = 0
        args: Arguments | None = None

    class Trace(msgspec.Struct):
        traceEvents: list[Event]  # noqa: N815

    gc.disable()
    return msgspec.json.Decoder(Trace).decode(path.read_bytes())


def read_duckdb(path: Path) -> object:
    import duckdb

    columns = (
        "{traceEvents: 'STRUCT(ph VARCHAR, cat VARCHAR, name VARCHAR, pid VARCHAR, tid VARCHAR, "
        "ts DOUBLE, dur DOUBLE, args STRUCT(correlation BIGINT))[]'}"
    )
    size = path.stat().st_size + 1_000_000
    return duckdb.execute(
        "select unnest(traceEvents, recursive := true) from "
        f"read_json('{path}', maximum_object_size = {size}, columns = {columns})"
    ).fetchnumpy()


def read_hta(path: Path) -> object:
    from hta.common.trace_parser import parse_trace_dataframe
    from hta.configs.parser_config import ParserConfig

    return parse_trace_dataframe(str(path.absolute()), ParserConfig.get_default_cfg())


def read_tensorboard_plugin(path: Path) -> object:
    from torch_tb_profiler.profiler.data import RunProfileData

    data = RunProfileData.parse("worker", "span", str(path), str(path.parent))
    data.process()
    return data


PEERS: dict[str, Callable[[Path], object]] = {
    "json": read_json,
    "orjson": read_orjson,
    "msgspec typed": read_msgspec,
    "DuckDB": read_duckdb,
    "HTA": read_hta,
    "torch-tb-profiler": read_tensorboard_plugin,
}


def main() -> None:
    name, path = sys.argv[1], Path(sys.argv[2])
    try:
        PEERS[name](Path(os.devnull))  # imports, and nothing else
    except ImportError:
        print("not installed")
        return
    except Exception:
        pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    kept = PEERS[name](path)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps({"seconds": seconds, "bytes": 1024 * (peak - before), "kept": kept is not None})
    )


if __name__ == "__main__":
    main()
