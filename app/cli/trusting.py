"""Trust on the command line: ``--trust``, or a file that the person trusted in the window before."""

from app.capturing import model_to_trust, require_trust
from app.paths import config_folder
from profilers.models import ModelFile
from profilers.request import RunRequest
from profilers.trust import TrustStore, digest


def is_trusted(model: ModelFile, request: RunRequest, *, agreed: bool) -> bool:
    """Whether what `request` runs may execute code.

    Raises
    ------
    TrustRequired
        If it can, and nobody agreed.
    CodeNeeded
        If the model holds weights alone and the request names no code for them.
    """
    asks = model_to_trust(model, request)
    if asks is None or agreed:
        return agreed
    trusted = TrustStore(config_folder() / "trusted.json").holds(digest(asks.path))
    require_trust(asks, is_trusted=trusted)
    return trusted
