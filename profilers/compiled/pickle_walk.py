"""Whether a pickle holds plain containers only, told from its opcodes without building anything.

The function also runs uncompiled, on bytes as well as on an array. Opcodes and their arguments:
Python's ``pickletools``.

What the unpickler would hash must be short text, whose hashes nobody can foresee: tuples that hold
one another exhaust the C stack or double the work with each level, numbers can be made to collide.
"""

from collections.abc import Sequence

SOUND, CUT, FORBIDDEN, TOO_LONG, TOO_LARGE, UNSOUND, ODD_KEY = range(7)
OTHER, TEXT, MARK, NOTHING = 0, 1, 2, -1

COLUMNS = 5  # of RULES: what follows, how many are taken, which are hashed, what is pushed, bytes
_REFUSED, _INTEGER, _LINE, _NUMBER_LINE = -100, -20, -40, -41
_TO_MARK, _GET, _DUPLICATE = -1, 10, 11

RULES = [_REFUSED, 0, 0, NOTHING, 0] * 256


def _rule(opcodes: bytes, follows: int, takes: int, hashed: int, pushes: int, cost: int) -> None:
    for opcode in opcodes:
        RULES[opcode * COLUMNS : (opcode + 1) * COLUMNS] = [follows, takes, hashed, pushes, cost]


# `cost`: bytes of the object with its place on the stack and in a container. Python 3.11's own
# sizes: an int 32, an empty list 56 and 32 with its first item, a dict 64 and 184, a set 216.
_rule(b"N\x88\x89", 0, 0, 0, OTHER, 50)
_rule(b"K", 1, 0, 0, OTHER, 50)
_rule(b"M", 2, 0, 0, OTHER, 80)
_rule(b"J", 4, 0, 0, OTHER, 80)
_rule(b"G", 8, 0, 0, OTHER, 80)
_rule(b"\x8a", _INTEGER - 1, 0, 0, OTHER, 90)
_rule(b"\x8b", _INTEGER - 4, 0, 0, OTHER, 90)
_rule(b"IFL", _NUMBER_LINE, 0, 0, OTHER, 90)
_rule(b"CB\x8e", 0, 0, 0, OTHER, 90)
_rule(b"UTX\x8c\x8d", 0, 0, 0, TEXT, 120)
for _opcodes, _width in ((b"CU\x8c", 1), (b"BTX", 4), (b"\x8d\x8e", 8)):
    for _opcode in _opcodes:
        RULES[_opcode * COLUMNS] = -_width
_rule(b"SV", _LINE, 0, 0, TEXT, 120)
_rule(b"]", 0, 0, 0, OTHER, 150)
_rule(b")", 0, 0, 0, OTHER, 50)
_rule(b"}", 0, 0, 0, OTHER, 300)
_rule(b"\x8f", 0, 0, 0, OTHER, 280)
_rule(b"(", 0, 0, 0, MARK, 20)
_rule(b"1e", 0, _TO_MARK, 0, NOTHING, 0)
_rule(b"lt", 0, _TO_MARK, 0, OTHER, 150)
_rule(b"u", 0, _TO_MARK, 2, NOTHING, 0)
_rule(b"d", 0, _TO_MARK, 2, OTHER, 300)
_rule(b"\x90", 0, _TO_MARK, 1, NOTHING, 0)
_rule(b"\x91", 0, _TO_MARK, 1, OTHER, 280)
_rule(b"\x85", 0, 1, 0, OTHER, 110)
_rule(b"\x86", 0, 2, 0, OTHER, 120)
_rule(b"\x87", 0, 3, 0, OTHER, 130)
_rule(b"a0", 0, 1, 0, NOTHING, 0)
_rule(b"s", 0, 2, 2, NOTHING, 0)
_rule(b"2", 0, 0, 0, _DUPLICATE, 50)
_rule(b"p", _NUMBER_LINE, 0, 0, NOTHING, 20)
_rule(b"q", 1, 0, 0, NOTHING, 20)
_rule(b"r", 4, 0, 0, NOTHING, 20)
_rule(b"\x94.", 0, 0, 0, NOTHING, 20)
_rule(b"g", _NUMBER_LINE, 0, 0, _GET, 50)
_rule(b"h", 1, 0, 0, _GET, 50)
_rule(b"j", 4, 0, 0, _GET, 50)
_rule(b"\x80", 1, 0, 0, NOTHING, 0)
_rule(b"\x95", -8, 0, 0, NOTHING, 0)


