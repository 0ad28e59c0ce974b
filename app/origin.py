"""Where a profile comes from, in a few words: framework, mode, device, and settings that were changed."""

from profilers.profile import Environment
from profilers.runtimes import mode_named
from profilers.runtimes.mode_options import ModeOption

_YES, _NO = ("on", "yes"), ("off", "no")


def origin_words(environment: Environment) -> list[str]:
    """What tells two runs of one model apart, most telling first; [] for a mere file."""
    parts = [environment.framework, environment.mode, *_settings(environment), environment.device]
    return [part for part in parts if part]


def _settings(environment: Environment) -> list[str]:
    """Options of the mode that are not its defaults: "training step", "bfloat16 autocast"."""
    given = environment.request.get("options", {})
    mode = mode_named(environment.mode)
    if mode is None:  # of another version
        return []
    return [
        _words(option, str(given[option.id]))
        for option in mode.options
        if option.id in given
        and str(given[option.id]) not in ("", option.default)
        and option.unmet(mode.options, given) is None
    ]


def _words(option: ModeOption, value: str) -> str:
    title = option.title[:1].lower() + option.title[1:]
    if value in _YES:
        return title
    return f"no {title}" if value in _NO else f"{value} {title}"
