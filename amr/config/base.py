"""What all config models share: frozen, no unknown key, no infinite or nan number."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One table of a robot or scenario file.

    Wrong input raises pydantic's ``ValidationError`` with the whole path of the key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=False)