def walk(
    data: Sequence[int], size: int, rules: Sequence[int], most_bytes: int
) -> tuple[int, int, int]:
    """How the walk over ``data[:size]`` ended, where, and how many opcodes it passed.

    The stack and the memo are followed as far as to know what is short text. Memo numbers must not
    run ahead of what was put there, so that no memo is larger than the file; and all objects
    together must not need more than `most_bytes`.
    """
    stack, memo = [2], [-1]
    at, opcodes, memos, needed = 0, 0, 0, 0
    while at < size:
        opcode, here = int(data[at]), at
        rule = opcode * 5
        follows, takes, pushes = rules[rule], rules[rule + 1], rules[rule + 3]
        needed += rules[rule + 4]
        opcodes += 1
        at += 1
        if needed > most_bytes:
            return TOO_LARGE, here, opcodes
        if follows == -100:
            return FORBIDDEN, here, opcodes
        number, length = 0, 0
        if follows <= -40:  # a line
            begin = at
            while at < size and data[at] != 10:
                digit = int(data[at]) - 48
                if 0 <= digit <= 9 and number < 1 << 40:
                    number = number * 10 + digit
                elif follows == -41 and (opcode == 0x70 or opcode == 0x67):  # PUT, GET
                    return UNSOUND, here, opcodes
                at += 1
            length = at - begin
            at += 1
            if follows == -41 and length > 40:
                return TOO_LONG, here, opcodes
        elif follows < 0:  # a length in so many bytes, or that of an integer
            width = -follows - 20 if follows <= -20 else -follows
            if at + width > size:
                return CUT, here, opcodes
            for place in range(width):
                length |= int(data[at + place]) << (8 * place)
                if length > size:
                    return CUT, here, opcodes
            if follows <= -20 and length > 9:  # 64 bits with and without a sign
                return TOO_LONG, here, opcodes
            at += width
            if opcode != 0x95:  # what is in a frame is read as if there were none
                at += length
        else:
            if at + follows <= size:
                for place in range(follows):
                    number |= int(data[at + place]) << (8 * place)
            at += follows
        if at > size:
            return CUT, here, opcodes
        if opcode == 0x2E:  # STOP
            return SOUND, at, opcodes
        if takes == -1:
            begin = len(stack) - 1
            while begin > 0 and stack[begin] != 2:
                begin -= 1
            begin += 1
        else:
            begin = len(stack) - takes
        if begin < 1 or (takes == -1 and begin < 2):  # the first mark is that of the walk
            return UNSOUND, here, opcodes
        hashed = rules[rule + 2]
        if hashed > 0:
            for place in range(begin, len(stack), hashed):
                if stack[place] != 1:
                    return ODD_KEY, here, opcodes
        while len(stack) > begin:
            if stack.pop() == 2 and opcode != 0x30:  # POP may take a mark
                return UNSOUND, here, opcodes
        if takes == -1:
            stack.pop()
        if pushes == 10:
            if number >= len(memo) or memo[number] < 0:
                return UNSOUND, here, opcodes
            stack.append(memo[number])
        elif pushes == 11:
            if stack[-1] == 2:
                return UNSOUND, here, opcodes
            stack.append(stack[-1])
        elif pushes == 1:
            needed += 4 * length  # a character may take four bytes
            stack.append(1 if length <= 1000 else 0)
        elif pushes >= 0:
            needed += length
            stack.append(pushes)
        elif opcode == 0x70 or opcode == 0x71 or opcode == 0x72 or opcode == 0x94:
            if opcode == 0x94:  # MEMOIZE
                number = memos
            if stack[-1] == 2 or number > memos + 256:
                return UNSOUND, here, opcodes
            while len(memo) <= number:
                memo.append(-1)
            if memo[number] < 0:
                memos += 1
            memo[number] = stack[-1]
    return CUT, size, opcodes
