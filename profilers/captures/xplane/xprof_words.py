"""What xprof's tables, columns and figures are called for a reader, with their units."""

import math
import re

TITLES = {
    "overview_page": "Overview",
    "input_pipeline_analyzer": "Input pipeline",
    "framework_op_stats": "Framework operators",
    "roofline_model": "Roofline",
    "hlo_stats": "HLO operators",
    "kernel_stats": "Kernels",
    "op_profile": "Op profile",
    "memory_viewer": "Memory of an HLO module",
}
_PARTS = {  # of an answer that holds several tables
    ("overview_page", 0): "top operators",
    ("overview_page", 1): "steps",
    ("overview_page", 3): "advice",
    ("overview_page", 4): "latency",
    ("input_pipeline_analyzer", 1): "steps",
    ("input_pipeline_analyzer", 2): "operators",
    ("input_pipeline_analyzer", 3): "advice",
    ("framework_op_stats", 0): "with idle time",
    ("framework_op_stats", 1): "without idle time",
}
_COLUMNS = {
    "tip_type": "Kind",
    "link": "Advice",
    "description": "What for",
    "Normalized FLOP Rate (FLOPs/s)": "Normalized FLOP Rate (GFLOP/s)",  # what it holds
    "GFLOPs/Sec": "GFLOP/s",
}
_OF_ONE = frozenset(  # tools that give percentages as fractions of one
    {"overview_page", "input_pipeline_analyzer", "framework_op_stats", "roofline_model"}
)
_PERCENTAGE = re.compile(r"\(%\)|\(as % of")
_FIGURES = {
    "steptime_ms_average": "Step time, average (ms)",
    "steptime_ms_maximum": "Step time, longest (ms)",
    "steptime_ms_minimum": "Step time, shortest (ms)",
    "steptime_ms_standard_deviation": "Step time, deviation (ms)",
    "host_tf_op_percent": "Operators' time on the host",
    "device_tf_op_percent": "Operators' time on the device",
    "device_compute_16bit_percent": "Device computing in 16 bits",
    "device_compute_32bit_percent": "Device computing in 32 bits",
    "device_op_time_eager_percent": "Operators' time on the device in eager mode",
    "host_op_time_eager_percent": "Operators' time on the host in eager mode",
    "hbm_utilization_percent": "Use of the memory's bandwidth",
    "mxu_utilization_percent": "Use of the matrix units",
    "is_training": "Training",
    "peak_flop_rate": "Peak (GFLOP/s)",
    "peak_hbm_bw": "Peak of HBM (GiB/s)",
    "peak_vmem_write_bw": "Peak of shared memory and L1 (GiB/s)",
    "hbm_ridge_point": "Ridge of HBM (FLOP/Byte)",
    "vmem_write_ridge_point": "Ridge of shared memory and L1 (FLOP/Byte)",
}
_NO_FIGURE = re.compile(
    r"_ids$|_color$|^summary_|trace_level$|bottleneck|^hardware_type$|^architecture_type$"
)
_STATISTIC = re.compile(r"^(?P<of>.*)_time_ms_(?P<which>avg|sdv)$")
_EXPONENT = re.compile(r"^-?\d+(?:\.\d+)?e[+-]\d+$")
_DIGITS = 6
_LARGEST = 1e15


def part_title(tool: str, table: int, of_tables: int) -> str:
    """Title of one of an answer's tables that have rows."""
    known = _PARTS.get((tool, table))
    if known is None and of_tables == 1:
        return TITLES[tool]
    return f"{TITLES[tool]}: {known or f'table {table + 1}'}"


def column_title(label: str, column_id: str) -> str:
    """With the unit, which xprof leaves to the column's name in some tables."""
    is_time = column_id.endswith("TimeMs") and "(" not in label
    return _COLUMNS.get(label, f"{label} (ms)" if is_time else label)


def is_of_one(tool: str, label: str) -> bool:
    """Whether a column of percentages holds fractions of one."""
    return tool in _OF_ONE and _PERCENTAGE.search(label) is not None


def is_figure(name: str) -> bool:
    """False for what only xprof's own pages use."""
    return not _NO_FIGURE.search(name)


def figure_title(name: str) -> str:
    """ "Host compute, average (ms)" of "host_compute_time_ms_avg"."""
    if name in _FIGURES:
        return _FIGURES[name]
    statistic = _STATISTIC.match(name)
    if statistic is None:
        return _sentence(name.removesuffix("_percent"))
    which = "average" if statistic["which"] == "avg" else "deviation"
    return f"{_sentence(statistic['of'])}, {which} (ms)"


def number_text(value: float) -> str:
    """Six digits that count, without an exponent, so that it reads and sorts as a number."""
    if not value or not math.isfinite(value) or abs(value) >= _LARGEST:
        return str(value).removesuffix(".0")
    decimals = max(_DIGITS - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def without_exponent(text: str) -> str:
    """ "1070530" of "1.07053e+06"; other texts as they are."""
    return number_text(float(text)) if _EXPONENT.match(text) else text


def _sentence(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()
