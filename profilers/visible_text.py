"""Text of strangers' files, made fit to be shown."""

import unicodedata

_PICTURES_OF_CONTROLS = 0x2400
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def visible(text: str) -> str:
    """The text on one line, with signs for what cannot be seen or would turn it around."""
    return "".join(_shown(sign) for sign in text)


def _shown(sign: str) -> str:
    if sign.isprintable() or sign == " ":
        return sign
    if sign in "\n\r\t" or unicodedata.category(sign) == "Zs":
        return " "
    code = ord(sign)
    if code < 0x20:
        return chr(_PICTURES_OF_CONTROLS + code)
    return "�" if unicodedata.category(sign) in _INVISIBLE else sign
