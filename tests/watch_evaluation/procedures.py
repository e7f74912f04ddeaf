"""The procedures of the invented province: what they are called, how long they take, how many people they concern."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Procedure:
    """One kind of dossier."""

    names: tuple[str, str, str]
    """In the three vocabularies a stream may be written in: Vietnamese, code, English."""
    land: bool
    days: float
    """Mean life; below one it is closed within the hour."""
    parties: tuple[int, ...]
    revisits: float


PROCEDURES = {
    "khai_sinh": Procedure(("khai_sinh", "1.001193", "birth_registration"), False, 3, (2, 2, 3), 0.5),
    "ket_hon": Procedure(("ket_hon", "1.000894", "marriage"), False, 4, (2,), 0.8),
    "cu_tru": Procedure(("xac_nhan_cu_tru", "1.004194", "residence"), False, 2, (1, 1, 2, 3), 0.3),
    "chung_thuc": Procedure(("chung_thuc", "2.000815", "certification"), False, 0.1, (1, 1, 2), 0.05),
    "dat": Procedure(("dat_dai.chuyen_quyen", "1.012781", "land_transfer"), True, 14, (2, 2, 3, 4), 1.5),
    "dat_cap_doi": Procedure(("dat_dai.cap_doi", "1.012786", "land_certificate"), True, 11, (1, 2), 1.2),
    "bao_tro": Procedure(("bao_tro_xa_hoi", "1.001776", "social_allowance"), False, 9, (1, 1, 2), 1.0),
    "ho_kinh_doanh": Procedure(("ho_kinh_doanh", "1.001612", "household_business"), False, 3, (1, 2), 0.4),
}
OF_ROLE = {
    "can_bo_mot_cua": ("chung_thuc", "cu_tru", "khai_sinh", "bao_tro", "ho_kinh_doanh"),
    "tu_phap_ho_tich": ("khai_sinh", "ket_hon", "chung_thuc"),
    "dia_chinh": ("dat", "dat_cap_doi"),
    "bao_tro_xa_hoi": ("bao_tro", "cu_tru"),
    "chuyen_vien": ("ho_kinh_doanh", "dat", "bao_tro", "ket_hon"),
    "lanh_dao": ("dat", "chung_thuc"),
}
FOREIGN = ("BHXH", "LTDT", "H99.90")
"""How codes of other national systems begin; the last has the form of our own."""
