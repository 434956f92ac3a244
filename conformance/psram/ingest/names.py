"""Names of the tools whose reports are read, as evidence carries them."""

from typing import Final

COBERTURA: Final = "cobertura"
