"""Whether a pickle holds plain containers only, told from its opcodes without building anything.

The function also runs uncompiled, on bytes as well as on an array. Opcodes and their arguments:
Python's ``pickletools``.
"""

from collections.abc import Sequence

SOUND, CUT, FORBIDDEN, TOO_LONG, TOO_DEEP, ODD_MEMO = range(6)
DEEPEST = 1000
LONGEST_INTEGER = 9  # bytes: enough for 64 bits with and without a sign

# What follows each opcode: so many bytes, a length in so many bytes, or nothing good.
_REFUSED = -100
_INTEGER = -20  # a length, then the bytes of an integer
FOLLOWED_BY = [_REFUSED] * 256
for _opcodes, _bytes in (
    (b"(.012N])}aeltdsu\x85\x86\x87\x88\x89\x8f\x90\x91\x94", 0),
    (b"\x80Khq", 1),
    (b"M", 2),
    (b"Jjr", 4),
    (b"G\x95", 8),
    (b"CU\x8c", -1),
    (b"BTX", -4),
    (b"\x8d\x8e\x96", -8),
    (b"\x8a", _INTEGER - 1),
    (b"\x8b", _INTEGER - 4),
):
    for _opcode in _opcodes:
        FOLLOWED_BY[_opcode] = _bytes


def walk(data: Sequence[int], size: int, followed_by: Sequence[int]) -> tuple[int, int, int]:
    """How the walk over ``data[:size]`` ended, where, and how many opcodes it passed.

    Memo numbers must not run ahead of what was put there, so that no memo is larger than the file.
    """
    at, opcodes, memos, marks = 0, 0, 0, 0
    while at < size:
        opcode, here = data[at], at
        follows = followed_by[opcode]
        opcodes += 1
        at += 1
        if opcode == 0x2E:  # STOP
            return SOUND, at, opcodes
        if follows == -100:
            return FORBIDDEN, here, opcodes
        is_integer = follows <= -20
        width = -follows - 20 if is_integer else -follows
        if width > 0:
            if at + width > size:
                return CUT, here, opcodes
            length = 0
            for place in range(width):
                length |= int(data[at + place]) << (8 * place)
                if length > size:
                    return CUT, here, opcodes
            if is_integer and length > 9:
                return TOO_LONG, here, opcodes
            at += width + length
        else:
            at += follows
        if at > size:
            return CUT, here, opcodes
        if opcode == 0x71 or opcode == 0x72:  # BINPUT, LONG_BINPUT
            number = int(data[here + 1])
            if opcode == 0x72:
                for place in range(1, 4):
                    number |= int(data[here + 1 + place]) << (8 * place)
            if number > memos + 256:
                return ODD_MEMO, here, opcodes
            memos += 1
        elif opcode == 0x94:  # MEMOIZE
            memos += 1
        elif opcode == 0x28:  # MARK
            marks += 1
            if marks > 1000:
                return TOO_DEEP, here, opcodes
        elif opcode in (0x65, 0x75, 0x6C, 0x74, 0x64, 0x90, 0x91, 0x31):  # what takes a mark back
            marks = max(marks - 1, 0)
    return CUT, size, opcodes
