"""Short forms of kernel names: C++ templates hide what a person looks for."""

import re
from functools import lru_cache

_BEFORE = re.compile(r"^(?:\[clone[^\]]*\]|void|static|inline)\s+")
_IDENTIFIER = re.compile(r"[A-Za-z_~$][\w$]*")
_TELLING = re.compile(
    r"\w*[Ff]unctor\w*|\w*Ops?|\w+_kernel_(?:cuda|impl|hip)\w*|\w+_cuda_kernel|launch_\w+|cutlass_\w+"
    r"|plus|minus|multiplies|divides|Sqrt"
)
_VAGUE = re.compile(
    r"[AB]?(?:Unary|Binary|Ternary|Pointwise)(?:Op\w*)?Functor|ReduceOp|gpu_kernel_impl(?:_nocast)?"
)
_LONGEST_READ = 4000  # characters; what follows is left alone


@lru_cache(maxsize=1 << 14)
def short_kernel_name(name: str) -> str:
    """The function's own name, and of its template arguments the one that says what it computes.

    ``void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>, ...>(...)``
    is ``vectorized_elementwise_kernel<FillFunctor>``. What is no C++ signature stays as it is.
    """
    if ("<" not in name and "(" not in name) or len(name) > _LONGEST_READ:
        return name
    text = name
    while match := _BEFORE.match(text):
        text = text[match.end() :]
    space, head, arguments = _split(text.replace("(anonymous namespace)::", ""))
    if not _IDENTIFIER.fullmatch(head):
        return name
    told = _telling(arguments)
    if head.lower() in ("kernel", "kernel2") and space and not told:
        return f"{space}::{head}"
    return f"{head}<{told}>" if told else head


def _split(text: str) -> tuple[str, str, str]:
    """Of a qualified name its last two parts before the call's brackets, and template arguments."""
    depth, start, open_at = 0, 0, 0
    space = head = arguments = ""
    for at, sign in enumerate(text):
        if sign == "<":
            if depth == 0:
                head, open_at = text[start:at], at + 1
            depth += 1
        elif sign == ">" and depth:
            depth -= 1
            if depth == 0:
                arguments, start = text[open_at:at], at + 1
        elif depth == 0 and sign in ": ":  # after a space: what came before was a return type
            if sign == " ":
                space = ""
            elif text[at - 1] != ":":
                space = head or text[start:at]
            head, arguments, start = "", "", at + 1
        elif depth == 0 and sign == "(":
            return space, head or text[start:at], arguments
    return ("", "", "") if depth else (space, head or text[start:], arguments)


def _telling(arguments: str) -> str:
    names = _IDENTIFIER.findall(arguments)
    found = [each for each in names if _TELLING.fullmatch(each)]
    return next((each for each in found if not _VAGUE.fullmatch(each)), next(iter(found), ""))
