"""One page that shows what the simulated portal received: Vietnamese first, no script, no citizen's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice
from typing import Any

import orjson

from adapters.national_portal.simulator.calling import CallingPortal
from adapters.national_portal.simulator.portal import CallRecord, SimulatedPortal
from contracts.states import DossierState

SHOWN = 200
"""Rows of each table; the newest."""

_STATES = {str(state.number): f"{state.number} – {state.vietnamese}" for state in DossierState}

_STYLE = (
    "body{font:16px/1.5 'Noto Sans',system-ui,sans-serif;margin:2rem;max-width:80rem}"
    "table{border-collapse:collapse;margin:0 0 2rem}caption{text-align:left;font-weight:600;padding:.5rem 0}"
    "th,td{border:1px solid #767676;padding:.25rem .6rem;text-align:left}td.n{text-align:right}"
)


def render(portal: SimulatedPortal, faults: Sequence[dict[str, Any]], calling: CallingPortal) -> str:
    """Return the page as HTML; names are masked and numbers of citizens are not on it at all."""
    dossiers = reversed(list(portal.dossiers.items()))
    return "".join(
        (
            '<!doctype html><html lang="vi"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Mô phỏng Cổng Dịch vụ công quốc gia</title><style>{_STYLE}</style></head><body>",
            "<h1>Mô phỏng Cổng Dịch vụ công quốc gia</h1>",
            '<p lang="en">Simulator of the National Public Service Portal: what it received. Invented data only.</p>',
            f"<p>{_totals(portal)}</p>",
            _table(
                "Hồ sơ đã nhận",
                ("Mã hồ sơ", "Trạng thái", "Chủ hồ sơ", "Tạo", "Cập nhật", "Bước", "Bước trùng"),
                (
                    (
                        code,
                        _STATES.get(held.state, held.state),
                        mask(orjson.loads(held.body).get("ChuHoSo", "")),
                        held.creates,
                        held.updates,
                        len(held.steps),
                        held.repeated_steps,
                    )
                    for code, held in islice(dossiers, SHOWN)
                ),
            ),
            _table(
                "Cuộc gọi gần nhất",
                ("Thời điểm (UTC)", "Dịch vụ", "isUpdating", "Số phần tử", "Dung lượng (byte)", "error_code"),
                (_call(one) for one in islice(reversed(portal.calls), SHOWN)),
            ),
            _table(
                "Sự cố đang mô phỏng",
                ("Loại", "Dịch vụ", "Tỷ lệ", "Còn lại", "Đã xảy ra", "Thời điểm"),
                (
                    (
                        one["kind"],
                        one["operation"] or "mọi dịch vụ",
                        one["share"],
                        "không giới hạn" if one["left"] is None else one["left"],
                        one["hits"],
                        "trước khi xử lý" if one["when"] == "before" else "sau khi xử lý",
                    )
                    for one in faults
                ),
            ),
            _buttons(calling),
            _table(
                "Cuộc gọi tới địa phương",
                ("Thời điểm (UTC)", "Dịch vụ", "HTTP", "error_code"),
                (
                    (one.at.strftime("%Y-%m-%d %H:%M:%S"), one.service, one.status, one.code)
                    for one in reversed(calling.calls)
                ),
            ),
            "</body></html>",
        )
    )


_BUTTONS = {
    "file_dossier": "Nộp hồ sơ trên Cổng",
    "amend_dossier": "Sửa đổi hồ sơ",
    "promotion_notice": "Gửi thông báo khuyến mại",
    "tax_notice": "Gửi thông báo thuế",
    "search": "Tra cứu hồ sơ",
    "payment": "Tra cứu khoản phải nộp",
}


def _buttons(calling: CallingPortal) -> str:
    """Return one form with a button for each call of the portal to the province."""
    buttons = "".join(
        f'<button name="call" value="{name}">{escape(_BUTTONS[name])}</button> ' for name in calling.samples
    )
    return f'<form method="post"><p>Gọi địa phương: {buttons}</p></form>'


def _totals(portal: SimulatedPortal) -> str:
    steps = sum(len(one.steps) for one in portal.dossiers.values())
    repeated = sum(one.repeated_steps for one in portal.dossiers.values())
    return (
        f"{len(portal.dossiers)} hồ sơ, {steps} bước xử lý, {repeated} bước nhận trùng, "
        f"{portal.logins} lần đăng nhập, {portal.refused_logins} lần đăng nhập bị từ chối."
    )


def mask(name: str) -> str:
    """Return a name with the first letter of each word only."""
    return " ".join(f"{word[0]}…" for word in name.split())


def _call(one: CallRecord) -> tuple[Any, ...]:
    return (
        one.at.strftime("%Y-%m-%d %H:%M:%S"),
        one.service,
        one.is_updating,
        one.items,
        one.request_bytes,
        one.code,
    )


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    empty = f'<tr><td colspan="{len(heads)}">Chưa có</td></tr>'
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body or empty}</tbody></table>"
    )


def _cell(value: Any) -> str:
    kind = ' class="n"' if isinstance(value, int | float) else ""
    return f"<td{kind}>{escape(str(value))}</td>"
