"""The words of reports, Vietnamese and English, and how numbers and days are written in each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from hub.reports.document import Cell, CellKind

Language = Literal["vi", "en"]

TEXTS: dict[str, tuple[str, str]] = {
    "entries": ("Lượt vào ra", "Entries"),
    "coverage": ("Độ phủ điểm kiểm dịch", "Coverage of checkpoints"),
    "compliance": ("Tuân thủ quét mã", "Compliance"),
    "period": ("Kỳ báo cáo", "Period"),
    "made": ("Lập lúc", "Made"),
    "everywhere": ("tất cả các đơn vị", "all parks"),
    "park": ("Đơn vị", "Park"),
    "site": ("Điểm", "Site"),
    "site_name": ("Tên điểm", "Name of the site"),
    "gate": ("Cổng", "Gate"),
    "day": ("Ngày", "Day"),
    "decisions": ("Lượt kiểm tra", "Decisions"),
    "granted": ("Cho vào", "Granted"),
    "denied": ("Từ chối", "Denied"),
    "entered": ("Đã vào", "Entered"),
    "exited": ("Đã ra", "Left"),
    "measured": ("Đã đo thân nhiệt", "Measured"),
    "fever": ("Thân nhiệt cao", "High temperature"),
    "fever_share": ("Tỷ lệ thân nhiệt cao", "High of measured"),
    "declared": ("Có khai báo y tế", "With a declaration"),
    "reason": ("Lý do", "Reason"),
    "share": ("Tỷ lệ", "Share"),
    "count": ("Số lượt", "Count"),
    "by_day": ("Theo ngày", "By day"),
    "by_gate": ("Theo điểm và cổng", "By site and gate"),
    "by_day_and_gate": ("Theo ngày, điểm và cổng", "By day, site and gate"),
    "by_reason": ("Từ chối theo lý do", "Denied, by reason"),
    "answers": ("Khai báo y tế trả lời 'có'", "Declarations that answer yes"),
    "question": ("Câu hỏi", "Question"),
    "of_decisions": ("trên {of} lượt kiểm tra", "of {of} decisions"),
    "of_measured": ("trên {of} lượt đã đo", "of {of} measured"),
    "of_denied": ("trên {of} lượt bị từ chối", "of {of} denied"),
    "of_registered": ("trên {of} điểm đã đăng ký", "of {of} registered"),
    "of_asked": ("trên {of} dòng trong danh sách", "of {of} lines of the list"),
    "of_known": ("trên {of} người có trong sổ", "of {of} people on the roster"),
    "entered_note": (
        "người đã đi qua cửa theo hướng vào",
        "people who then went through, inwards",
    ),
    "note_reasons": (
        "Mỗi lượt bị từ chối được tính một lần, theo lý do quyết định.",
        "Each denied decision is counted once, by what decided.",
    ),
    "note_unsure": (
        "{count} lượt có giờ chưa xác định; chúng được tính theo ngày mà đồng hồ của cổng chỉ.",
        "{count} decisions have a time that nobody knows; they stand on their gate's own day.",
    ),
    "province": ("Tỉnh/Thành phố", "Province"),
    "district": ("Quận/Huyện", "District"),
    "rank": ("Hạng", "Rank"),
    "active": ("Hoạt động", "Active"),
    "registered": ("Đã đăng ký", "Registered"),
    "silent": ("Chưa hoạt động", "Silent"),
    "active_sites": ("Điểm có hoạt động", "Active sites"),
    "by_province": ("Theo tỉnh/thành phố", "By province"),
    "by_district": ("Theo quận/huyện", "By district"),
    "silent_sites": ("Đã đăng ký nhưng không hoạt động", "Registered and silent"),
    "unregistered_sites": ("Có dữ liệu nhưng chưa đăng ký", "Heard of, not registered"),
    "contact": ("Liên hệ", "Contact"),
    "last_seen": ("Lần cuối", "Last decision"),
    "note_active": (
        "Một điểm được tính là hoạt động khi có ít nhất một lượt kiểm tra trong kỳ.",
        "A site is active when at least one decision was recorded there in the period.",
    ),
    "notes": ("Ghi chú", "Notes"),
    "lacks_nothing": (
        "Số liệu đầy đủ theo những gì hệ thống biết.",
        "Complete as far as the hub knows.",
    ),
    "lacks_offline": (
        "Cổng có lúc mất liên lạc: {gates}. Số liệu của các cổng này có thể còn thiếu.",
        "Not heard at times: {gates}. The figures of these gates may be too low.",
    ),
    "lacks_unheard": (
        "Cổng đã đăng ký nhưng chưa từng gửi gì: {gates}.",
        "Registered and never heard: {gates}.",
    ),
    "lacks_records": (
        "Bản ghi chưa về đủ hoặc đã mất: {gates}. Số liệu có thể còn thiếu.",
        "Records have not come, or are lost: {gates}. The figures may be too low.",
    ),
    "lacks_outcomes": (
        "Số lượt được cho qua mà không rõ có đi qua hay không: {count}. Không tính là đã vào.",
        "Grants of which nobody knows whether they were used: {count}. Not counted as entries.",
    ),
    "lacks_persons": (
        "Số lượt qua không có mã phân biệt được: {count}. Người không thấy có thể ở trong đó.",
        "Passages without a code that tells who: {count}. Someone seen nowhere may be among them.",
    ),
    "unstated": ("(chưa ghi)", "(not stated)"),
    "asked": ("Dòng trong danh sách", "Lines of the list"),
    "line": ("Dòng", "Line"),
    "asked_for": ("Số điện thoại hoặc mã", "Phone or id"),
    "holder": ("Mã số", "Id"),
    "name": ("Họ tên", "Name"),
    "first": ("Lần đầu", "First"),
    "last": ("Lần cuối", "Last"),
    "people_seen": ("Người có quét", "People seen"),
    "people_absent": ("Người không quét", "People not seen"),
    "untraceable": ("Không tra được", "Can't be told"),
    "unknown": ("Không có trong sổ", "Not on the roster"),
    "traceable": ("Tra được", "Can be told"),
    "yes": ("có", "yes"),
    "no": ("không", "no"),
    "seen": ("Ai đã quét ở đâu", "Who was seen where"),
    "absent": ("Không thấy ở đâu", "Seen nowhere"),
    "note_untraceable": (
        "Không tra được: trong sổ chưa có giấy tờ hoặc thẻ của người này.",
        "Can't be told: the roster holds no credential of them.",
    ),
    "cut": (
        "In {shown} trên {all} dòng; toàn bộ có trong bản XLSX, CSV và JSON.",
        "{shown} of {all} rows are printed; XLSX, CSV and JSON hold all.",
    ),
    "page": ("Trang {number}/{all}", "Page {number} of {all}"),
    "empty": ("không có", "none"),
    "park_": ("đơn vị {name}", "park {name}"),
    "site_": ("điểm {name}", "site {name}"),
}
REASONS: dict[str, tuple[str, str]] = {
    "code_not_accepted": ("Loại mã không được nhận", "code not accepted here"),
    "code_unreadable": ("Mã không đọc được", "code unreadable"),
    "code_too_long": ("Mã quá dài", "code too long"),
    "code_timeout": ("Không đưa mã kịp lúc", "no code in time"),
    "code_changed": ("Đổi mã giữa chừng", "code changed half-way"),
    "code_repeated": ("Mã vừa dùng", "code used just before"),
    "several_codes": ("Nhiều mã cùng lúc", "several codes at once"),
    "code_unproved": ("Mã không có chứng thực", "code proves nothing"),
    "code_signature_invalid": ("Chữ ký của mã sai", "signature invalid"),
    "code_revoked": ("Thẻ đã bị thu hồi", "pass revoked"),
    "code_expired": ("Mã hết hạn", "code expired"),
    "code_not_yet_valid": ("Mã chưa có hiệu lực", "code not yet valid"),
    "code_clock_unsure": ("Chưa chắc giờ để xét hạn", "time unsure, validity unknown"),
    "code_incomplete": ("Thiếu thông tin bắt buộc", "code lacks what is required"),
    "code_wrong_site": ("Thẻ không dùng cho điểm này", "pass is for another site"),
    "code_not_possessed": ("Không chứng minh giữ thẻ", "possession not proved"),
    "code_stale": ("Mã động đã cũ", "rotating code too old"),
    "code_replayed": ("Mã dùng lại", "code replayed"),
    "temperature_high": ("Thân nhiệt cao", "temperature high"),
    "temperature_low": ("Thân nhiệt đo quá thấp", "temperature too low"),
    "temperature_unsteady": ("Số đo không ổn định", "reading unsteady"),
    "temperature_timeout": ("Không đo được kịp lúc", "no reading in time"),
    "not_a_face": ("Không phải mặt người", "not a face"),
    "ambient_out_of_range": ("Nhiệt độ nơi đo ngoài khoảng", "air too warm or cold"),
    "secondary_check": ("Chờ đo lại bằng nhiệt kế y tế", "sent to a second measurement"),
    "fire_release": ("Cửa mở do báo cháy", "fire release"),
    "out_of_hours": ("Ngoài giờ mở cửa", "outside opening hours"),
    "closed_by_order": ("Cổng đóng theo lệnh", "gate closed by order"),
    "door_busy": ("Cửa đang bận", "door busy"),
    "door_open": ("Cửa đang mở", "door stood open"),
    "interrupted": ("Bị gián đoạn", "interrupted"),
    "camera_fault": ("Lỗi máy ảnh", "camera fault"),
    "sensor_fault": ("Lỗi nhiệt kế", "thermometer fault"),
    "door_fault": ("Lỗi cửa", "door fault"),
    "identity_fault": ("Lỗi xử lý danh tính", "identity fault"),
    "record_not_durable": ("Chưa ghi được bản ghi", "record not durable in time"),
    "unknown": ("Không rõ", "unknown"),
}
ANSWERS: dict[str, tuple[str, str]] = {
    "fever": ("Sốt", "fever"),
    "cough": ("Ho", "cough"),
    "contact": ("Tiếp xúc ca bệnh", "contact with a case"),
    "travel": ("Đi từ vùng dịch", "travel from an affected area"),
}


class Words:
    """What is written in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._at = 0 if language == "vi" else 1

    def __call__(self, key: str, **parts: str | int) -> str:
        told = {
            name: self.number(part) if isinstance(part, int) else part
            for name, part in parts.items()
        }
        return TEXTS[key][self._at].format(**told)

    def reason(self, name: str) -> str:
        return REASONS[name][self._at] if name in REASONS else name

    def answer(self, name: str) -> str:
        return ANSWERS[name][self._at] if name in ANSWERS else name

    def number(self, value: int) -> str:
        text = f"{value:,}"
        return text.replace(",", ".") if self._at == 0 else text

    def share(self, value: float) -> str:
        text = f"{100 * value:.1f} %"
        return text.replace(".", ",") if self._at == 0 else text

    def day(self, value: date) -> str:
        return f"{value:%d/%m/%Y}" if self._at == 0 else f"{value:%Y-%m-%d}"

    def time(self, value: datetime) -> str:
        return f"{value:%d/%m/%Y %H:%M}" if self._at == 0 else f"{value:%Y-%m-%d %H:%M}"

    def cell(self, value: Cell, kind: CellKind) -> str:
        """A table's cell as it is read."""
        if value is None:
            return "-"
        if kind == "share" and isinstance(value, int | float):
            return self.share(value)
        if isinstance(value, datetime):
            return self.time(value)
        if isinstance(value, date):
            return self.day(value)
        return self.number(value) if isinstance(value, int) else str(value)
