"""The messages of the Model Register, spelt as it spells them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Sent(BaseModel):
    """A message of ours: nothing but what is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Received(BaseModel):
    """A message of theirs: what is declared must be of its type, what is not is counted."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class HoSo(Sent):
    """``PUT /so/{ma}``: a dossier as a whole."""

    ma: str
    trangThai: int  # noqa: N815 - theirs
    maThuTuc: str  # noqa: N815
    tenThuTuc: str  # noqa: N815
    donVi: str  # noqa: N815
    nguoiNop: str  # noqa: N815
    ngayNop: str  # noqa: N815
    trichYeu: str  # noqa: N815


class Buoc(Sent):
    """``POST /so/{ma}/buoc``: one step, in a list."""

    so: int
    noiDung: str  # noqa: N815
    canBo: str  # noqa: N815
    luc: str


class KetQua(Received):
    """The answer to a write."""

    ketQua: Literal["DA_GHI", "TU_CHOI"]  # noqa: N815
    maLyDo: str = ""  # noqa: N815


class BuocDaGhi(Received):
    """A step as the register lists it."""

    so: int
    noiDung: str  # noqa: N815
    canBo: str  # noqa: N815
    luc: str


class TraCuu(Received):
    """``GET /so/{ma}``: what the register holds; without a dossier where it holds none."""

    ketQua: Literal["CO", "KHONG_CO"]  # noqa: N815
    ma: str = ""
    trangThai: int = 0  # noqa: N815
    buoc: list[BuocDaGhi] = []
